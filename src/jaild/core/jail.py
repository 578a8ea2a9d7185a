# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module is one jail: entries in, failures and bans out.

A jail decides and counts; it does not know the firewall, the store, or the time of day.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from jaild.core.address import Address
from jaild.core.ban import Ban
from jaild.core.detector import Detector
from jaild.core.entry import Entry
from jaild.core.filter import Kind
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

    ``holds`` tells whether an address is banned by this jail already; ``counts`` is what it counts.
    """

    name: str
    detector: Detector
    tally: Tally
    policy: Policy
    ignored: Ignored
    holds: Callable[[Address], bool]
    failures: int = 0
    counts: str = "failures"

    def observe(self, entry: Entry, cursor: Callable[[], str]) -> Event | None:
        """Take in one entry; returns the failure it is, if it counts.

        ``cursor`` gives the entry's journal cursor; it is asked only for failures.
        """
        found = self.detector.take(entry)
        address = found.address
        if found.kind is not Kind.FAILURE or address is None or self._spares(address):
            return None
        return self._count(address, Failure(entry.time, cursor(), found.distinct))

    def hear(self, ban: Ban) -> Event | None:
        """Take in another jail's ban as a failure, at the time at which it began."""
        if self._spares(ban.address):
            return None
        return self._count(ban.address, Failure(ban.since, ban.cursors[-1] if ban.cursors else ""))

    def _spares(self, address: Address) -> bool:
        # Lines of a banned address still come in from connections that were open; they are late
        # news of the same attack, not a new one.
        return bool(self.ignored.why(address)) or self.holds(address)

    def _count(self, address: Address, failure: Failure) -> Event | None:
        if self.tally.repeats(address, failure):
            return None
        self.failures += 1
        reached = self.tally.add(address, failure)
        return Event(address, failure, self._ban(address, reached) if reached else None)

    def _ban(self, address: Address, reached: tuple[Failure, ...]) -> Ban:
        # Time comes from the entries: the ban runs from the failure that completed it.
        since = reached[-1].time
        return Ban(
            self.name,
            address,
            since,
            self.policy.until(since),
            len(reached),
            f"{len(reached)} {self.counts}",
            self.policy.evidence([failure.cursor for failure in reached]),
        )
