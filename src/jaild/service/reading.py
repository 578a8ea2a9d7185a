# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module reads the journal for the jails that there are and knows where it stands."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from jaild.core.ban import Ban
from jaild.core.entry import Entry
from jaild.core.position import Position
from jaild.journal.reader import JournalReader
from jaild.service.feed import Feed, Handle, Loop
from jaild.service.guard import Guard
from jaild.service.ledger import Ledger
from jaild.service.pace import Pace
from jaild.service.watch import Crowded, Found, Watch

logger = logging.getLogger(__name__)

# A journal that cannot be read is tried again after this time.
REOPEN_MS = 1000
# An entry of an earlier time may still come in: by the clock suspects are forgotten so much later.
LATE_USEC = 2_000_000


@dataclass(frozen=True, slots=True)
class News:
    """Who wants to hear of what happens while reading.

    ``found`` of bans, ``failed`` of jails that had to be stopped, ``crowded`` of jails with too
    many suspects, ``lost`` of the time after which entries are gone (microseconds since the epoch),
    ``caught_up`` at each journal's end.
    """

    found: Found
    failed: Callable[[Guard], None]
    crowded: Crowded
    lost: Callable[[int], None]
    caught_up: Callable[[], None]


@dataclass(frozen=True, slots=True)
class _Open:
    reader: JournalReader
    watch: Watch
    feed: Feed


class Reading:
    """One journal reader at work for one set of jails at a time.

    ``place`` is where it stands, None before the first entry; ``entries`` counts them. ``problem``
    is a sentence while the journal cannot be read, else "".
    """

    def __init__(
        self,
        loop: Loop,
        now: Callable[[], int],
        journal: Path | None,
        ledger: Ledger,
        pace: Pace,
        news: News,
    ) -> None:
        self.place: Position | None = None
        self.entries = 0
        self.problem = ""
        self._loop = loop
        self._now = now
        self._journal = journal
        self._ledger = ledger
        self._pace = pace
        self._news = news
        self._guards: Sequence[Guard] = ()
        self._open: _Open | None = None
        self._reopening: Handle | None = None

    def open(self, guards: Sequence[Guard]) -> None:
        """Read on for these jails; at the very first time each from one finding window back."""
        self.close()
        self._guards = guards
        watch = Watch(
            guards,
            self._cursor,
            lambda: self._ledger.batch,
            self._news.found,
            self._news.failed,
            self._news.crowded,
        )
        if not watch.router.match.groups:
            # No jail, no entries: without a match the reader would give the whole journal.
            self._news.caught_up()
            return
        try:
            reader = self._reader(watch)
        except OSError as error:
            self._unreadable(error)
            return
        feed = Feed(reader, self._loop, self._turn, self._drained, self._unreadable)
        self._open = _Open(reader, watch, feed)
        feed.start()

    def _reader(self, watch: Watch) -> JournalReader:
        """Return a reader that stands where reading goes on; raises OSError."""
        reader = JournalReader(watch.router.match, self._journal)
        try:
            self._take_place(reader)
        except BaseException:
            reader.close()
            raise
        return reader

    def _take_place(self, reader: JournalReader) -> None:
        if self.place is not None:
            if not reader.seek(self.place):
                self._news.lost(self.place.seen)
            return
        now, window = self._now(), 0
        for guard in self._guards:
            if guard.config is not None and not guard.hears_bans:
                guard.since = now - guard.config.findtime
                window = max(window, guard.config.findtime)
        reader.seek_time(now - window)
        # Until there is an entry, this is where the next start goes on from.
        self.place = Position("", now - window, now)
        self._pace.flush()

    def close(self) -> None:
        """Read no further; what the jails have learnt goes into the batch."""
        if self._reopening is not None:
            self._reopening.cancel()
            self._reopening = None
        if self._open is not None:
            self._open.feed.stop()
            self.gather()
            self._open.reader.close()
            self._open = None

    def look(self) -> None:
        """Read what there is now; ``caught_up`` follows at the journal's end."""
        if self._open is not None:
            self._open.feed.look()

    def gather(self) -> None:
        """Put what the jails have learnt so far into the batch."""
        if self._open is not None:
            # The reader knows no time before its first entry.
            self._open.watch.gather(self.place.entry_time if self.place else self._now())

    def pass_on(self, guard: Guard, ban: Ban) -> None:
        """Tell the jails that look at bans of one that had to wait."""
        if self._open is not None:
            self._open.watch.pass_on(guard, ban)

    def _turn(self, entries: Iterator[Entry]) -> int:
        if self._open is None:
            return 0
        reader, watch = self._open.reader, self._open.watch
        before = watch.taken
        try:
            watch.take(entries)
            self._readable()
        finally:
            # Also when reading fails half-way: what the jails have seen they must not see again.
            count = watch.taken - before
            if count:
                self.entries += count
                self.place = Position(reader.cursor, reader.time, reader.time)
        # Only entries tell that the clock was set back: a start with a wrong one forgets nothing.
        watch.gather(reader.time if count else max(reader.time, self._now() - LATE_USEC))
        self._pace.turn(read=bool(count))
        self._open.feed.alert(on=watch.suspects())
        return count

    def _drained(self) -> None:
        if self.place is not None:
            self.place = replace(self.place, seen=self._now())
        if any(guard.since for guard in self._guards):
            # What was logged before they came has been passed over, and that is saved: a start
            # would read it again.
            for guard in self._guards:
                guard.since = 0
            self._pace.flush()
        self._news.caught_up()

    def _unreadable(self, error: OSError) -> None:
        self.close()
        if not self.problem:
            # Said once: every later attempt would say the same.
            logger.error("the journal cannot be read and is opened again: %s", error)
        self.problem = str(error)
        self._pace.changed()
        self._reopening = self._loop.after(REOPEN_MS, lambda: self.open(self._guards))

    def _readable(self) -> None:
        if self.problem:
            logger.warning("the journal is read again")
            self.problem = ""
            self._pace.changed()

    def _cursor(self) -> str:
        return self._open.reader.cursor if self._open is not None else ""
