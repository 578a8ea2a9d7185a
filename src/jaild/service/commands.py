# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module carries out what people ask for: bans and unbans by hand.

Commands answer by callback when the change is in force in the firewall, or with the reason why not.
"""

from collections.abc import Callable

from jaild.core.address import Address, parse
from jaild.core.ban import Ban
from jaild.core.errors import AddressIgnored, JaildError, NoSuchJail, StoreFailed
from jaild.enforce.port import Outcome
from jaild.service.guard import Guard
from jaild.service.ledger import Ledger
from jaild.service.pace import Pace

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
            address = self._enter(jail, text, duration, reason)
        except JaildError as error:
            done(error)
            return
        self._pace.soon(lambda outcome: done(self._failure(outcome, address)))

    def unban(self, jail: str, text: str, done: Counted) -> None:
        """Lift the ban of an address in one jail, or in all with ""; done hears how many."""
        try:
            address = parse(text)
            if jail:
                self._guard_of(jail)
        except JaildError as error:
            done(error)
            return
        roster = self._ledger.roster
        wanted = roster.of(jail) if jail else roster
        self._lift([ban for ban in wanted if ban.address == address], done)

    def unban_all(self, jail: str, done: Counted) -> None:
        """Lift all bans of one jail, or of all with ""; done hears how many."""
        try:
            name = self._guard_of(jail).name if jail else ""
        except JaildError as error:
            done(error)
            return
        roster = self._ledger.roster
        self._lift(roster.of(name) if name else list(roster), done)

    def _enter(self, name: str, text: str, duration: int, reason: str) -> Address:
        guard = self._guard_of(name)
        jail = guard.jail
        if jail is None:
            raise NoSuchJail(f"jail '{name}' is {guard.state.value}: {guard.reason}")
        address = parse(text)
        why = jail.ignored.why(address)
        if why:
            raise AddressIgnored(f"{address} is not banned: {why}")
        now = self._now()
        until = jail.policy.until(now, duration)
        jail.tally.forget(address)
        self._ledger.batch.clear(name, address)
        self._ledger.enter(Ban(name, address, now, until, 0, reason), guard.rule(address))
        guard.banned += 1
        self._ledger.batch.counters[name] = (jail.failures, guard.banned)
        return address

    def _lift(self, bans: list[Ban], done: Counted) -> None:
        count = self._ledger.lift(bans, BY_HAND)
        if not count:
            done(0)
            return

        def answered(outcome: Outcome | JaildError) -> None:
            failure = self._failure(outcome, None)
            done(count if failure is None else failure)

        self._pace.soon(answered)

    def _failure(self, outcome: Outcome | JaildError, address: Address | None) -> JaildError | None:
        if isinstance(outcome, JaildError):
            return outcome
        refused = dict(outcome.refused)
        if address in refused:
            return AddressIgnored(f"{address} is not banned: {refused[address]}")
        return StoreFailed(self._ledger.problem) if self._ledger.problem else None
