# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module puts journal entries before the jails that want them and gathers what follows."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence

from jaild.core.ban import Ban
from jaild.core.entry import Entry
from jaild.core.errors import TooSlow
from jaild.core.jail import Event
from jaild.core.match import Match, union
from jaild.core.tally import MOST, Tally
from jaild.service.guard import Guard
from jaild.service.status import State
from jaild.state.batch import Batch

logger = logging.getLogger(__name__)

# Returns whether the ban is made; one that has to wait is passed on later.
Found = Callable[[Guard, Event], bool]

# Hears of a jail and how many of its suspects have been forgotten before their time so far: when it
# begins, and when it is over.
Crowded = Callable[[str, int], None]

# What jaild's own units write is no source: a jail would find its own bans in it.
_UNIT = "_SYSTEMD_UNIT"
_OWN = (
    b"jaild.service",
    b"jaild-enforcer.service",
    b"jaild-lookup.service",
    b"jaild-notify.service",
)
# The fields that decide take few values; more than this many combinations are somebody's play.
MOST_ROUTES = 10_000


class Router:
    """Finds the jails whose journal match chooses an entry; one look-up for entries of a kind."""

    def __init__(self, guards: Sequence[Guard]) -> None:
        self._guards = [(guard.config.match, guard) for guard in guards if guard.config]
        self.match: Match = union(match for match, _ in self._guards)
        self._names = sorted(self.match.fields | {_UNIT})
        self._routes: dict[tuple[bytes | None, ...], tuple[Guard, ...]] = {}

    def find(self, fields: Mapping[str, bytes]) -> tuple[Guard, ...]:
        """Return the jails that an entry with these fields concerns."""
        key = tuple([fields.get(name) for name in self._names])
        found = self._routes.get(key)
        if found is None:
            if len(self._routes) >= MOST_ROUTES:
                self._routes.clear()
            found = self._chosen(fields)
            self._routes[key] = found
        return found

    def _chosen(self, fields: Mapping[str, bytes]) -> tuple[Guard, ...]:
        if fields.get(_UNIT) in _OWN:
            return ()
        return tuple(guard for match, guard in self._guards if match.accepts(fields))


class Watch:
    """All running jails at work on the entries of a turn."""

    def __init__(
        self,
        guards: Sequence[Guard],
        cursor: Callable[[], str],
        batch: Callable[[], Batch],
        found: Found,
        failed: Callable[[Guard], None],
        crowded: Crowded,
    ) -> None:
        """``cursor`` gives the present one; ``found`` hears of bans, ``failed`` of a bad jail.

        ``crowded`` hears when suspects begin to be forgotten before their time, and when that ends.
        """
        self.guards = guards
        self.router = Router(guards)
        self.taken = 0
        self._crowded: set[str] = set()
        self._cursor = cursor
        self._batch = batch
        self._found = found
        self._failed = failed
        self._tell_crowded = crowded

    def take(self, entries: Iterator[Entry]) -> None:
        """Let the jails see some entries; ``taken`` counts them as they come."""
        find, observe = self.router.find, self._observe
        for entry in entries:
            self.taken += 1
            for guard in find(entry.fields):
                if guard.jail is not None and entry.time >= guard.since:
                    observe(guard, entry)

    def gather(self, now: int) -> None:
        """Put into the batch what the jails have learnt; forget suspects quiet until now."""
        batch = self._batch()
        for guard in self.guards:
            jail = guard.jail
            if jail is None:
                continue
            connections = jail.detector.connections
            connections.expire(now)
            changed, connections.changed = connections.changed, {}
            batch.connections.update(((guard.name, key), known) for key, known in changed.items())
            for address in jail.tally.expire(now):
                batch.clear(guard.name, address)
            self._say_if_crowded(guard.name, jail.tally)

    def _say_if_crowded(self, name: str, tally: Tally) -> None:
        if tally.crowded and name not in self._crowded:
            self._crowded.add(name)
            self._tell_crowded(name, tally.crowded)
        elif name in self._crowded and len(tally) < MOST // 2:
            self._crowded.discard(name)
            self._tell_crowded(name, tally.crowded)
            tally.crowded = 0

    def suspects(self) -> bool:
        """Return whether any jail has somebody in its finding window."""
        return any(guard.jail is not None and len(guard.jail.tally) for guard in self.guards)

    def _observe(self, guard: Guard, entry: Entry) -> None:
        jail = guard.jail
        assert jail is not None  # noqa: S101 - take() checked
        try:
            event = jail.observe(entry, self._cursor)
        except TooSlow:
            self._suspend(guard, entry)
            return
        except Exception as error:
            # One bad jail harms one jail, and no text in a log may end the service.
            logger.exception("jail %s fails and is stopped", guard.name)
            guard.stop(State.FAILED, f"internal error: {type(error).__name__}")
            self._failed(guard)
            return
        if event is not None:
            self._note(guard, event)

    def _suspend(self, guard: Guard, entry: Entry) -> None:
        """Stop a jail whose filter runs away; the next entries would stall it again."""
        limited = guard.limited
        which = limited.culprit(entry.message, entry.prefix()) if limited else "a pattern"
        name = guard.config.filter.name if guard.config else guard.name
        reason = (
            f"{which} of filter {name} takes too long on the entry {self._cursor()}; "
            "mend the pattern, then reload"
        )
        guard.stop(State.FAILED, reason)
        self._failed(guard)

    def _note(self, guard: Guard, event: Event) -> None:
        batch = self._batch()
        jail = guard.jail
        assert jail is not None  # noqa: S101 - _observe() had it
        if event.ban is None:
            batch.fail(guard.name, event.address, event.failure, jail.tally.findtime)
        else:
            batch.clear(guard.name, event.address)
            guard.banned += 1
            guard.warn()
            if self._found(guard, event):
                self.pass_on(guard, event.ban)
        batch.counters[guard.name] = (jail.failures, guard.banned)

    def pass_on(self, guard: Guard, ban: Ban) -> None:
        """Tell the jails that look at bans."""
        for other in self.guards:
            if other.hears_bans and other is not guard and other.jail is not None:
                event = other.jail.hear(ban)
                if event is not None:
                    self._note(other, event)
