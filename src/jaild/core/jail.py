# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module is one jail: entries in, failures and bans out.

A jail decides and counts; it does not know the firewall, the store, or the time of day.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from jaild.core.address import Address
from jaild.core.ban import EVIDENCE_MAX, Ban
from jaild.core.detector import Detector
from jaild.core.entry import Entry
from jaild.core.errors import InvalidConfig
from jaild.core.filter import Kind
from jaild.core.increment import chance
from jaild.core.offences import Offences
from jaild.core.policy import Ignored, Policy
from jaild.core.prefix import Aggregate, Prefixes
from jaild.core.tally import Failure, Tally


class Event(NamedTuple):
    """A failure that counted; ``ban`` is set when it reached the limit.

    ``address`` is what it counts against, the network of ``host`` perhaps.
    """

    address: Address
    failure: Failure
    host: Address
    ban: Ban | None = None


class Questions(Protocol):
    """Somebody elsewhere who is asked whether an address is spared, and answers later."""

    def answer(self, address: Address) -> str:
        """Return why an address is spared as far as is known, "" if it is not."""

    def inside(self, network: Address) -> str:
        """Return why a ban of a network would hit somebody who is spared, "" if none is known."""

    def ask(self, address: Address) -> None:
        """See to it that the answer gets known."""


def _none(_network: Address, _time: int) -> frozenset[Address]:
    return frozenset()


@dataclass
class Jail:
    """One jail at work.

    ``holds`` tells whether this jail has banned an address at an entry's time; ``counts`` is what
    it counts. ``offences`` are those of all jails, and are told of each ban; ``mistake`` is why the
    length of a ban could not be found, "" as long as it could. ``prefixes`` say what counts as one
    attacker, ``aggregate`` when a network is banned in place of the next of its addresses, and
    ``neighbours`` which of them were banned at a time.
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
    prefixes: Prefixes = field(default_factory=Prefixes)
    aggregate: Aggregate | None = None
    neighbours: Callable[[Address, int], frozenset[Address]] = _none
    questions: Questions | None = None

    def observe(self, entry: Entry, cursor: Callable[[], str]) -> Event | None:
        """Take in one entry; returns the failure it is, if it counts.

        ``cursor`` gives the entry's journal cursor; it is asked only for failures.
        """
        found = self.detector.take(entry)
        address = found.address
        if found.kind is not Kind.FAILURE or address is None:
            return None
        unit = self.unit(address)
        if self._passes(address, unit, entry.time):
            return None
        message = entry.message[:EVIDENCE_MAX]
        return self._count(address, unit, Failure(entry.time, cursor(), found.distinct, message))

    def hear(self, ban: Ban) -> Event | None:
        """Take in another jail's ban as a failure, at the time at which it began."""
        unit = self.unit(ban.address)
        if self._passes(ban.address, unit, ban.since):
            return None
        cursor = ban.cursors[-1] if ban.cursors else ""
        failure = Failure(ban.since, cursor, message=_heard(ban))
        return self._count(ban.address, unit, failure)

    def unhear(self, ban: Ban) -> tuple[Address, tuple[Failure, ...]] | None:
        """Count a ban no longer that has not been made after all.

        Returns what it counted against and what is left of that, None if it did not count.
        """
        unit = self.unit(ban.address)
        left = self.tally.take_back(unit, ban.since)
        if left is None:
            return None
        self.failures -= 1
        return unit, left

    def unit(self, address: Address) -> Address:
        """Return what the failures of an address count against: itself, or its network.

        A network that holds somebody who is spared is not banned: the address stands for itself.
        """
        network = self.prefixes.of(address)
        return address if network != address and self._holds_spared(network) else network

    def why_spared(self, address: Address) -> str:
        """Return the rule that spares an address as part of a sentence, "" if none is known."""
        why = self.ignored.why(address)
        if why or self.questions is None:
            return why
        inside = self.questions.inside(address) if "/" in address else ""
        return inside or self.questions.answer(address)

    def _holds_spared(self, network: Address) -> bool:
        if self.ignored.why(network):
            return True
        return self.questions is not None and bool(self.questions.inside(network))

    def earlier(self, unit: Address, time: int) -> int:
        """Return how many bans of an address or network make its next one longer."""
        increment = self.policy.increment
        if increment is None:
            return 0
        jail, after = "" if increment.overalljails else self.name, time - increment.history
        count = self.offences.count(unit, after, time, jail)
        network = self.aggregate.of(unit) if self.aggregate is not None else None
        return count + (self.offences.count(network, after, time, jail) if network else 0)

    def _passes(self, address: Address, unit: Address, time: int) -> bool:
        if self.why_spared(address):
            return True
        # Lines of a banned address still come in from connections that were open; they are late
        # news of the same attack, not a new one.
        return self.holds(unit, time) or (unit != address and self.holds(address, time))

    def _count(self, host: Address, unit: Address, failure: Failure) -> Event | None:
        if self.tally.repeats(unit, failure):
            return None
        self.failures += 1
        if self.questions is not None:
            self.questions.ask(host)
        earlier = self.earlier(unit, failure.time)
        weight = self.policy.weight(earlier, self.tally.maxretry)
        reached = self.tally.add(unit, failure, weight)
        if not reached:
            return Event(unit, failure, host)
        reason = f"{len(reached)} {self.counts if len(reached) > 1 else self.counts[:-1]}"
        if weight > 1:
            reason += f", counted {weight} times each"
        return Event(unit, failure, host, self._ban(unit, reached, earlier, reason))

    def _ban(self, unit: Address, reached: tuple[Failure, ...], earlier: int, reason: str) -> Ban:
        # Time comes from the entries: the ban runs from the failure that completed it.
        since = reached[-1].time
        address, reason = self._drawn_together(unit, since, reason)
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

    def _drawn_together(self, unit: Address, time: int, reason: str) -> tuple[Address, str]:
        """Return what to ban and why: the whole network once enough of it is banned."""
        network = self.aggregate.of(unit) if self.aggregate is not None else None
        if self.aggregate is None or network is None:
            return unit, reason
        count = len(self.neighbours(network, time) | {unit})
        if count < self.aggregate.least or self._holds_spared(network):
            return unit, reason
        return network, f"{count} of its addresses were banned, the last for {reason}"

    def _length(self, address: Address, since: int, earlier: int) -> int:
        try:
            return self.policy.length(earlier, chance(self.name, address, since))
        except InvalidConfig as error:
            # The formula of longer bans comes to no number: the ban is as long as all first ones.
            self.mistake = str(error)
            return self.policy.bantime


def _heard(ban: Ban) -> str:
    return f"jail {ban.jail} banned {ban.address}: {ban.reason}"[:EVIDENCE_MAX]
