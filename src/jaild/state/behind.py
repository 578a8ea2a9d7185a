# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module has a state file in memory while it cannot be written: on a full or read-only disk.

SQLite cannot even read a file of its WAL mode where it cannot make another beside it. So what there
is is copied to where there is room, and read there.
"""

import os
import shutil
import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory

from jaild.state import schema

_NO_ROOM = {sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_SHMMAP}
_IN_USE = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def explain(error: Exception) -> str:
    """Return why SQLite cannot, for a person."""
    if getattr(error, "sqlite_errorcode", None) in _NO_ROOM:
        return "no space left on the disk"
    return str(error)


def can_wait(error: Exception) -> bool:
    """Return whether an error may pass, and nobody else has the file open meanwhile."""
    code = getattr(error, "sqlite_errorcode", 0)
    return (code & 0xFF) not in _IN_USE


def copy(path: Path) -> sqlite3.Connection:
    """Return a database in memory with all that the file has, in this version's tables.

    Raises OSError where the file cannot be read, sqlite3.Error and Damaged as schema.prepare().
    """
    memory = sqlite3.connect(":memory:", isolation_level=None)
    try:
        if path.exists():
            _fill(memory, path)
        schema.prepare(memory, lost=False)
    except BaseException:
        memory.close()
        raise
    return memory


def nothing() -> sqlite3.Connection:
    """Return an empty database in memory, marked until the bans have been found in the firewall."""
    memory = sqlite3.connect(":memory:", isolation_level=None)
    schema.prepare(memory, lost=True)
    return memory


def _fill(memory: sqlite3.Connection, path: Path) -> None:
    # A service's own place in memory, that a full disk does not concern.
    place = os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    with TemporaryDirectory(dir=place or None) as folder:
        copied = Path(folder) / "state"
        shutil.copyfile(path, copied)
        beside = Path(f"{path}-wal")
        if beside.exists():
            shutil.copyfile(beside, f"{copied}-wal")
        source = sqlite3.connect(copied)
        try:
            source.backup(memory)
        finally:
            source.close()
