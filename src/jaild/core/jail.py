# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module is one jail: entries in, failures and bans out.

A jail decides and counts; it does not know the firewall, the store, or the time of day.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from jaild.core.address import Address
from jaild.core.ban import Ban
from jaild.core.connection import Connections
from jaild.core.entry import Entry
from jaild.core.filter import Filter, Kind
from jaild.core.policy import Ignored, Policy
from jaild.core.tally import Failure, Tally


class Event(NamedTuple):
    """A failure that counted; ``ban`` is set when it reached the limit."""

    address: Address
    failure: Failure
    ban: Ban | None = None


@dataclass
class Jail:
    """One jail at work. ``holds`` tells whether an address is banned by this jail already."""

    name: str
    filter: Filter
    tally: Tally
    policy: Policy
    ignored: Ignored
    holds: Callable[[Address], bool]
    connections: Connections = field(default_factory=Connections)
    failures: int = 0

    def observe(self, entry: Entry, cursor: Callable[[], str]) -> Event | None:
        """Take in one entry; returns the failure it is, if it counts.

        ``cursor`` gives the entry's journal cursor; it is asked only for failures.
        """
        verdict = self.filter.judge(entry.message)
        if verdict.kind is Kind.MISS or verdict.kind is Kind.IGNORED:
            return None
        address = self.connections.weigh(entry, verdict)
        # Lines of a banned address still come in from connections that were open; they are late
        # news of the same attack, not a new one.
        if address is None or self.ignored.why(address) or self.holds(address):
            return None
        self.failures += 1
        failure = Failure(entry.time, cursor())
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
            f"{len(reached)} failures",
            self.policy.evidence([failure.cursor for failure in reached]),
        )
