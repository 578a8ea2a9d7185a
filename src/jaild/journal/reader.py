# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module reads journal entries, in order, from a saved position on.

It uses the stepping calls that systemd's own Reader class is built on (``_next``, ``_get_all`` …):
the public ``get_next`` converts every field of every entry and is five times slower. A test pins
their presence.
"""

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

from systemd import journal

from jaild.core.entry import Entry, decode
from jaild.core.match import Match
from jaild.core.position import Position

logger = logging.getLogger(__name__)

# A field that a sender repeats comes as a list; only those that decide need to be single.
DECIDING = ("MESSAGE", "_PID", "_BOOT_ID")


def choose(reader: journal.Reader, match: Match) -> None:
    """Let a reader give only the entries that a match chooses."""
    for group in match.terms():
        for term in group:
            reader.add_match(term)
        reader.add_disjunction()


def present(reader: journal.Reader, single: Iterable[str]) -> Entry:
    """Return the entry on which a reader stands; fields to be ``single`` have their first value."""
    fields = reader._get_all()  # noqa: SLF001
    for name in single:
        if isinstance(fields.get(name), list):
            fields[name] = fields[name][0]
    time = reader._get_realtime()  # noqa: SLF001
    return Entry(time, decode(fields.get("MESSAGE", b"")), fields)


class JournalReader:
    """The one reader of a process; step through it with read()."""

    def __init__(self, match: Match, directory: Path | None = None) -> None:
        """Open the host's journal, or the journal files in a directory."""
        self._directory = directory
        self._reader = self._open()
        self._single = tuple(match.fields.union(DECIDING))
        choose(self._reader, match)
        # The descriptor's watches must exist before the first entry is read, or news could fall
        # between the two.
        self._descriptor: int = self._reader.fileno()
        self._time = 0
        # An entry that seeking has already stepped onto and that read() has yet to give.
        self._waiting = False

    def fileno(self) -> int:
        """Return the descriptor that becomes readable when the journal changes."""
        return self._descriptor

    def process(self) -> None:
        """Take note of a change: new entries, rotated or vacuumed files."""
        self._reader.process()

    @property
    def cursor(self) -> str:
        """The current entry's cursor."""
        return str(self._reader._get_cursor())  # noqa: SLF001

    @property
    def time(self) -> int:
        """The current entry's time in microseconds since the epoch; 0 before the first."""
        return self._time

    def seek_time(self, time: int) -> None:
        """Read on from the first entry at or after a time, in microseconds since the epoch."""
        self._waiting = False
        self._reader.seek_realtime(max(time, 0))

    def seek(self, position: Position) -> bool:
        """Read on after a saved position; returns False if entries in between are gone.

        A cursor that is no longer in the journal is replaced by the saved time.
        """
        try:
            self._reader.seek_cursor(position.cursor)
            found = self._step() and self._reader.test_cursor(position.cursor)
        except (ValueError, OSError):
            # Malformed, or beyond the end of every file.
            found = False
        if found:
            self._waiting = False
            return True
        whole = self._oldest() <= position.seen
        self.seek_time(position.entry_time)
        self._skip_until_after(position.entry_time)
        return whole

    def read(self, limit: int) -> Iterator[Entry]:
        """Yield up to ``limit`` entries; ends earlier at the journal's present end."""
        reader = self._reader
        while limit > 0 and (self._waiting or reader._next()):  # noqa: SLF001
            self._waiting = False
            limit -= 1
            try:
                entry = present(reader, self._single)
            except UnicodeDecodeError:
                # The name of a field is damaged, as by a power cut: nothing there can be trusted.
                logger.warning("an entry of the journal is damaged and is passed over")
                continue
            self._time = entry.time
            yield entry

    def close(self) -> None:
        """Close the journal's files."""
        self._reader.close()

    def _open(self) -> journal.Reader:
        return journal.Reader(path=str(self._directory)) if self._directory else journal.Reader()

    def _step(self) -> bool:
        return bool(self._reader._next())  # noqa: SLF001

    def _skip_until_after(self, time: int) -> None:
        while self._step():
            if self._reader._get_realtime() > time:  # noqa: SLF001
                self._waiting = True
                return

    def _oldest(self) -> int:
        """Return the time of the oldest entry that is left, whatever its fields."""
        reader = self._open()
        try:
            reader.seek_head()
            return int(reader._get_realtime()) if reader._next() else 0  # noqa: SLF001
        finally:
            reader.close()
