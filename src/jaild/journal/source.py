# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module reads a journal once, from one time to another: the host's, a folder's, some files'.

Nothing is followed and nothing remembered; what follows the journal is the reader.
"""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from systemd import journal

from jaild.core.entry import Entry
from jaild.core.errors import JaildError
from jaild.core.match import Match
from jaild.journal.reader import DECIDING, choose, present

_HOST = (Path("/var/log/journal"), Path("/run/log/journal"))
# journald keeps a host's files in a folder named for its machine id.
_MACHINE = re.compile(r"[0-9a-f]{32}")
_FORBIDDEN = "may not be read by you"
_OTHERS = "reading the whole journal takes root or a member of group systemd-journal or adm"


class UnreadableJournal(JaildError):
    """There is no journal where one was looked for, or it may not be read, or it is damaged."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where to read: the files, else the directory, else the host's journal.

    Entries count from ``since`` on and up to ``until``, microseconds since the epoch; None is the
    beginning and the end.
    """

    files: tuple[Path, ...] = ()
    directory: Path | None = None
    since: int | None = None
    until: int | None = None


class History:
    """The entries of a place that a match chooses, in the journal's order; all without a match."""

    def __init__(self, place: Place, match: Match | None = None) -> None:
        """Open the journal; raises UnreadableJournal with a sentence for a person.

        ``unread`` is a sentence about files that had to be left out, "" if there are none;
        ``damaged`` counts the entries that had to be passed over.
        """
        self._place = place
        self.damaged = 0
        self.unread = "" if place.files else _left_out(_folders(place))
        try:
            self._reader = _open(place)
        except OSError as error:
            raise UnreadableJournal(_why(place, error)) from error
        self._single: tuple[str, ...] = DECIDING
        if match is not None:
            self._single = (*match.fields.union(DECIDING),)
            choose(self._reader, match)

    def __iter__(self) -> Iterator[Entry]:
        """Yield the entries; raises UnreadableJournal where a file is damaged."""
        reader, until = self._reader, self._place.until
        try:
            self._seek()
            while reader._next():  # noqa: SLF001
                try:
                    entry = present(reader, self._single)
                except UnicodeDecodeError:
                    # The name of a field is no text; the reader passes such entries over as well.
                    self.damaged += 1
                    continue
                if until is not None and entry.time > until:
                    return
                yield entry
        except OSError as error:
            raise UnreadableJournal(f"the journal is damaged: {error.strerror}") from error

    @property
    def cursor(self) -> str:
        """The present entry's cursor."""
        return str(self._reader._get_cursor())  # noqa: SLF001

    def span(self) -> tuple[int, int]:
        """Return the times of the first and the last entry, as near as is quickly known."""
        reader, until = self._reader, self._place.until
        try:
            reader.seek_tail()
            last = int(reader._get_realtime()) if reader._previous() else 0  # noqa: SLF001
            self._seek()
            first = int(reader._get_realtime()) if reader._next() else last  # noqa: SLF001
        except OSError:
            return 0, 0
        return first, last if until is None else min(last, until)

    def find(self, cursor: str) -> Entry | None:
        """Return the entry at a cursor, None if it is not there; reading then goes on elsewhere."""
        try:
            self._reader.seek_cursor(cursor)
            if not (self._reader._next() and self._reader.test_cursor(cursor)):  # noqa: SLF001
                return None
            return present(self._reader, self._single)
        except (OSError, ValueError):
            # No cursor at all, or a damaged file or field.
            return None

    def close(self) -> None:
        """Close the journal's files."""
        self._reader.close()

    def _seek(self) -> None:
        if self._place.since is None:
            self._reader.seek_head()
        else:
            self._reader.seek_realtime(max(self._place.since, 0))


def _open(place: Place) -> journal.Reader:
    if place.files:
        return journal.Reader(files=[str(path) for path in place.files])
    return journal.Reader(path=str(place.directory)) if place.directory else journal.Reader()


def _why(place: Place, error: OSError) -> str:
    """Return why a place cannot be opened; the journal's own error does not name the file."""
    for path in place.files:
        reason = _trouble(path)
        if reason:
            return f"{path} {reason}"
    return f"{place.directory or 'the journal'} cannot be read: {error.strerror}"


def _folders(place: Place) -> Iterator[Path]:
    for folder in (place.directory,) if place.directory else _HOST:
        yield folder
        try:
            inner = sorted(path for path in folder.iterdir() if _MACHINE.fullmatch(path.name))
        except OSError:
            continue  # missing, or not for this user; opening it says so
        yield from inner


def _left_out(folders: Iterable[Path]) -> str:
    """Return a sentence about the journal files that will be passed over in silence.

    Raises UnreadableJournal if nothing would be left.
    """
    tried = list(folders)
    paths = [path for folder in tried for path in _listed(folder)]
    troubles = {path: reason for path in paths if (reason := _trouble(path))}
    if not paths:
        raise UnreadableJournal(_nothing_in(tried))
    if not troubles:
        return ""
    path, reason = next(iter(troubles.items()))
    first = f"{path} {reason}" + (f"; {_OTHERS}" if _FORBIDDEN in troubles.values() else "")
    if len(troubles) == len(paths):
        raise UnreadableJournal(first)
    return f"{len(troubles)} of {len(paths)} journal files are left out: {first}"


def _listed(folder: Path) -> list[Path]:
    """Return the journal files of a folder, none where it may not be looked into."""
    try:
        return sorted(folder.glob("*.journal*"))
    except OSError:
        return []


def _is_forbidden(folder: Path) -> bool:
    try:
        return folder.is_dir() and not os.access(folder, os.R_OK | os.X_OK)
    except PermissionError:
        # Not even its parent may be looked into.
        return True


def _nothing_in(folders: Sequence[Path]) -> str:
    """Return why there are no journal files in folders."""
    for folder in folders:
        if _is_forbidden(folder):
            return f"{folder} {_FORBIDDEN}; {_OTHERS}"
    if len(folders) == 1 and folders[0].exists() and not folders[0].is_dir():
        return f"{folders[0]} is no folder; give files with --file"
    where = " or ".join(str(folder) for folder in folders if not _MACHINE.fullmatch(folder.name))
    return f"there are no journal files in {where}"


def _trouble(path: Path) -> str:
    """Return what is wrong with a journal file, "" if it can be read."""
    try:
        journal.Reader(files=[str(path)]).close()
    except FileNotFoundError:
        return "does not exist"
    except IsADirectoryError:
        return "is a folder; give it with --directory"
    except PermissionError:
        return _FORBIDDEN
    except OSError as error:
        return f"is no journal file, or is damaged ({error.strerror})"
    return ""
