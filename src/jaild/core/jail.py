# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module is one jail: entries in, failures and bans out.

A jail decides and counts; it does not know the firewall, the store, or the time of day.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from jaild.core.address import Address
from jaild.core.ban import EVIDENCE_MAX, Ban
from jaild.core.detector import Detector
from jaild.core.entry import Entry
from jaild.core.errors import InvalidConfig
from jaild.core.filter import Kind
from jaild.core.increment import chance
from jaild.core.offences import Offences
from jaild.core.policy import Ignored, Policy
from jaild.core.tally import Failure, Tally


class Event(NamedTuple):
    """A failure that counted; ``ban`` is set when it reached the limit."""

    address: Address
    failure: Failure
    ban: Ban | None = None


@dataclass
class Jail:
    """One jail at work.

    ``holds`` tells whether this jail has banned an address at an entry's time; ``counts`` is what
    it counts. ``offences`` are those of all jails, and are told of each ban; ``mistake`` is why the
    length of a ban could not be found, "" as long as it could.
    """

    name: str
    detector: Detector
    tally: Tally
    policy: Policy
    ignored: Ignored
    holds: Callable[[Address, int], bool]
    failures: int = 0
    counts: str = "failures"
    offences: Offences = field(default_factory=Offences)
    mistake: str = ""

    def observe(self, entry: Entry, cursor: Callable[[], str]) -> Event | None:
        """Take in one entry; returns the failure it is, if it counts.

        ``cursor`` gives the entry's journal cursor; it is asked only for failures.
        """
        found = self.detector.take(entry)
        address = found.address
        if found.kind is not Kind.FAILURE or address is None:
            return None
        if self._spares(address, entry.time):
            return None
        return self._count(
            address, Failure(entry.time, cursor(), found.distinct, entry.message[:EVIDENCE_MAX])
        )

    def hear(self, ban: Ban) -> Event | None:
        """Take in another jail's ban as a failure, at the time at which it began."""
        if self._spares(ban.address, ban.since):
            return None
        cursor = ban.cursors[-1] if ban.cursors else ""
        return self._count(ban.address, Failure(ban.since, cursor, message=_heard(ban)))

    def _spares(self, address: Address, time: int) -> bool:
        # Lines of a banned address still come in from connections that were open; they are late
        # news of the same attack, not a new one.
        return bool(self.ignored.why(address)) or self.holds(address, time)

    def _count(self, address: Address, failure: Failure) -> Event | None:
        if self.tally.repeats(address, failure):
            return None
        self.failures += 1
        earlier = self.earlier(address, failure.time)
        weight = self.policy.weight(earlier, self.tally.maxretry)
        reached = self.tally.add(address, failure, weight)
        if not reached:
            return Event(address, failure)
        reason = f"{len(reached)} {self.counts if len(reached) > 1 else self.counts[:-1]}"
        if weight > 1:
            reason += f", counted {weight} times each"
        return Event(address, failure, self._ban(address, reached, earlier, reason))

    def earlier(self, address: Address, time: int) -> int:
        """Return how many bans of an address make its next one longer."""
        increment = self.policy.increment
        if increment is None:
            return 0
        jail = "" if increment.overalljails else self.name
        return self.offences.count(address, time - increment.history, time, jail)

    def _ban(
        self, address: Address, reached: tuple[Failure, ...], earlier: int, reason: str
    ) -> Ban:
        # Time comes from the entries: the ban runs from the failure that completed it.
        since = reached[-1].time
        self.offences.note(self.name, address, since)
        return Ban(
            self.name,
            address,
            since,
            self.policy.until(since, self._length(address, since, earlier)),
            len(reached),
            reason,
            self.policy.evidence(reached),
        )

    def _length(self, address: Address, since: int, earlier: int) -> int:
        try:
            return self.policy.length(earlier, chance(self.name, address, since))
        except InvalidConfig as error:
            # The formula of longer bans comes to no number: the ban is as long as all first ones.
            self.mistake = str(error)
            return self.policy.bantime


def _heard(ban: Ban) -> str:
    return f"jail {ban.jail} banned {ban.address}: {ban.reason}"[:EVIDENCE_MAX]
