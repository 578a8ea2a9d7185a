# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module follows jaild's records, of bans above all, and puts each into the queue, once.

The notices and the place in the journal that they came from are saved together; whatever fails on
the way is begun again at the place that was saved last.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Protocol

from jaild.core.entry import Entry
from jaild.core.errors import StoreFailed
from jaild.core.position import Position
from jaild.dbus.loop import Handle, Loop
from jaild.notify import notices
from jaild.notify.fields import Malformed
from jaild.notify.model import News

logger = logging.getLogger(__name__)

# One turn of the loop takes at most so many records.
TURN = 500
# A journal that cannot be read, or a queue that cannot be written, is tried again so much later.
AGAIN_MS = 5000


class Source(Protocol):
    """A journal reader, as far as it is needed here."""

    @property
    def cursor(self) -> str:
        """The cursor of the entry read last."""

    def fileno(self) -> int:
        """Return the descriptor that announces changes."""

    def process(self) -> None:
        """Take note of a change."""

    def seek(self, position: Position) -> bool:
        """Read on after a position; False if entries in between are gone."""

    def read(self, limit: int) -> Iterator[Entry]:
        """Yield the next entries."""

    def close(self) -> None:
        """Close it."""


class Place(Protocol):
    """Where notices go; both may raise StoreFailed."""

    def position(self) -> Position | None:
        """Return where reading stands."""

    def take(self, found: list[News], position: Position) -> None:
        """Save news and where they have been read."""


class Follower:
    """Reads records as they come, or those that were missed."""

    def __init__(
        self,
        loop: Loop,
        open_: Callable[[], Source],
        place: Place,
        now: Callable[[], int],
        taken: Callable[[], None],
    ) -> None:
        """``open_`` gives a reader of the records, ``taken`` is called when some were saved."""
        self._loop = loop
        self._open = open_
        self._place = place
        self._now = now
        self._taken = taken
        self._reader: Source | None = None
        self._handles: list[Handle] = []
        self._position: Position | None = None
        self._warned: set[str] = set()
        self._trouble = ""

    def start(self) -> None:
        """Begin where reading stands; at the very first time at the journal's present end."""
        self._end()
        try:
            self._begin()
        except (OSError, StoreFailed) as error:
            self._fail(error)

    def stop(self) -> None:
        """End reading, and save how far it has come."""
        was_reading = self._reader is not None
        self._end()
        if was_reading:
            self.save()

    def save(self) -> None:
        """Save how far reading has come, so that a journal vacuumed since then is not missed."""
        if self._position is not None:
            try:
                self._place.take([], self._position)
            except StoreFailed as error:
                logger.warning("%s", error)

    def _begin(self) -> None:
        position = self._place.position()
        if position is None:
            # What happened before anybody wanted to hear of it is not told.
            position = Position("", self._now(), self._now())
            self._place.take([], position)
        self._reader = self._open()
        self._handles = [self._loop.watch_fd(self._reader.fileno(), self._announced)]
        if not self._reader.seek(position) and not self._trouble:
            logger.warning("the journal no longer has all records of bans: some may not be told")
        self._position = position
        self._more()

    def _more(self) -> None:
        self._handles.append(self._loop.soon(self._read))

    def _announced(self) -> None:
        if self._reader is not None:
            try:
                self._reader.process()
            except OSError as error:
                self._fail(error)
            else:
                self._read()

    def _read(self) -> None:
        del self._handles[1:]
        if self._reader is None:
            return
        try:
            count, found = self._turn(self._reader)
        except (OSError, StoreFailed) as error:
            self._fail(error)
            return
        if found:
            self._taken()
        if count == TURN:
            self._more()
        elif self._position is not None:
            self._position = replace(self._position, seen=self._now())

    def _turn(self, reader: Source) -> tuple[int, int]:
        """Take the next records; return how many entries there were, and notices."""
        found: list[News] = []
        count = time = 0
        cursor = ""
        for entry in reader.read(TURN):
            count, time, cursor = count + 1, entry.time, reader.cursor
            try:
                found.extend(notices.of_record(entry, cursor))
            except Malformed as error:
                self._pass_over(str(error))
        if count:
            position = Position(cursor, time, time)
            self._place.take(found, position)
            self._position = position
            self._trouble = ""
        return count, len(found)

    def _pass_over(self, what: str) -> None:
        # Once each: whoever can make jaild write such records can make it write many.
        if what not in self._warned:
            self._warned.add(what)
            logger.warning("a record of jaild's is malformed (%s) and is not told", what)

    def _fail(self, error: Exception) -> None:
        if str(error) != self._trouble:
            logger.error("bans cannot be taken over from the journal, it is tried again: %s", error)
        self._trouble = str(error)
        self._end()
        self._handles = [self._loop.after(AGAIN_MS, self.start)]

    def _end(self) -> None:
        for handle in self._handles:
            handle.cancel()
        self._handles = []
        if self._reader is not None:
            self._reader.close()
            self._reader = None
