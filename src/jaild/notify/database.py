# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module has the queue's file: its tables, its transactions, and what to do about damage."""

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from jaild.core.errors import StoreFailed
from jaild.state.damage import Damaged, is_damage, set_aside

logger = logging.getLogger(__name__)

VERSION = 2

_TABLES = """
CREATE TABLE position (only INTEGER PRIMARY KEY CHECK (only = 1),
    cursor TEXT NOT NULL, entry_time INTEGER NOT NULL, seen INTEGER NOT NULL);
CREATE TABLE recent (id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE);
CREATE TABLE notice (id INTEGER PRIMARY KEY AUTOINCREMENT, data TEXT NOT NULL);
CREATE TABLE waiting (notice INTEGER NOT NULL, dest TEXT NOT NULL, jail TEXT NOT NULL,
    arrived INTEGER NOT NULL, report INTEGER, PRIMARY KEY (notice, dest));
CREATE INDEX waiting_report ON waiting (report, dest, jail, notice);
CREATE TABLE outgoing (number INTEGER PRIMARY KEY AUTOINCREMENT, dest TEXT NOT NULL,
    jail TEXT NOT NULL, message_id TEXT NOT NULL, made INTEGER NOT NULL,
    attempts INTEGER NOT NULL, next INTEGER NOT NULL, lost INTEGER NOT NULL,
    objections INTEGER NOT NULL DEFAULT 0, plain INTEGER NOT NULL DEFAULT 0,
    rest TEXT NOT NULL DEFAULT '');
CREATE TABLE sent (jail TEXT NOT NULL, time INTEGER NOT NULL);
CREATE TABLE lost (jail TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
"""
_NAMES = ("position", "recent", "notice", "waiting", "outgoing", "sent", "lost")


class Database:
    """One SQLite file of which each transaction survives a power cut.

    A file that turns out to be damaged is set aside and a new one begun; the journal tells.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, or make it (mode 0600); raises StoreFailed."""
        self._path = path
        self._damage = ""
        self._db: sqlite3.Connection | None = None
        try:
            self._db = self._open()
        except (OSError, sqlite3.Error, Damaged) as error:
            failure = self._failure(error)
            if not self._damage:
                raise failure from error
        if self._damage:
            self._begin_anew()

    def close(self) -> None:
        """Close the file."""
        if self._db is not None:
            self._db.close()
            self._db = None

    @contextmanager
    def step(self) -> Iterator[sqlite3.Connection]:
        """Give the database within one transaction; raises StoreFailed."""
        if self._damage:
            self._begin_anew()
        db = self._db
        if db is None:
            raise StoreFailed(f"the queue {self._path} is not open")
        try:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
        except (sqlite3.Error, Damaged) as error:
            raise self._failure(error) from error

    def _begin_anew(self) -> None:
        self.close()
        try:
            kept = set_aside(self._path, datetime.now(UTC))
            self._db = self._open()
        except (OSError, sqlite3.Error, Damaged) as error:
            raise self._failure(error) from error
        logger.error(
            "the queue was damaged (%s) and is begun anew, what waited in it is not told%s",
            self._damage,
            f"; the damaged file is kept as {kept}" if kept else "",
        )
        self._damage = ""

    def _open(self) -> sqlite3.Connection:
        # Made before SQLite does, so that no one else can ever have it open.
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        db = sqlite3.connect(self._path, isolation_level=None)
        try:
            _prepare(db)
        except BaseException:
            db.close()
            raise
        return db

    def _failure(self, error: Exception) -> StoreFailed:
        if is_damage(error):
            self._damage = str(error)
        return StoreFailed(f"the queue {self._path} cannot be used: {error}")


def _prepare(db: sqlite3.Connection) -> None:
    """Make the tables where there are none; raises Damaged and sqlite3.Error.

    What another version wrote counts as damaged: it waits for hours and not for years.
    """
    (found,) = db.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise Damaged(" ".join(found.split()))
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version not in (0, VERSION):
        raise Damaged(f"its version is {version}")
    db.execute("PRAGMA temp_store=MEMORY")
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("PRAGMA busy_timeout=5000")
    if not version:
        db.executescript(f"BEGIN;{_TABLES}PRAGMA user_version={VERSION};COMMIT;")
    for table in _NAMES:
        db.execute(f"SELECT * FROM {table} LIMIT 1").fetchone()  # noqa: S608 - ours
