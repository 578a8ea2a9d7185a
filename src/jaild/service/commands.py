# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module carries out what people ask for: bans and unbans by hand.

Commands answer by callback when the change is in force in the firewall, or with the reason why not.
"""

import logging
from collections.abc import Callable

from jaild.core.address import Address, covering, parse
from jaild.core.ban import DENIED, Ban
from jaild.core.errors import (
    AddressDenied,
    AddressIgnored,
    JaildError,
    NoSuchJail,
    StoreFailed,
)
from jaild.enforce.port import Outcome
from jaild.service.guard import Guard
from jaild.service.ledger import Ledger
from jaild.service.pace import Pace

logger = logging.getLogger(__name__)

Done = Callable[[JaildError | None], None]
Counted = Callable[[int | JaildError], None]

BY_HAND = "unbanned by hand"


class Commands:
    """Bans and unbans; ``guard_of`` finds a jail by name and raises NoSuchJail."""

    def __init__(
        self,
        ledger: Ledger,
        pace: Pace,
        guard_of: Callable[[str], Guard],
        now: Callable[[], int],
    ) -> None:
        self._ledger = ledger
        self._pace = pace
        self._guard_of = guard_of
        self._now = now

    def ban(self, jail: str, text: str, duration: int, reason: str, done: Done) -> None:
        """Ban an address or network for a duration in microseconds; 0 is the jail's bantime.

        Neither do earlier bans make it longer, nor does it make later ones longer.
        done hears None, or NoSuchJail, InvalidAddress, AddressIgnored, FirewallFailed, StoreFailed.
        """
        try:
            ban = self._enter(jail, text, duration, reason)
        except JaildError as error:
            done(error)
            return
        self._pace.soon(lambda outcome: done(self._failure(outcome, ban)))

    def unban(self, jail: str, text: str, done: Counted) -> None:
        """Lift what shuts an address out of one jail, or of all with ""; done hears how many bans.

        That is its own ban, those of networks that hold it and, of a network, those inside it. What
        denyip lists stays: done hears AddressDenied, unless it only lies inside and others do too.
        """
        try:
            bans = self._overlapping(jail, parse(text))
        except JaildError as error:
            done(error)
            return
        self._lift(bans, done)

    def unban_all(self, jail: str, done: Counted) -> None:
        """Lift all bans but denyip's of one jail, or of all with ""; done hears how many."""
        try:
            name = self._guard_of(jail).name if jail else ""
        except JaildError as error:
            done(error)
            return
        roster = self._ledger.roster
        bans = roster.of(name) if name else list(roster)
        self._lift([ban for ban in bans if not ban.denied], done)

    def lift_all(self, jail: str, done: Counted) -> None:
        """Lift all bans of a jail, denyip's too; done hears how many."""
        self._lift(self._ledger.roster.of(jail), done)

    def _overlapping(self, jail: str, address: Address) -> list[Ban]:
        """Return the bans to lift so that an address is let in; raises AddressDenied.

        Of what denyip lists inside a network it is said that it stays.
        """
        names = [self._guard_of(jail).name] if jail else self._ledger.roster.jails()
        bans = [ban for name in names for ban in self._ledger.roster.overlapping(name, address)]
        around = {*covering(address)}
        denied = [ban for ban in bans if ban.denied]
        rest = [ban for ban in bans if not ban.denied]
        for ban in denied:
            if not rest or ban.address in around:
                raise AddressDenied(_denied(ban))
        if denied:
            more = f" and {len(denied) - 1} more" if len(denied) > 1 else ""
            logger.info("inside %s stays banned by denyip: %s%s", address, denied[0].address, more)
        return rest

    def _enter(self, name: str, text: str, duration: int, reason: str) -> Ban:
        guard = self._guard_of(name)
        jail = guard.jail
        if jail is None:
            raise NoSuchJail(f"jail '{name}' is {guard.state.value}: {guard.reason}")
        address = parse(text)
        why = jail.why_spared(address)
        if why:
            raise AddressIgnored(f"{address} is not banned: {why}")
        present = self._ledger.roster.get(name, address)
        if present is not None and present.denied:
            raise AddressDenied(_denied(present))
        now = self._now()
        until = jail.policy.until(now, duration)
        if reason == DENIED:
            # By these words a ban of denyip is known again.
            reason += ", says who bans by hand"
        jail.tally.forget(address)
        self._ledger.batch.clear(name, address)
        ban = Ban(name, address, now, until, 0, reason)
        self._ledger.enter(ban, guard.rule(address))
        guard.banned += 1
        self._ledger.batch.counters[name] = (jail.failures, guard.banned)
        return ban

    def _lift(self, bans: list[Ban], done: Counted) -> None:
        count = self._ledger.lift(bans, BY_HAND)
        if not count:
            done(0)
            return

        def answered(outcome: Outcome | JaildError) -> None:
            failure = self._failure(outcome, None)
            done(count if failure is None else failure)

        self._pace.soon(answered)

    def _failure(self, outcome: Outcome | JaildError, ban: Ban | None) -> JaildError | None:
        if isinstance(outcome, JaildError):
            return outcome
        for jail, address, reason in outcome.refused:
            if ban is not None and (jail, address) == (ban.jail, ban.address):
                return AddressIgnored(f"{address} is not banned: {reason}")
        return StoreFailed(self._ledger.problem) if self._ledger.problem else None


def _denied(ban: Ban) -> str:
    return (
        f"{ban.address} is banned for ever by denyip of jail '{ban.jail}': take it out there, then"
        " reload"
    )
