# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module gathers what comes of a replay: bans, failures, and when and from where they came."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from operator import attrgetter

from jaild.core.address import Address, to_network
from jaild.core.ban import Ban
from jaild.core.entry import Entry
from jaild.core.jail import Event

# Fine enough for the hours of every time zone.
STEP_USEC = 900_000_000
PREFIX = {4: 24, 6: 48}


@dataclass(frozen=True, slots=True)
class Found:
    """A ban, and the message that completed it."""

    ban: Ban
    message: str


@dataclass
class Numbers:
    """What has happened in the jails that are asked about.

    ``failures`` counts by jail, ``addresses`` by address and ``times`` by steps of STEP_USEC;
    ``seconds`` is the time that all of it took.
    """

    jails: Collection[str]
    found: list[Found] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    addresses: Counter[Address] = field(default_factory=Counter)
    times: Counter[int] = field(default_factory=Counter)
    entries: int = 0
    seconds: float = 0.0

    def see(self, jail: str, event: Event, entry: Entry) -> None:
        """Take in a failure that counts."""
        if jail not in self.jails:
            return
        self.failures[jail] += 1
        self.addresses[event.address] += 1
        self.times[event.failure.time // STEP_USEC] += 1
        if event.ban is not None:
            self.found.append(Found(event.ban, entry.message))

    @property
    def bans(self) -> list[Ban]:
        """The bans, in the order in which they were made."""
        return [one.ban for one in self.found]

    def networks(self) -> list[tuple[str, int, int, int]]:
        """Return networks with their failures, addresses and bans; the busiest first."""
        failures: Counter[str] = Counter()
        addresses: Counter[str] = Counter()
        for address, number in self.addresses.items():
            network = network_of(address)
            failures[network] += number
            addresses[network] += 1
        bans = Counter(network_of(ban.address) for ban in self.bans)
        return [(name, n, addresses[name], bans[name]) for name, n in failures.most_common()]


def network_of(address: Address) -> str:
    """Return the /24 or /48 that an address lies in; a wider network is itself."""
    network = to_network(address)
    prefix = PREFIX[network.version]
    return str(network if network.prefixlen <= prefix else network.supernet(new_prefix=prefix))


def missing(found: Iterable[Found], others: Iterable[Found]) -> list[Found]:
    """Return the bans during which the others have none of the same jail and address.

    Whoever is banned by one failure more or less is neither gained nor lost.
    """
    spans: dict[tuple[str, Address], list[Ban]] = {}
    for ban in sorted((one.ban for one in others), key=attrgetter("since")):
        spans.setdefault((ban.jail, ban.address), []).append(ban)
    return [
        one for one in found if not _meets(one.ban, spans.get((one.ban.jail, one.ban.address), []))
    ]


def _meets(ban: Ban, others: list[Ban]) -> bool:
    """Return whether one of some bans, which do not overlap each other, overlaps this one."""
    place = bisect_left(others, ban.until, key=attrgetter("since"))
    return place > 0 and others[place - 1].until > ban.since
