# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module takes up the bans of an earlier run, and forgets what is of jails that are gone."""

from collections.abc import Callable

from jaild.core.ban import Ban
from jaild.core.rule import Rule
from jaild.service.jails import Jails
from jaild.service.ledger import Ledger
from jaild.state.saved import Saved

GONE = "its jail is gone"


def take_up(saved: Saved, jails: Jails, ledger: Ledger, recorded: Callable[[Ban], bool]) -> None:
    """Put what was saved into the ledger; ``recorded`` tells whether the journal knows of a ban."""
    batch = ledger.batch
    for ban in saved.bans:
        guard = jails.get(ban.jail)
        if (ban.jail, ban.address) in saved.untold:
            # The process came to its end between the commit and the record, or just after.
            (batch.tell if recorded(ban) else ledger.tell_again)(ban)
        if guard is None:
            ledger.restore(ban, Rule(ban.jail, ban.address))
            ledger.lift([ban], GONE)
        else:
            # A jail with a mistake keeps its bans, on all ports: it no longer says on which.
            ledger.restore(ban, guard.rule(ban.address))
    for jail, address, _ in saved.failures:
        if jail not in jails:
            batch.clear(jail, address)
    for jail, process, _ in saved.connections:
        if jail not in jails:
            batch.connections[jail, process] = None
