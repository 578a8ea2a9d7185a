# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module lets jails work on history: the service's own, without store, firewall and clock.

"Now" is always the time of the entry, also for the end of bans. What the service learns from
elsewhere is not known here: the host's own addresses, what names stand for and ignorecommand
answers, bans by hand, denyip, what was before.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from jaild.config.model import JailConfig
from jaild.core.address import Network
from jaild.core.ban import FOREVER
from jaild.core.entry import Entry
from jaild.core.jail import Event
from jaild.core.offences import Offences
from jaild.core.policy import Ignored, Listed
from jaild.core.roster import Roster
from jaild.service.feed import TURN
from jaild.service.guard import Guard, Past, Surroundings
from jaild.service.limit import Limit
from jaild.service.sparing import untouchable
from jaild.service.watch import Watch
from jaild.state.batch import Batch


@dataclass(frozen=True, slots=True)
class Audience:
    """Who wants to hear of what happens.

    ``seen`` of every failure that counts, with its jail and the entry; ``failed`` of jails that had
    to be stopped, as the service stops them.
    """

    seen: Callable[[str, Event, Entry], None]
    failed: Callable[[Guard], None]


class Replay(Watch):
    """Some jails at work on history; ``taken`` counts the entries."""

    def __init__(
        self,
        jails: Sequence[JailConfig],
        limit: Limit,
        cursor: Callable[[], str],
        audience: Audience,
        ignored: Iterable[Network] = (),
    ) -> None:
        """``cursor`` gives that of the present entry; raises InvalidConfig for a bad pattern.

        ``ignored`` is what the whole configuration lists in ignoreip.
        """
        self._roster = Roster()
        self._offences = Offences()
        self._forgotten = Batch()
        self._end = FOREVER
        self._entry = Entry(0, "", {})
        self._seen = audience.seen
        around = Surroundings(self._roster, limit, self._offences, _Listed(ignored))
        guards = [_started(jail, around) for jail in jails]
        super().__init__(
            guards, cursor, lambda: self._forgotten, self._enter, audience.failed, _unsaid
        )

    def run(self, entries: Iterable[Entry]) -> None:
        """Let the jails see entries, in the journal's order and in turns like the service's."""
        timed = self._timed(entries)
        before = -1
        while self.taken != before:
            before = self.taken
            self.take(islice(timed, TURN))
            self.gather(self._entry.time)
            # Here the service would save.
            self._forgotten = Batch()

    def _timed(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Yield entries; the bans that are over by then have ended."""
        for entry in entries:
            if entry.time >= self._end:
                self._roster.expire(entry.time)
                self._roster.overtake(entry.time)
                self._look_ahead()
            self._entry = entry
            yield entry

    def _look_ahead(self) -> None:
        end = self._roster.next_end()
        self._end = FOREVER if end is None else end

    def _enter(self, _guard: Guard, event: Event) -> bool:
        if event.ban is not None:
            self._roster.add(event.ban)
            for member in self._roster.swallowed(event.ban):
                self._roster.lift(member.jail, member.address)
            self._look_ahead()
        return True

    def _note(self, guard: Guard, event: Event) -> None:
        self._seen(guard.name, event, self._entry)
        super()._note(guard, event)


def _started(jail: JailConfig, around: Surroundings) -> Guard:
    guard = Guard(jail.name, jail)
    guard.start(Past(), around)
    return guard


def _unsaid(_jail: str, _count: int) -> None:
    pass


class _Listed:
    """Whom jails spare as far as it is written in their configuration."""

    def __init__(self, ignored: Iterable[Network]) -> None:
        self._untouchable = (untouchable(ignored),)

    def ignored(self, jail: JailConfig) -> Ignored:
        return Ignored(Listed(jail.ignoreip), untouchable=self._untouchable)

    def questions(self, _jail: JailConfig) -> None:
        return None
