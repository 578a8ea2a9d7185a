# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module tells a damaged state file from one that merely cannot be had, and sets it aside."""

import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from jaild.core.errors import InvalidAddress, StoreFailed

# How many damaged files are kept, the newest.
KEPT = 3

_BESIDE = ("-wal", "-shm")
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}


class Damaged(Exception):
    """What is in the file is not what jaild has written; the text says why."""


class StoreDamaged(StoreFailed):
    """The state file is damaged: no later attempt will do better."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Why the state was lost, and what the damaged file is called now; "" if nothing was in it."""

    reason: str
    kept: str


def is_damage(error: Exception) -> bool:
    """Return whether an error of reading or writing is due to what is in the file.

    A full disk, missing rights and a bad medium are not.
    """
    if not isinstance(error, sqlite3.Error):
        return isinstance(error, Damaged | InvalidAddress | ValueError | TypeError)
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        # Not from SQLite but from Python's side of it: text that is no UTF-8.
        return isinstance(error, sqlite3.OperationalError)
    # SQLITE_ERROR is what it says of tables and columns that are not there.
    return (code & 0xFF) in _DAMAGE


def set_aside(path: Path, now: datetime) -> str:
    """Rename a state file to ``NAME.corrupt-TIME``, with what SQLite keeps beside it.

    Leaves an empty file, at every moment one or the other: a start that finds neither would take
    itself for the first. Returns the new name, "" if the file was empty; raises OSError.
    """
    kept = _free(path, now)
    full = path.stat().st_size > 0
    if full:
        os.link(path, kept)
        empty = path.with_name(path.name + ".new")
        empty.unlink(missing_ok=True)
        os.close(os.open(empty, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        empty.replace(path)
    for suffix in _BESIDE:
        beside = Path(f"{path}{suffix}")
        if beside.exists():
            beside.replace(f"{kept}{suffix}")
    _forget(path)
    return str(kept) if full else ""


def _free(path: Path, now: datetime) -> Path:
    while True:
        stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        kept = path.with_name(f"{path.name}.corrupt-{stamp}")
        if not any(Path(f"{kept}{suffix}").exists() for suffix in ("", *_BESIDE)):
            return kept
        now += timedelta(seconds=1)


def _forget(path: Path) -> None:
    """Remove all but the newest damaged files."""
    files = list(_kept(path))
    names = sorted({name for name, _ in files}, reverse=True)
    for name, file in files:
        if name in names[KEPT:]:
            file.unlink(missing_ok=True)


def _kept(path: Path) -> Iterator[tuple[str, Path]]:
    """Yield the damaged files, each with its name without -wal or -shm."""
    for file in path.parent.iterdir():
        if file.name.startswith(f"{path.name}.corrupt-"):
            name = file.name
            for suffix in _BESIDE:
                name = name.removesuffix(suffix)
            yield name, file
