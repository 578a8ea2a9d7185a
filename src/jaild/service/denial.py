# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module brings the permanent bans of denyip into the roster, and out again."""

import logging
from collections.abc import Iterable

from jaild.core.address import of_network
from jaild.core.ban import DENIED, FOREVER, Ban
from jaild.service.guard import Guard
from jaild.service.ledger import Ledger

logger = logging.getLogger(__name__)

UNLISTED = "denyip no longer lists it"


def reconcile(guards: Iterable[Guard], ledger: Ledger, now: int) -> bool:
    """Make the permanent bans those that denyip lists; returns whether anything has changed.

    A jail that does not run keeps what it has. A list may be long: there is one line for all of it,
    no record of each.
    """
    changed = False
    for guard in guards:
        if guard.jail is not None and guard.config is not None:
            changed = _of_jail(guard, ledger, now) or changed
    return changed


def _of_jail(guard: Guard, ledger: Ledger, now: int) -> bool:
    jail, config = guard.jail, guard.config
    if jail is None or config is None:
        return False
    wanted, spared = {}, []
    for network in config.denyip:
        address = of_network(network)
        why = jail.ignored.why(address) or jail.ignored.why_untouchable(address)
        if why:
            spared.append(f"{address} ({why})")
        else:
            wanted[address] = Ban(guard.name, address, now, FOREVER, 0, DENIED)
    if spared:
        first, more = spared[0], len(spared) - 1
        others = f" and {more} more" if more else ""
        logger.warning("[%s] not denied, because spared: %s%s", guard.name, first, others)
    present = {ban.address for ban in ledger.roster.of(guard.name) if ban.denied}
    gone = present - wanted.keys()
    for address in gone:
        ledger.end_quietly(guard.name, address, UNLISTED)
    added = [ban for address, ban in wanted.items() if address not in present]
    for ban in added:
        ledger.enter_quietly(ban, guard.rule(ban.address))
    if added or gone:
        ledger.denied(guard.name, len(added), len(gone))
    return bool(added or gone)
