# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module gathers what one transaction saves: a position and all that follows from it."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from jaild.core.address import Address
from jaild.core.ban import Ban
from jaild.core.connection import Connection
from jaild.core.position import Position
from jaild.core.tally import Failure

# How the end of a ban begins that the firewall has refused: it has never been one.
REFUSED = "refused: "
# SQLite's integers are signed.
_LATEST = 2**63 - 1


@dataclass
class Batch:
    """The changes since the last commit; ``window`` is from when to when failures count.

    ``untold`` are bans that are to be recorded once they are saved, ``told`` those that have been.
    A connection of None is forgotten, and a name without addresses; ``complete`` says that no ban
    is missing any more after a loss of the state. Use the methods: they keep the order of events
    right.
    """

    position: Position | None = None
    failures: dict[tuple[str, Address], list[Failure]] = field(default_factory=dict)
    window: dict[tuple[str, Address], tuple[int, int]] = field(default_factory=dict)
    cleared: set[tuple[str, Address]] = field(default_factory=set)
    connections: dict[tuple[str, str], Connection | None] = field(default_factory=dict)
    banned: dict[tuple[str, Address], Ban] = field(default_factory=dict)
    ended: list[tuple[Ban, str]] = field(default_factory=list)
    annulled: set[tuple[str, Address]] = field(default_factory=set)
    untold: dict[tuple[str, Address], Ban] = field(default_factory=dict)
    told: set[tuple[str, Address]] = field(default_factory=set)
    names: dict[str, tuple[Address, ...]] = field(default_factory=dict)
    counters: dict[str, tuple[int, int]] = field(default_factory=dict)
    complete: bool = False

    def __bool__(self) -> bool:
        """Whether there is any effect to save; a position alone is none."""
        return bool(
            self.failures
            or self.cleared
            or self.connections
            or self.banned
            or self.ended
            or self.annulled
            or self.names
            or self.counters
            or self.complete
        )

    def fail(self, jail: str, address: Address, failure: Failure, findtime: int) -> None:
        """Note a failure; those ``findtime`` (microseconds) away from it no longer count."""
        self.failures.setdefault((jail, address), []).append(failure)
        span = (failure.time - findtime, min(failure.time + findtime, _LATEST))
        self.window[jail, address] = span

    def clear(self, jail: str, address: Address) -> None:
        """Note that what counted against a suspect no longer does."""
        self.failures.pop((jail, address), None)
        self.window.pop((jail, address), None)
        self.cleared.add((jail, address))

    def all(self) -> Iterator[Ban]:
        """Yield the bans that are noted, those that have ended included."""
        yield from self.banned.values()
        yield from (ban for ban, _ in self.ended)

    def ban(self, ban: Ban, *, untold: bool = False) -> None:
        """Note a ban that is meant to be in force, ``untold`` if it is yet to be recorded."""
        self.banned[ban.jail, ban.address] = ban
        if untold:
            self.untold[ban.jail, ban.address] = ban
        self.annulled.discard((ban.jail, ban.address))

    def annul(self, ban: Ban) -> None:
        """Note that a ban has not been made after all: nothing will tell of it."""
        self.banned.pop((ban.jail, ban.address), None)
        self.untold.pop((ban.jail, ban.address), None)
        self.annulled.add((ban.jail, ban.address))

    def tell(self, ban: Ban) -> None:
        """Note that a ban has been recorded."""
        key = (ban.jail, ban.address)
        if self.untold.get(key) is ban:
            del self.untold[key]
        self.told.add(key)

    def end(self, ban: Ban, how: str) -> None:
        """Note that a ban has ended, or was over before it could begin."""
        self.banned.pop((ban.jail, ban.address), None)
        self.untold.pop((ban.jail, ban.address), None)
        self.ended.append((ban, how))
