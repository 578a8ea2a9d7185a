# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module reads journal entries, in order, from a saved position on.

It uses the stepping calls that systemd's own Reader class is built on (``_next``, ``_get_all`` …):
the public ``get_next`` converts every field of every entry and is five times slower. A test pins
their presence.

Of a damaged file libsystemd gives what comes before the damage and leaves out the rest without a
word. So after every seek, and when files have come or gone, the end is held against what a fresh
look at the journal finds; what lies behind the damage is read as well.
"""

import logging
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from systemd import journal

from jaild.core.entry import Entry, decode
from jaild.core.match import Match
from jaild.core.position import Position

logger = logging.getLogger(__name__)

# A field that a sender repeats comes as a list; only those that decide need to be single.
DECIDING = ("MESSAGE", "_PID", "_BOOT_ID", "_SYSTEMD_UNIT")


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
        self._match = match
        self._single = tuple(match.fields.union(DECIDING))
        self._reader = self._choosing()
        # The descriptor's watches must exist before the first entry is read, or news could fall
        # between the two. The reader that has it stays, even if another goes on in its place.
        self._descriptor: int = self._reader.fileno()
        self._announcer = self._reader
        self._time = self._latest = 0
        # Whether the end of reading is yet to be held against the journal's.
        self._unproven = True
        self._begun = self._said = False
        # An entry that seeking has already stepped onto and that read() has yet to give.
        self._waiting = False

    def fileno(self) -> int:
        """Return the descriptor that becomes readable when the journal changes."""
        return self._descriptor

    def process(self) -> None:
        """Take note of a change: new entries, rotated or vacuumed files."""
        change = self._announcer.process()
        if self._reader is not self._announcer:
            self._reader.process()
        if change == journal.INVALIDATE:
            self._unproven = True

    @property
    def cursor(self) -> str:
        """The current entry's cursor; "" if the journal can no longer tell, as it is damaged."""
        try:
            return str(self._reader._get_cursor())  # noqa: SLF001
        except OSError:
            return ""

    @property
    def time(self) -> int:
        """Where reading stands, in microseconds since the epoch: the time of the last entry read.

        Before the first it is the time that was sought.
        """
        return self._time

    def seek_time(self, time: int) -> None:
        """Read on from the first entry at or after a time, in microseconds since the epoch."""
        self._waiting, self._unproven, self._begun = False, True, False
        self._time = self._latest = max(time, 0)
        self._reader.seek_realtime(self._time)

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
            self._waiting, self._unproven, self._begun = False, True, True
            self._time = self._latest = position.entry_time
            return True
        whole = self._oldest() <= position.seen
        self.seek_time(position.entry_time)
        self._skip_until_after(position.entry_time)
        return whole

    def read(self, limit: int) -> Iterator[Entry]:
        """Yield up to ``limit`` entries; ends earlier at the journal's present end."""
        while limit > 0 and (self._waiting or self._advance()):
            self._waiting = False
            try:
                entry = present(self._reader, self._single)
            except (UnicodeDecodeError, OSError):
                # The name of a field is damaged, as by a power cut: nothing there can be trusted.
                self._say("an entry of the journal is damaged and is passed over")
                continue
            # One that is passed over is none of them: fewer entries than asked for mean the end.
            limit -= 1
            self._time, self._begun = entry.time, True
            self._latest = max(self._latest, entry.time)
            yield entry

    def close(self) -> None:
        """Close the journal's files."""
        self._reader.close()
        self._announcer.close()

    def _advance(self) -> bool:
        """Step to the next entry, over damage if there is some; returns False at the end."""
        if self._step():
            return True
        if not self._unproven:
            return False
        self._unproven = False
        beyond = self._beyond()
        # What the fresh look has found may just have come.
        self._reader.process()
        if self._step():
            self._unproven = True
            return True
        if beyond is not None:
            self._say(
                f"the journal is damaged: what follows {_clock(self._latest)} cannot be read; "
                f"reading goes on at {_clock(beyond)}"
            )
            self._go_on_at(beyond)
            return self._step()
        if self._begun and not self.cursor:
            self._say(f"the journal is damaged: what follows {_clock(self._latest)} cannot be read")
        return False

    def _go_on_at(self, time: int) -> None:
        """Read on with a new reader: the old one has given up the damaged file."""
        if self._reader is not self._announcer:
            self._reader.close()
        self._reader = self._choosing()
        self._reader.fileno()
        self._reader.seek_realtime(time)
        self._latest, self._unproven, self._begun = time - 1, True, False

    def _beyond(self) -> int | None:
        """Return the time of the first entry that is later than all read, None if there is none.

        "First" in a damaged journal is what bisecting finds.
        """
        low, high = self._latest + 1, self._tail()
        if high < low:
            return None
        while low < high:
            middle = (low + high) // 2
            if self._has(middle):
                high = middle
            else:
                low = middle + 1
        return high if self._has(high) else None

    def _tail(self) -> int:
        """Return the time of the last entry, 0 if none can be found."""
        reader = self._choosing()
        try:
            reader.seek_tail()
            return int(reader._get_realtime()) if reader._previous() else 0  # noqa: SLF001
        except OSError:
            return 0
        finally:
            reader.close()

    def _has(self, time: int) -> bool:
        """Return whether entries at or after a time are found by seeking it."""
        reader = self._choosing()
        try:
            reader.seek_realtime(time)
            return bool(reader._next() and reader._get_realtime() >= time)  # noqa: SLF001
        except OSError:
            return False
        finally:
            reader.close()

    def _say(self, text: str) -> None:
        # Damage comes in heaps: the first is said aloud.
        logger.log(logging.DEBUG if self._said else logging.WARNING, "%s", text)
        self._said = True

    def _choosing(self) -> journal.Reader:
        reader = self._open()
        choose(reader, self._match)
        return reader

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
        """Return the time of the oldest entry that is left, whatever its fields.

        Of the host's journal that of the system counts: those of users are kept for longer.
        """
        if self._directory:
            reader = self._open()
        else:
            reader = journal.Reader(flags=journal.LOCAL_ONLY | journal.SYSTEM)
        try:
            reader.seek_head()
            return int(reader._get_realtime()) if reader._next() else 0  # noqa: SLF001
        finally:
            reader.close()


def _clock(usec: int) -> str:
    return datetime.fromtimestamp(usec / 1_000_000, UTC).astimezone().isoformat(" ", "seconds")
