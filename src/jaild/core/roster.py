# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module holds the roster: the bans that are meant to be in force."""

import heapq
from collections.abc import Iterable, Iterator

from jaild.core.address import Address, Networks, covering, of_network, to_network
from jaild.core.ban import FOREVER, Ban
from jaild.core.prefix import Aggregate


class Roster:
    """The intended bans of all jails, found by jail and address, and by the time they end."""

    def __init__(self, bans: Iterable[Ban] = ()) -> None:
        self._bans: dict[str, dict[Address, Ban]] = {}
        self._networks: dict[str, Networks] = {}
        self._ends: list[tuple[int, str, Address]] = []
        self._past: dict[tuple[str, Address], int] = {}
        self._over: list[tuple[int, str, Address]] = []
        self._past_ends: list[tuple[int, str, Address]] = []
        self._blocks: dict[str, _Blocks] = {}
        for ban in bans:
            self.add(ban)

    def __len__(self) -> int:
        return sum(map(len, self._bans.values()))

    def __iter__(self) -> Iterator[Ban]:
        for bans in self._bans.values():
            yield from bans.values()

    def jails(self) -> list[str]:
        """Return the jails that have had bans."""
        return list(self._bans)

    def of(self, jail: str) -> list[Ban]:
        """Return one jail's bans, in the order they were made."""
        return list(self._bans.get(jail, {}).values())

    def count(self, jail: str) -> int:
        """Return how many bans a jail has."""
        return len(self._bans.get(jail, ()))

    def get(self, jail: str, address: Address) -> Ban | None:
        """Return the ban of exactly this address or network."""
        return self._bans.get(jail, {}).get(address)

    def gather(self, jail: str, aggregate: Aggregate | None) -> None:
        """Keep count of a jail's bans by the networks of an aggregate, None for no longer."""
        if aggregate is None:
            self._blocks.pop(jail, None)
            return
        blocks = self._blocks[jail] = _Blocks(aggregate)
        for ban in self._bans.get(jail, {}).values():
            blocks.add(ban.address, ban.until)
        for (name, address), until in self._past.items():
            if name == jail:
                blocks.add(address, until)

    def neighbours(self, jail: str, network: Address, time: int) -> frozenset[Address]:
        """Return which addresses within a gathered network were banned by a jail at a time."""
        blocks = self._blocks.get(jail)
        return blocks.of(network, time) if blocks is not None else frozenset()

    def swallowed(self, ban: Ban) -> list[Ban]:
        """Return the bans that the ban of a gathered network makes superfluous.

        Those without failures are none of them: somebody has asked for them, and counts on them
        when the network is let in.
        """
        members = sorted(self.neighbours(ban.jail, ban.address, 0))
        bans = (self.get(ban.jail, member) for member in members)
        return [one for one in bans if one and one.failures and one.until <= ban.until]

    def overlapping(self, jail: str, address: Address) -> list[Ban]:
        """Return a jail's bans of an address, of networks that hold it, and those inside it."""
        bans = self._bans.get(jail, {})
        if "/" in address:
            whole = Networks([to_network(address)])
            return [ban for ban in bans.values() if whole.touches(ban.address)]
        found = [bans[address]] if address in bans else []
        if jail in self._networks:
            names = {*covering(address)} - {address}
            found += [ban for name in names if (ban := bans.get(name)) is not None]
        return found

    def holds(self, jail: str, address: Address, time: int) -> bool:
        """Return whether a host was banned by a jail at a time, by itself or by its network.

        The time is an entry's. Entries that were missed are read late, when the bans that they came
        under have ended.
        """
        if self._until(jail, address) > time:
            return True
        networks = self._networks.get(jail)
        return networks is not None and any(
            self._until(jail, of_network(network)) > time for network in networks.around(address)
        )

    def past(self, jail: str, address: Address, until: int) -> None:
        """Remember a ban that is over, for entries from before its end that are yet to come."""
        self._past[jail, address] = max(until, self._past.get((jail, address), 0))
        heapq.heappush(self._past_ends, (until, jail, address))
        if "/" in address:
            self._networks.setdefault(jail, Networks()).add(to_network(address))
        if jail in self._blocks:
            self._blocks[jail].add(address, until)

    def caught_up(self, time: int) -> None:
        """Forget the bans that expire() has struck out and that were over at a time.

        All entries from under them have been seen; should the clock be set back, their time may
        come again.
        """
        over, self._over = self._over, []
        for until, jail, address in over:
            if until > time:
                self._over.append((until, jail, address))
            elif self._past.get((jail, address)) == until:
                del self._past[jail, address]
                self._leave_networks(jail, address)
                self._leave_block(jail, address)

    def overtake(self, time: int) -> None:
        """Forget the bans that were over at a time, when all entries before it have been seen."""
        while self._past_ends and self._past_ends[0][0] <= time:
            _, jail, address = heapq.heappop(self._past_ends)
            if self._past.get((jail, address), time + 1) <= time:
                del self._past[jail, address]
                self._leave_networks(jail, address)
                self._leave_block(jail, address)

    def add(self, ban: Ban) -> None:
        """Enter a ban; it replaces one of the same jail and address."""
        self._bans.setdefault(ban.jail, {})[ban.address] = ban
        if "/" in ban.address:
            self._networks.setdefault(ban.jail, Networks()).add(to_network(ban.address))
        if ban.jail in self._blocks:
            self._blocks[ban.jail].add(ban.address, ban.until)
        if ban.until != FOREVER:
            heapq.heappush(self._ends, (ban.until, ban.jail, ban.address))

    def lift(self, jail: str, address: Address) -> Ban | None:
        """Strike a ban out and return it, None if there was none."""
        ban = self._bans.get(jail, {}).pop(address, None)
        if ban is not None:
            self._leave_networks(jail, address)
            self._leave_block(jail, address)
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
                self._over.append((until, jail, address))
        return ended

    def _until(self, jail: str, address: Address) -> int:
        """Return when the last ban of exactly this address or network ends or has ended."""
        ban = self.get(jail, address)
        return max(ban.until if ban is not None else 0, self._past.get((jail, address), 0))

    def _leave_networks(self, jail: str, address: Address) -> None:
        known = address in self._bans.get(jail, ()) or (jail, address) in self._past
        if "/" in address and not known:
            self._networks[jail].discard(to_network(address))

    def _leave_block(self, jail: str, address: Address) -> None:
        if jail in self._blocks and address not in self._bans.get(jail, ()):
            self._blocks[jail].discard(address)


class _Blocks:
    """The banned addresses of one jail by the network that an aggregate puts them in."""

    def __init__(self, aggregate: Aggregate) -> None:
        self._of = aggregate.of
        self._blocks: dict[Address, dict[Address, int]] = {}

    def add(self, address: Address, until: int) -> None:
        block = self._of(address)
        if block is not None:
            members = self._blocks.setdefault(block, {})
            members[address] = max(until, members.get(address, 0))

    def discard(self, address: Address) -> None:
        block = self._of(address)
        members = self._blocks.get(block) if block is not None else None
        if block is not None and members is not None:
            members.pop(address, None)
            if not members:
                del self._blocks[block]

    def of(self, network: Address, time: int) -> frozenset[Address]:
        members = self._blocks.get(network, {})
        return frozenset(address for address, until in members.items() if until > time)
