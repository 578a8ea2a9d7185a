# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module decides what becomes of the bans that jails find: made, held back, or none at all."""

import logging
from collections.abc import Callable, Iterable

from jaild.core.address import Address
from jaild.core.ban import Ban
from jaild.core.errors import JaildError
from jaild.core.jail import Event
from jaild.core.offences import Offences
from jaild.core.policy import Ignored, Listed
from jaild.enforce.port import Outcome
from jaild.service import denial
from jaild.service.guard import Guard
from jaild.service.jails import Jails
from jaild.service.ledger import Ledger
from jaild.service.pace import Pace
from jaild.service.questions import SPARED, Interest
from jaild.service.sparing import Sparing

logger = logging.getLogger(__name__)


class Banning:
    """The way of a ban from the jail to the ledger, and back for those who are spared.

    ``pass_on`` tells the jails that look at bans of one that had to wait.
    """

    def __init__(
        self,
        jails: Jails,
        sparing: Sparing,
        offences: Offences,
        ledger: Ledger,
        pace: Pace,
        now: Callable[[], int],
    ) -> None:
        """``now`` gives microseconds since the epoch."""
        self.pass_on: Callable[[Guard, Ban], None] = lambda _guard, _ban: None
        self._jails = jails
        self._sparing = sparing
        self._offences = offences
        self._ledger = ledger
        self._pace = pace
        self._now = now
        sparing.tell(self._renamed, Interest(self._spared, self._banned))
        ledger.refused = self._refused

    def found(self, guard: Guard, event: Event) -> bool:
        """Take a ban that a jail has found; returns whether it is made, False if it waits."""
        ban, questions = event.ban, guard.questions
        if ban is None:
            return False
        if ban.until <= self._now():
            self._ledger.past(ban)
        elif questions is not None and questions.is_open(event.host):
            self._ledger.hold(ban)
            questions.wait(event.host, lambda spared: self._answered(ban, spared=spared))
            return False
        else:
            self._ledger.enter(ban, guard.rule(ban.address))
            self._draw_together(ban)
        return True

    def set_own(self, own: tuple[Address, ...]) -> None:
        """Take the host's own addresses."""
        self._sparing.set_own(own)
        self._spare_anew()

    def follow_names(self) -> None:
        """Ask for the names of the jails that there are now."""
        for name in self._sparing.follow(guard.config for guard in self._jails if guard.config):
            self._ledger.batch.names[name] = ()

    def deny(self) -> None:
        """Make the permanent bans those that the configuration lists."""
        if denial.reconcile(self._jails, self._ledger, self._now()):
            self._pace.flush()

    def ask_anew(self, bans: Iterable[Ban]) -> None:
        """Ask about bans that waited when an earlier run ended.

        They are in force meanwhile. Which address of a network was to be asked about is not known
        any more: the question is about all of it.
        """
        for ban in bans:
            guard = self._jails.get(ban.jail)
            if guard is not None and guard.questions is not None:
                guard.questions.ask(ban.address)

    def lift_ignored(self) -> None:
        """Lift the bans of whom the configuration spares now."""
        lifted, untouchable = 0, Ignored(Listed(()), untouchable=self._sparing.untouchable)
        for ban in list(self._ledger.roster):
            jail = self._jails.find(ban.jail).jail
            ignored = jail.ignored if jail is not None else untouchable
            why = ignored.why(ban.address)
            if why:
                lifted += self._ledger.lift([ban], why)
        if lifted:
            self._pace.flush()

    def _draw_together(self, ban: Ban) -> None:
        """Lift the bans that a network's makes superfluous, once that is in force."""
        if self._ledger.roster.swallowed(ban):
            self._ledger.when_in_force(lambda outcome: self._drawn_together(ban, outcome))

    def _drawn_together(self, ban: Ban, outcome: Outcome | JaildError) -> None:
        roster = self._ledger.roster
        if roster.get(ban.jail, ban.address) is not ban:
            # It was refused, or has been lifted.
            return
        if isinstance(outcome, JaildError):
            self._draw_together(ban)
        elif self._ledger.lift(roster.swallowed(ban), f"its network {ban.address} is banned"):
            self._pace.flush()

    def _refused(self, ban: Ban) -> None:
        """Let a ban that the firewall refuses be no offence, and the other jails not know it."""
        self._offences.strike(ban.jail, ban.address, ban.since)
        for guard in self._jails:
            if guard.name != ban.jail:
                guard.unhear(ban, self._ledger.batch)

    def _spared(self, name: str, address: Address) -> None:
        """Let nothing count against an address that an ignorecommand spares, and lift its bans."""
        guard = self._jails.get(name)
        if guard is None or guard.jail is None:
            return
        # Until now it counted with its network, from now on it has none.
        for unit in {address, guard.jail.prefixes.of(address)}:
            guard.jail.tally.forget(unit)
            self._ledger.batch.clear(name, unit)
        self._ledger.lift(self._bans_of(name, address), SPARED)
        self._pace.flush()

    def _banned(self, name: str, address: Address) -> bool:
        return bool(self._bans_of(name, address))

    def _bans_of(self, name: str, address: Address) -> list[Ban]:
        return [ban for ban in self._ledger.roster.overlapping(name, address) if ban.failures]

    def _renamed(self, name: str, addresses: tuple[Address, ...]) -> None:
        """Hear that a name in ignoreip has got other addresses."""
        logger.info("ignoreip: %s is %s", name, ", ".join(addresses))
        self._ledger.batch.names[name] = addresses
        self._spare_anew()
        self._pace.flush()

    def _answered(self, ban: Ban, *, spared: bool) -> None:
        """Bring a ban into force that has waited, or take it back."""
        guard = self._jails.get(ban.jail)
        if guard is None:
            return
        if not spared:
            if self._ledger.release(ban, guard.rule(ban.address)):
                self._draw_together(ban)
                self.pass_on(guard, ban)
        elif self._ledger.annul(ban):
            guard.take_back(ban, self._ledger.batch)
            self._offences.strike(ban.jail, ban.address, ban.since)
        self._pace.flush()

    def _spare_anew(self) -> None:
        for guard in self._jails:
            if guard.jail is not None and guard.config is not None:
                guard.jail.ignored = self._sparing.ignored(guard.config)
        self.lift_ignored()
        if self._jails.settled:
            # Whoever is not spared any more counts and is denied again.
            self._jails.count_anew()
            self.deny()
            self._pace.turn(read=False)
