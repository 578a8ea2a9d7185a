# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module keeps jaild's state in SQLite, one transaction a batch.

The position in the journal and all that follows from the entries before it are saved together or
not at all; so whatever ends the process, reading goes on where the counts stand. In WAL mode with
synchronous=NORMAL a power cut may take back the last transactions, but always whole ones: the
entries are then read again.
"""

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jaild.core.address import Address
from jaild.core.ban import FOREVER, Ban
from jaild.core.connection import Connection
from jaild.core.errors import StoreFailed
from jaild.core.position import Position
from jaild.core.tally import Failure
from jaild.state.batch import Batch

VERSION = 2

_SCHEMA = """
CREATE TABLE position (only INTEGER PRIMARY KEY CHECK (only = 1),
    cursor TEXT NOT NULL, entry_time INTEGER NOT NULL, seen INTEGER NOT NULL);
CREATE TABLE failure (jail TEXT NOT NULL, address TEXT NOT NULL,
    time INTEGER NOT NULL, cursor TEXT NOT NULL, mark TEXT NOT NULL DEFAULT '');
CREATE INDEX failure_suspect ON failure (jail, address, time);
CREATE TABLE connection (jail TEXT NOT NULL, process TEXT NOT NULL,
    address TEXT NOT NULL, port TEXT NOT NULL, step INTEGER NOT NULL, counted INTEGER NOT NULL,
    pending INTEGER NOT NULL, time INTEGER NOT NULL, users TEXT NOT NULL DEFAULT '[]',
    PRIMARY KEY (jail, process)) WITHOUT ROWID;
CREATE TABLE ban (jail TEXT NOT NULL, address TEXT NOT NULL,
    since INTEGER NOT NULL, until INTEGER, failures INTEGER NOT NULL, reason TEXT NOT NULL,
    cursors TEXT NOT NULL, PRIMARY KEY (jail, address)) WITHOUT ROWID;
CREATE TABLE history (jail TEXT NOT NULL, address TEXT NOT NULL,
    since INTEGER NOT NULL, until INTEGER, failures INTEGER NOT NULL, reason TEXT NOT NULL,
    ended TEXT NOT NULL);
CREATE INDEX history_address ON history (address, since);
CREATE TABLE counter (jail TEXT PRIMARY KEY, failures INTEGER NOT NULL, bans INTEGER NOT NULL)
    WITHOUT ROWID;
"""

# What brings the tables of an earlier version up to the next one.
_STEPS = {
    1: """
