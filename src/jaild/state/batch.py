# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module gathers what one transaction saves: a position and all that follows from it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Self

from jaild.core.address import Address
from jaild.core.ban import Ban, Due, Duty, duty
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

    ``due`` is what follows from bans once they are saved, ``done`` what has followed since. A
    connection of None is forgotten, and a name without addresses; ``complete`` says that no ban is
    missing any more after a loss of the state, ``whole`` that nothing counts but what is here. Use
    the methods: they keep the order of events right.
    """

    position: Position | None = None
    failures: dict[tuple[str, Address], list[Failure]] = field(default_factory=dict)
    window: dict[tuple[str, Address], tuple[int, int]] = field(default_factory=dict)
    cleared: set[tuple[str, Address]] = field(default_factory=set)
    connections: dict[tuple[str, str], Connection | None] = field(default_factory=dict)
    banned: dict[tuple[str, Address], Ban] = field(default_factory=dict)
    ended: list[tuple[Ban, str]] = field(default_factory=list)
    annulled: set[tuple[str, Address]] = field(default_factory=set)
    due: set[Duty] = field(default_factory=set)
    done: set[Duty] = field(default_factory=set)
    names: dict[str, tuple[Address, ...]] = field(default_factory=dict)
    counters: dict[str, tuple[int, int]] = field(default_factory=dict)
    complete: bool = False
    whole: bool = False

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

    @property
    def size(self) -> int:
        """How much there is that grows as long as nothing can be saved."""
        return len(self.cleared) + len(self.connections) + len(self.ended)

    def fail(self, jail: str, address: Address, failure: Failure, findtime: int) -> None:
        """Note a failure; those ``findtime`` (microseconds) away from it no longer count."""
        since, until = failure.time - findtime, min(failure.time + findtime, _LATEST)
        before = self.failures.get((jail, address), ())
        near = [one for one in before if since < one.time < until]
        self.failures[jail, address] = [*near, failure]
        self.window[jail, address] = (since, until)

    def clear(self, jail: str, address: Address) -> None:
        """Note that what counted against a suspect no longer does."""
        self.failures.pop((jail, address), None)
        self.window.pop((jail, address), None)
        self.cleared.add((jail, address))

    def all(self) -> Iterator[Ban]:
        """Yield the bans that are noted, those that have ended included."""
        yield from self.banned.values()
        yield from (ban for ban, _ in self.ended)

    def ban(self, ban: Ban, *due: Due) -> None:
        """Note a ban that is meant to be in force, and what is due when it is saved."""
        self.banned[ban.jail, ban.address] = ban
        self._await(ban, due)
        self.annulled.discard((ban.jail, ban.address))

    def annul(self, ban: Ban) -> None:
        """Note that a ban has not been made after all: nothing will tell of it."""
        self.banned.pop((ban.jail, ban.address), None)
        self.settle(ban, *Due)
        self.annulled.add((ban.jail, ban.address))

    def end(self, ban: Ban, how: str, *due: Due) -> None:
        """Note that a ban has ended, or was over before it could begin."""
        self.banned.pop((ban.jail, ban.address), None)
        self._await(ban, due)
        self.ended.append((ban, how))

    def settle(self, ban: Ban, *done: Due) -> None:
        """Note that what was due has been done, or is not due any more."""
        for what in done:
            one = duty(what, ban)
            self.due.discard(one)
            self.done.add(one)

    def inherit(self, other: Self, most: int) -> None:
        """Take over what is only in another batch: what is due, the last bans that have ended."""
        self.ended = other.ended[-most:]
        self.due |= other.due

    def _await(self, ban: Ban, due: Iterable[Due]) -> None:
        for what in due:
            one = duty(what, ban)
            self.done.discard(one)
            self.due.add(one)
