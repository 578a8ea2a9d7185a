# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module keeps jaild's state in SQLite, one transaction a batch.

The position in the journal and all that follows from the entries before it are saved together or
not at all; so whatever ends the process, reading goes on where the counts stand. In WAL mode with
synchronous=NORMAL a power cut may take back the last transactions, but always whole ones: the
entries are then read again.

A file that SQLite cannot use is set aside, and a new one begun that is marked until the bans have
been found in the firewall. Of one that cannot be written, on a full or a read-only disk, there is a
copy in memory to begin with; each commit then tries the file again.
"""

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

from jaild.core.address import Address
from jaild.core.ban import Ban, Due
from jaild.core.errors import InvalidAddress, StoreFailed
from jaild.core.position import Position
from jaild.core.tally import Failure
from jaild.state import behind, schema
from jaild.state.batch import REFUSED, Batch
from jaild.state.damage import Damaged, Loss, StoreDamaged, is_damage, set_aside
from jaild.state.rows import addresses_of, ban_of, ban_row, checked, connection_of, past_row
from jaild.state.saved import Saved

# While the file is shrunk nothing else is done: a thousand pages take some milliseconds.
SHRINK_PAGES = 1000
SHRINK_SECONDS = 1.0
_REFUSED = f"{REFUSED}%"
# Of the bans that have ended so many are remembered, and of the last of them what led to them: some
# 100 MB.
MOST_PAST = 500_000
MOST_EVIDENCE = 50_000

_BAN = "jail, address, since, until, failures, reason, evidence"
# What is due, with the ban that it is about: it is in force, or has ended.
_DUE = f"""
SELECT what, {_BAN}, '' AS ended FROM due JOIN ban USING (jail, address, since)
    WHERE what != '{Due.ENDED}' UNION ALL
SELECT what, {_BAN}, ended FROM due JOIN history USING (jail, address, since)
    ORDER BY since, what
