# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module takes up the bans of an earlier run, and forgets what is of jails that are gone."""

from jaild.core.ban import Ban, Due
from jaild.core.rule import Rule
from jaild.service.jails import Jails
from jaild.service.ledger import Ledger
from jaild.state.saved import Saved

GONE = "its jail is gone"


def begin_of(saved: Saved, now: int) -> int:
    """Return the time since when there may be records of what was not saved as recorded."""
    seen = saved.position.seen if saved.position is not None else now
    return min(now, seen, *(ban.since for _, ban, _ in saved.due))


def take_up(saved: Saved, jails: Jails, ledger: Ledger) -> list[Ban]:
    """Put what was saved into the ledger.

    Returns the bans that no jail has heard of: they were waiting when the process ended.
    """
    for what, ban, ended in saved.due:
        if what is not Due.PASSED:
            # The process came to its end between the commit and the record, or just after.
            ledger.tell_again(ban, ended if what is Due.ENDED else "")
    for ban in saved.bans:
        guard = jails.get(ban.jail)
        if guard is None:
            ledger.restore(ban, Rule(ban.jail, ban.address))
            ledger.lift([ban], GONE)
        else:
            # A jail with a mistake keeps its bans, on all ports: it no longer says on which.
            ledger.restore(ban, guard.rule(ban.address))
    _forget_gone(saved, jails, ledger)
    return [ban for what, ban, _ in saved.due if what is Due.PASSED]


def _forget_gone(saved: Saved, jails: Jails, ledger: Ledger) -> None:
    batch = ledger.batch
    for jail, address, _ in saved.failures:
        if jail not in jails:
            batch.clear(jail, address)
    for jail, process, _ in saved.connections:
        if jail not in jails:
            batch.connections[jail, process] = None
