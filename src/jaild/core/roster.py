# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module holds the roster: the bans that are meant to be in force."""

import heapq
from collections.abc import Iterable, Iterator

from jaild.core.address import Address, Network, Networks, to_network
from jaild.core.ban import FOREVER, Ban


class Roster:
    """The intended bans of all jails, found by jail and address, and by the time they end."""

    def __init__(self, bans: Iterable[Ban] = ()) -> None:
        self._bans: dict[str, dict[Address, Ban]] = {}
        self._networks: dict[str, Networks] = {}
        self._ends: list[tuple[int, str, Address]] = []
        self._past: dict[tuple[str, Address], int] = {}
        self._past_ends: list[tuple[int, str, Address]] = []
        for ban in bans:
            self.add(ban)

    def __len__(self) -> int:
        return sum(map(len, self._bans.values()))

    def __iter__(self) -> Iterator[Ban]:
        for bans in self._bans.values():
            yield from bans.values()

    def of(self, jail: str) -> list[Ban]:
        """Return one jail's bans, in the order they were made."""
        return list(self._bans.get(jail, {}).values())

    def count(self, jail: str) -> int:
        """Return how many bans a jail has."""
        return len(self._bans.get(jail, ()))

    def get(self, jail: str, address: Address) -> Ban | None:
        """Return the ban of exactly this address or network."""
        return self._bans.get(jail, {}).get(address)

    def holds(self, jail: str, address: Address, time: int) -> bool:
        """Return whether a host was banned by a jail at a time, by itself or by its network.

        The time is an entry's. Entries that were missed are read late, when the bans that they came
        under have ended.
        """
        ban = self._bans.get(jail, {}).get(address)
        if ban is not None:
            return ban.until > time
        if self._past.get((jail, address), 0) > time:
            return True
        networks = self._networks.get(jail)
        return networks is not None and networks.find(address) is not None

    def past(self, jail: str, address: Address, until: int) -> None:
        """Remember a ban that is over, for entries from before its end that are yet to come."""
        self._past[jail, address] = max(until, self._past.get((jail, address), 0))
        heapq.heappush(self._past_ends, (until, jail, address))

    def overtake(self, time: int) -> None:
        """Forget the bans that were over at a time, when all entries before it have been seen."""
        while self._past_ends and self._past_ends[0][0] <= time:
            _, jail, address = heapq.heappop(self._past_ends)
            if self._past.get((jail, address), time + 1) <= time:
                del self._past[jail, address]

    def add(self, ban: Ban) -> None:
        """Enter a ban; it replaces one of the same jail and address."""
        self._bans.setdefault(ban.jail, {})[ban.address] = ban
        if "/" in ban.address:
            self._index(ban.jail)
        if ban.until != FOREVER:
            heapq.heappush(self._ends, (ban.until, ban.jail, ban.address))

    def lift(self, jail: str, address: Address) -> Ban | None:
        """Strike a ban out and return it, None if there was none."""
        ban = self._bans.get(jail, {}).pop(address, None)
        if ban is not None and "/" in address:
            self._index(jail)
        return ban

    def next_end(self) -> int | None:
        """Return when the next ban ends, in microseconds since the epoch; None if none does."""
        while self._ends:
            until, jail, address = self._ends[0]
            ban = self.get(jail, address)
            if ban is not None and ban.until == until:
                return until
            heapq.heappop(self._ends)
        return None

    def expire(self, now: int) -> list[Ban]:
        """Strike out and return the bans that have ended."""
        ended = []
        while (until := self.next_end()) is not None and until <= now:
            _, jail, address = heapq.heappop(self._ends)
            ban = self.lift(jail, address)
            if ban is not None:
                ended.append(ban)
                self.past(jail, address, until)
        return ended

    def _index(self, jail: str) -> None:
        networks: list[Network] = [to_network(a) for a in self._bans.get(jail, ()) if "/" in a]
        self._networks[jail] = Networks(networks)