ALTER TABLE failure ADD COLUMN mark TEXT NOT NULL DEFAULT '';
ALTER TABLE connection ADD COLUMN users TEXT NOT NULL DEFAULT '[]';
"""
}


@dataclass
class Saved:
    """What an earlier run has left; ``position`` is None on the first start."""

    position: Position | None = None
    failures: list[tuple[str, Address, Failure]] = field(default_factory=list)
    connections: list[tuple[str, str, Connection]] = field(default_factory=list)
    bans: list[Ban] = field(default_factory=list)
    counters: dict[str, tuple[int, int]] = field(default_factory=dict)


class Store:
    """The state file; every method raises StoreFailed with a sentence when SQLite cannot."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it (mode 0600) with this version's tables."""
        self._path = path
        try:
            # Made before SQLite does, so that no one else can ever have it open.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
            self._db = sqlite3.connect(path, isolation_level=None)
            self._prepare()
        except (OSError, sqlite3.Error) as error:
            raise StoreFailed(f"the state file {path} cannot be used: {error}") from error

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def load(self) -> Saved:
        """Return everything an earlier run has saved, failures oldest first."""
        try:
            return Saved(
                self._position(),
                [(j, Address(a), Failure(*row)) for j, a, *row in self._rows("failure", "time")],
                [(j, p, _connection(*row)) for j, p, *row in self._rows("connection", "time")],
                [_ban(*row) for row in self._rows("ban", "since")],
                {jail: (failures, bans) for jail, failures, bans in self._rows("counter", "jail")},
            )
        except (sqlite3.Error, ValueError) as error:
            raise StoreFailed(f"the state file {self._path} cannot be read: {error}") from error

    def commit(self, batch: Batch, *, durable: bool = False) -> None:
        """Save a batch in one transaction; ``durable`` waits until it would survive a power cut."""
        try:
            self._db.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._apply(batch)
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise StoreFailed(f"the state file {self._path} cannot be written: {error}") from error

    def bans_since(self, time: int) -> list[tuple[Address, int]]:
        """Return whom a failure has got banned since a time, and when, oldest first."""
        rows = self._read(
            "SELECT address, since FROM history WHERE since > :time AND failures > 0 UNION ALL "
            "SELECT address, since FROM ban WHERE since > :time AND failures > 0 ORDER BY since",
            {"time": time},
        )
        return [(Address(address), since) for address, since in rows]

    def ended_since(self, time: int, how: Sequence[str]) -> list[tuple[str, Address, int]]:
        """Return jail, address and end of the bans that have ended so and after a time."""
        marks = ", ".join("?" * len(how))
        rows = self._read(
            f"SELECT jail, address, until FROM history WHERE until > ? AND ended IN ({marks})",  # noqa: S608 - marks
            (time, *how),
        )
        return [(jail, Address(address), until) for jail, address, until in rows]

    def offences(self) -> Iterator[tuple[str, Address, int]]:
        """Yield jail, address and begin of the bans that failures have led to, oldest first."""
        try:
            for jail, address, since in self._db.execute(
                "SELECT jail, address, since FROM history WHERE failures > 0 UNION ALL "
                "SELECT jail, address, since FROM ban WHERE failures > 0 ORDER BY since"
            ):
                yield jail, Address(address), since
        except sqlite3.Error as error:
            raise StoreFailed(f"the state file {self._path} cannot be read: {error}") from error

    def past(self, addresses: Sequence[Address], most: int) -> list[tuple[Ban, str]]:
        """Return ended bans of some addresses and how each ended, the newest ``most`` of them.

        What led to them is no longer known: they have no cursors.
        """
        marks = ",".join("?" * len(addresses))
        query = (
            "SELECT jail, address, since, until, failures, reason, '[]', ended FROM history "  # noqa: S608 - only marks
            f"WHERE address IN ({marks}) ORDER BY since DESC, rowid DESC LIMIT ?"
        )
        try:
            rows = self._db.execute(query, (*addresses, most)).fetchall()
        except sqlite3.Error as error:
            raise StoreFailed(f"the state file {self._path} cannot be read: {error}") from error
        return [(_ban(*row), ended) for *row, ended in rows]

    def prune(self, before: int, offences: int) -> None:
        """Forget past bans that began before a time (microseconds since the epoch).

        Those that failures have led to are kept if they began at ``offences`` or later.
        """
        try:
            self._db.execute(
                "DELETE FROM history WHERE since < ? AND (failures = 0 OR since < ?)",
                (before, offences),
            )
            self._db.execute("PRAGMA incremental_vacuum(1000)").fetchall()
        except sqlite3.Error as error:
            raise StoreFailed(f"the state file {self._path} cannot be written: {error}") from error

    def _prepare(self) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise StoreFailed(
                f"the state file {self._path} was written by a newer jaild (version {version})"
            )
        if version == 0:
            # Takes effect only before the first table.
            self._db.execute("PRAGMA auto_vacuum=INCREMENTAL")
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA busy_timeout=5000")
        steps = _SCHEMA if version == 0 else "".join(_STEPS[n] for n in range(version, VERSION))
        if steps:
            self._db.executescript(f"BEGIN;{steps}PRAGMA user_version={VERSION};COMMIT;")

    def _read(self, query: str, values: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401 - SQLite's
        try:
            return self._db.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise StoreFailed(f"the state file {self._path} cannot be read: {error}") from error

    def _rows(self, table: str, order: str) -> Iterator[tuple[Any, ...]]:
        return iter(self._db.execute(f"SELECT * FROM {table} ORDER BY {order}"))  # noqa: S608 - ours

    def _position(self) -> Position | None:
        row = self._db.execute("SELECT cursor, entry_time, seen FROM position").fetchone()
        return Position(*row) if row else None

    def _apply(self, batch: Batch) -> None:
        run, many = self._db.execute, self._db.executemany
        many("DELETE FROM failure WHERE jail = ? AND address = ?", batch.cleared)
        failures = (
            (jail, address, *failure)
            for (jail, address), window in batch.failures.items()
            for failure in window
        )
        many("INSERT INTO failure VALUES (?, ?, ?, ?, ?)", failures)
        many(
            "DELETE FROM failure WHERE jail = ? AND address = ? AND time <= ?",
            ((jail, address, time) for (jail, address), time in batch.window.items()),
        )
        ended = (key for key, known in batch.connections.items() if known is None)
        many("DELETE FROM connection WHERE jail = ? AND process = ?", ended)
        known_rows = (
            (*key, *known[:-1], json.dumps(known.users))
            for key, known in batch.connections.items()
            if known
        )
        many("INSERT OR REPLACE INTO connection VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", known_rows)
        gone = ((ban.jail, ban.address) for ban, _ in batch.ended)
        many("DELETE FROM ban WHERE jail = ? AND address = ?", gone)
        past = (_past_row(ban, how) for ban, how in batch.ended)
        many("INSERT INTO history VALUES (?, ?, ?, ?, ?, ?, ?)", past)
        bans = map(_ban_row, batch.banned.values())
        many("INSERT OR REPLACE INTO ban VALUES (?, ?, ?, ?, ?, ?, ?)", bans)
        counters = ((jail, *values) for jail, values in batch.counters.items())
        many("INSERT OR REPLACE INTO counter VALUES (?, ?, ?)", counters)
        if batch.position is not None:
            place = batch.position
            row = (place.cursor, place.entry_time, place.seen)
            run("INSERT OR REPLACE INTO position VALUES (1, ?, ?, ?)", row)


def _ban_row(ban: Ban) -> tuple[object, ...]:
    # SQLite's integers are signed: a ban without an end has no end there either.
    until = None if ban.until == FOREVER else ban.until
    cursors = json.dumps(ban.cursors)
    return (ban.jail, ban.address, ban.since, until, ban.failures, ban.reason, cursors)


def _past_row(ban: Ban, ended: str) -> tuple[object, ...]:
    return (*_ban_row(ban)[:-1], ended)


def _ban(*row: Any) -> Ban:  # noqa: ANN401 - as SQLite gives it
    jail, address, since, until, failures, reason, cursors = row
    end = FOREVER if until is None else int(until)
    evidence = tuple(json.loads(cursors))
    return Ban(jail, Address(address), since, end, failures, reason, evidence)


def _connection(*row: Any) -> Connection:  # noqa: ANN401 - as SQLite gives it
    address, port, step, counted, pending, time, users = row
    return Connection(address, port, step, counted, bool(pending), time, tuple(json.loads(users)))