"""  # noqa: S608 - ours


class Store:
    """The state file; every method raises StoreFailed with a sentence when SQLite cannot."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it (mode 0600) with this version's tables.

        A damaged one is set aside; load() tells. Of one that can only be read, commit() tells.
        """
        self._path = path
        self._damage = ""
        self._loss: Loss | None = None
        self._db: sqlite3.Connection | None = None
        self._behind = False
        try:
            self._db = self._open()
        except (OSError, sqlite3.Error, Damaged) as error:
            failure = self._failure("used", error)
            if not self._damage:
                self._read_only(failure, error)
        if self._db is None:
            # Not before the error is forgotten: what it refers to may hold the damaged file open.
            self._begin_anew_somehow()

    def close(self) -> None:
        """Close the file."""
        if self._db is not None:
            self._db.close()
            self._db = None

    def load(self) -> Saved:
        """Return everything an earlier run has saved, failures oldest first.

        A file that turns out to be damaged is set aside, and nothing has been saved then.
        """
        try:
            schema.check(self._used)
            return self._load()
        except (sqlite3.Error, ValueError, TypeError, InvalidAddress, Damaged) as error:
            self._raise_unless_damaged("read", error)
        self._begin_anew_somehow()
        return self._load()

    def begin_anew(self) -> Loss:
        """Set the file aside after StoreDamaged and begin a new one."""
        self.close()
        try:
            kept = set_aside(self._path, datetime.now(UTC))
            if self._loss is None or kept:
                self._loss = Loss(self._damage, kept)
            self._db = self._open(anew=True)
        except (OSError, sqlite3.Error, Damaged) as error:
            raise StoreFailed(
                f"the state file {self._path} cannot be begun anew: {error}"
            ) from error
        self._damage, self._behind = "", False
        return self._loss

    def commit(self, batch: Batch, *, durable: bool = False) -> None:
        """Save a batch in one transaction; ``durable`` waits until it would survive a power cut.

        Raises StoreDamaged when only begin_anew() can help.
        """
        if self._damage:
            raise StoreDamaged(f"the state file {self._path} is damaged: {self._damage}")
        if self._behind:
            self._catch_up()
        db = self._used
        try:
            db.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            db.execute("BEGIN IMMEDIATE")
            try:
                self._apply(batch)
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            failure = self._failure("written", error)
            raise (StoreDamaged(str(failure)) if is_damage(error) else failure) from error

    def bans_since(self, time: int, besides: str) -> list[tuple[Address, int]]:
        """Return whom other jails than one have banned since a time for failures, and when.

        They are in the order of their times.
        """
        rows = self._read(
            "SELECT address, since FROM history WHERE since > :time AND failures > 0 "
            "AND jail != :jail AND ended NOT LIKE :refused UNION ALL "
            "SELECT address, since FROM ban WHERE since > :time AND failures > 0 "
            "AND jail != :jail ORDER BY since",
            {"time": time, "jail": besides, "refused": _REFUSED},
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
            for jail, address, since in self._used.execute(
                "SELECT jail, address, since FROM history WHERE failures > 0 "
                "AND ended NOT LIKE ? UNION ALL "
                "SELECT jail, address, since FROM ban WHERE failures > 0 ORDER BY since",
                (_REFUSED,),
            ):
                yield jail, Address(address), since
        except sqlite3.Error as error:
            raise self._failure("read", error) from error

    def past(self, addresses: Sequence[Address], most: int) -> list[tuple[Ban, str]]:
        """Return ended bans of some addresses and how each ended, the newest ``most`` of them.

        The evidence of those that are only remembered as offences is gone.
        """
        query = (
            "SELECT jail, address, since, until, failures, reason, evidence, ended FROM history "
            "WHERE address IN (SELECT value FROM json_each(?)) "
            "ORDER BY since DESC, rowid DESC LIMIT ?"
        )
        rows = self._read(query, (json.dumps(addresses), most))
        return [(ban_of(*row), ended) for *row, ended in rows]

    def prune(self, before: int, offences: int) -> int:
        """Forget past bans that began before a time (microseconds since the epoch).

        Those that failures have led to are kept if they began at ``offences`` or later, without
        their evidence. Returns how many more had to go, the oldest, because there were too many.
        """
        try:
            self._used.execute(
                "DELETE FROM history WHERE since < ? AND (failures = 0 OR since < ?)",
                (before, offences),
            )
            self._used.execute(
                "UPDATE history SET evidence = '[]' WHERE since < ? AND evidence != '[]'", (before,)
            )
            self._used.execute("DELETE FROM due WHERE since < ?", (before,))
            forgotten = self._bound()
            self._shrink()
        except sqlite3.Error as error:
            raise self._failure("written", error) from error
        return forgotten

    def _bound(self) -> int:
        """Forget the oldest of too many past bans; returns how many."""
        # The newest have the highest numbers.
        run, older = self._used.execute, "rowid <= (SELECT max(rowid) FROM history) - ?"
        gone = run(f"DELETE FROM history WHERE {older}", (MOST_PAST,)).rowcount  # noqa: S608 - ours
        run(
            f"UPDATE history SET evidence = '[]' WHERE evidence != '[]' AND {older}",  # noqa: S608 - ours
            (MOST_EVIDENCE,),
        )
        return gone

    def _shrink(self) -> None:
        """Give free pages back to the disk, for a moment at most; the rest comes next time."""
        db, until = self._used, monotonic() + SHRINK_SECONDS
        while db.execute("PRAGMA freelist_count").fetchone() > (0,) and monotonic() < until:
            # execute() would take the first step only, which frees one page.
            db.executescript(f"PRAGMA incremental_vacuum({SHRINK_PAGES})")

    @property
    def _used(self) -> sqlite3.Connection:
        if self._db is None:
            raise StoreFailed(f"the state file {self._path} is not open")
        return self._db

    def _read_only(self, failure: StoreFailed, error: Exception) -> None:
        """Take a copy of a file that cannot be written; raises the failure if that is no use."""
        if not behind.can_wait(error) or not self._path.parent.is_dir():
            raise failure from error
        try:
            self._db = behind.copy(self._path)
            self._behind = True
        except (OSError, sqlite3.Error, Damaged) as second:
            self._failure("read", second)
            if not self._damage:
                raise failure from second
        except schema.Newer as version:
            raise self._newer(version) from None

    def _begin_anew_somehow(self) -> None:
        """Set the file aside, in memory alone where there is no room for a new one."""
        try:
            self.begin_anew()
        except StoreFailed:
            self._loss = self._loss or Loss(self._damage, "")
            self._damage, self._behind = "", True
            self._db = behind.nothing()

    def _catch_up(self) -> None:
        """Go on with the file in place of the copy; raises StoreFailed, StoreDamaged."""
        try:
            db = self._open(anew=True, lost=schema.is_lost(self._used))
        except (OSError, sqlite3.Error, Damaged) as error:
            failure = self._failure("written", error)
            raise (StoreDamaged(str(failure)) if self._damage else failure) from error
        self.close()
        self._db, self._behind = db, False

    def _open(self, *, anew: bool = False, lost: bool | None = None) -> sqlite3.Connection:
        found = self._path.exists()
        # Made before SQLite does, so that no one else can ever have it open.
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        if found and not anew and self._path.stat().st_size == 0:
            raise Damaged("it is empty")
        db = sqlite3.connect(self._path, isolation_level=None)
        try:
            # To sort must not need a disk, which may be full.
            db.execute("PRAGMA temp_store=MEMORY")
            # A file without tables that was there before is one that somebody else made, or an
            # earlier start that did not come to its end.
            schema.prepare(db, lost=found if lost is None else lost)
        except schema.Newer as version:
            db.close()
            raise self._newer(version) from None
        except BaseException:
            db.close()
            raise
        return db

    def _raise_unless_damaged(self, doing: str, error: Exception) -> None:
        failure = self._failure(doing, error)
        if not self._damage:
            raise failure from error

    def _failure(self, doing: str, error: Exception) -> StoreFailed:
        """Return what to raise; the next commit asks for a new file if this one is damaged."""
        if is_damage(error):
            self._damage = str(error)
        why = behind.explain(error)
        return StoreFailed(f"the state file {self._path} cannot be {doing}: {why}")

    def _newer(self, version: schema.Newer) -> StoreFailed:
        return StoreFailed(f"the state file {self._path} was written by a newer jaild ({version})")

    def _load(self) -> Saved:
        lost = None
        if schema.is_lost(self._used):
            lost = self._loss or Loss("an earlier start has not come to its end", "")
        return Saved(
            self._position(),
            [(j, Address(a), Failure(*row)) for j, a, *row in self._rows("failure", "time")],
            [(j, p, connection_of(*row)) for j, p, *row in self._rows("connection", "time")],
            [checked(ban_of(*row)) for row in self._rows("ban", "since")],
            {jail: (failures, bans) for jail, failures, bans in self._rows("counter", "jail")},
            {name: addresses_of(text) for name, text in self._rows("name", "name")},
            self._due(),
            lost,
        )

    def _due(self) -> list[tuple[Due, Ban, str]]:
        """Return what is due, each once; a ban that has ended is in the history."""
        found = {
            (what, jail, address, since): (Due(what), ban_of(jail, address, since, *row), ended)
            for what, jail, address, since, *row, ended in self._used.execute(_DUE).fetchall()
        }
        return list(found.values())

    def _read(self, query: str, values: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401 - SQLite's
        try:
            return self._used.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise self._failure("read", error) from error

    def _rows(self, table: str, order: str) -> list[tuple[Any, ...]]:
        # All at once: a cursor left half-way would keep a damaged file open when it is set aside.
        return self._used.execute(f"SELECT * FROM {table} ORDER BY {order}").fetchall()  # noqa: S608 - ours

    def _position(self) -> Position | None:
        row = self._used.execute("SELECT cursor, entry_time, seen FROM position").fetchone()
        return Position(*row) if row else None

    def _apply(self, batch: Batch) -> None:
        run, many = self._used.execute, self._used.executemany
        if batch.whole:
            for table in ("failure", "connection", "ban", "due"):
                run(f"DELETE FROM {table}")  # noqa: S608 - ours
        many("DELETE FROM failure WHERE jail = ? AND address = ?", batch.cleared)
        failures = (
            (jail, address, *failure)
            for (jail, address), window in batch.failures.items()
            for failure in window
        )
        many("INSERT INTO failure VALUES (?, ?, ?, ?, ?, ?)", failures)
        many(
            "DELETE FROM failure WHERE jail = ? AND address = ? AND (time <= ? OR time >= ?)",
            ((*suspect, *span) for suspect, span in batch.window.items()),
        )
        ended = (key for key, known in batch.connections.items() if known is None)
        many("DELETE FROM connection WHERE jail = ? AND process = ?", ended)
        known_rows = (
            (*key, *known[:-1], json.dumps(known.users))
            for key, known in batch.connections.items()
            if known
        )
        many("INSERT OR REPLACE INTO connection VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", known_rows)
        self._apply_bans(batch)
        counters = ((jail, *values) for jail, values in batch.counters.items())
        many("INSERT OR REPLACE INTO counter VALUES (?, ?, ?)", counters)
        gone_names = ((name,) for name, addresses in batch.names.items() if not addresses)
        many("DELETE FROM name WHERE name = ?", gone_names)
        names = ((name, json.dumps(known)) for name, known in batch.names.items() if known)
        many("INSERT OR REPLACE INTO name VALUES (?, ?)", names)
        if batch.position is not None:
            place = batch.position
            row = (place.cursor, place.entry_time, place.seen)
            run("INSERT OR REPLACE INTO position VALUES (1, ?, ?, ?)", row)
        if batch.complete:
            run("PRAGMA application_id=0")

    def _apply_bans(self, batch: Batch) -> None:
        many = self._used.executemany
        gone = ((ban.jail, ban.address) for ban, _ in batch.ended)
        many("DELETE FROM ban WHERE jail = ? AND address = ?", gone)
        many("DELETE FROM ban WHERE jail = ? AND address = ?", batch.annulled)
        where = "what = ? AND jail = ? AND address = ? AND since = ?"
        many(f"DELETE FROM due WHERE {where}", batch.done)  # noqa: S608 - marks
        many(
            "INSERT OR REPLACE INTO due (what, jail, address, since) VALUES (?, ?, ?, ?)", batch.due
        )
        past = (past_row(ban, how) for ban, how in batch.ended)
        many("INSERT INTO history VALUES (?, ?, ?, ?, ?, ?, ?, ?)", past)
        bans = map(ban_row, batch.banned.values())
        many("INSERT OR REPLACE INTO ban VALUES (?, ?, ?, ?, ?, ?, ?)", bans)
