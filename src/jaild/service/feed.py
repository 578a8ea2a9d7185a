# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module brings journal entries into the loop: at once under attack, silently in peace.

journald announces new entries 250 to 450 ms late, though they can be read after about 2 ms. In
peace the feed only waits for the announcement; while ``alert`` it also looks every TICK_MS.
"""

from collections.abc import Callable, Iterator
from typing import Protocol

from jaild.core.entry import Entry

# One turn of the loop reads at most this much, so that D-Bus stays answered.
TURN = 1000
TICK_MS = 30


class Source(Protocol):
    """A journal reader, as far as it is needed here."""

    def fileno(self) -> int:
        """Return the descriptor that announces changes."""

    def process(self) -> None:
        """Take note of a change."""

    def read(self, limit: int) -> Iterator[Entry]:
        """Yield the next entries."""


class Handle(Protocol):
    """Something of the loop's that can be ended."""

    def cancel(self) -> None:
        """End it."""


class Loop(Protocol):
    """The loop, as far as it is needed here."""

    def watch_fd(self, fd: int, callback: Callable[[], None]) -> Handle:
        """Call callback whenever fd can be read."""

    def every(self, milliseconds: int, callback: Callable[[], None]) -> Handle:
        """Call callback again and again."""

    def after(self, milliseconds: int, callback: Callable[[], None]) -> Handle:
        """Call callback once, later."""

    def soon(self, callback: Callable[[], None]) -> Handle:
        """Call callback in the next turn."""


class Feed:
    """Gives entries to ``turn`` in portions; turn returns how many it took of the portion."""

    def __init__(
        self,
        source: Source,
        loop: Loop,
        turn: Callable[[Iterator[Entry]], int],
        drained: Callable[[], None],
        failed: Callable[[OSError], None],
    ) -> None:
        """``drained`` is called whenever the journal's present end is reached.

        ``failed`` is called when the journal cannot be read; the feed has stopped then.
        """
        self._source = source
        self._loop = loop
        self._turn = turn
        self._drained = drained
        self._failed = failed
        self._watch: Handle | None = None
        self._tick: Handle | None = None
        self._next: Handle | None = None

    def start(self) -> None:
        """Begin to read."""
        self._watch = self._loop.watch_fd(self._source.fileno(), self._announced)
        self._more()

    def stop(self) -> None:
        """End reading; start() would go on where it ended."""
        for handle in (self._watch, self._tick, self._next):
            if handle is not None:
                handle.cancel()
        self._watch = self._tick = self._next = None

    def alert(self, *, on: bool) -> None:
        """Look often, or only when journald calls."""
        if on and self._tick is None and self._watch is not None:
            self._tick = self._loop.every(TICK_MS, self.look)
        elif not on and self._tick is not None:
            self._tick.cancel()
            self._tick = None

    def _announced(self) -> None:
        try:
            self._source.process()
        except OSError as error:
            self._give_up(error)
        else:
            self.look()

    def look(self) -> None:
        """Read what there is now, unless reading goes on anyway."""
        if self._next is None and self._watch is not None:
            self._read()

    def _more(self) -> None:
        self._next = self._loop.soon(self._continue)

    def _continue(self) -> None:
        self._next = None
        self._read()

    def _read(self) -> None:
        try:
            count = self._turn(self._source.read(TURN))
        except OSError as error:
            self._give_up(error)
            return
        if count == TURN:
            self._more()
        else:
            self._drained()

    def _give_up(self, error: OSError) -> None:
        self.stop()
        self._failed(error)
