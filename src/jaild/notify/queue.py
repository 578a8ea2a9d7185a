# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module keeps on disk what is yet to be told, and how far the journal has been read.

A notice waits once for each destination: the mail of its jail, or the address of a webhook. Notices
that go out together are made a report, which stays the same until it is delivered or given up. Each
step is one transaction that survives a power cut; every method raises StoreFailed when it cannot.
"""

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from jaild.core.position import Position
from jaild.notify import notices
from jaild.notify.database import Database
from jaild.notify.dropping import drop_oldest, end_empty
from jaild.notify.model import News, Notice
from jaild.notify.pacing import HOUR, Waiting
from jaild.state.damage import Damaged

# The destination that stands for the mail of a jail; all others are webhooks.
MAIL = "mail"
# jaild repeats a record only after a crash, soon; so many of the newest are known again.
REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A report on its way: its number, where to, of which jail ("" for a webhook's).

    ``made`` is when it was made up, ``next_`` when to try again after ``attempts`` failures;
    ``lost`` is how many notices of its jail were dropped untold before it; ``objections`` is how
    often its content was refused for the time being, and a ``plain`` one goes without what others
    wrote; ``rest`` has the recipients who have yet to get it, one a line, if the others have it.
    """

    number: int
    dest: str
    jail: str
    message_id: str
    made: int
    attempts: int
    next_: int
    lost: int
    objections: int
    plain: bool
    rest: str
    count: int


class Queue:
    """The queue's file."""

    def __init__(self, path: Path, most: int = 10_000) -> None:
        """Open the file, or make it; ``most`` is how many notices are kept."""
        self.most = most
        # The report that is just being sent, 0 for none.
        self.sending = 0
        self._file = Database(path)
        self._step = self._file.step

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def position(self) -> Position | None:
        """Return where reading stands, None if nothing has been read yet."""
        with self._step() as db:
            row = db.execute("SELECT cursor, entry_time, seen FROM position").fetchone()
        return Position(*row) if row else None

    def forget(self) -> int:
        """Forget all that waits and where reading stands: there is nobody to tell.

        Returns how much waited.
        """
        with self._step() as db:
            (count,) = db.execute("SELECT count(*) FROM waiting").fetchone()
            for table in ("position", "lost", "outgoing", "waiting", "notice"):
                db.execute(f"DELETE FROM {table}")  # noqa: S608 - ours
        return int(count)

    def take(
        self, found: Sequence[tuple[News, Collection[str]]], position: Position, now: int
    ) -> int:
        """Save notices, each with its destinations, and where they were read, in one step.

        What was taken before is not taken again. Returns how many of the oldest were dropped.
        """
        with self._step() as db:
            for notice, dests in found:
                _add(db, notice, dests, now)
            row = (position.cursor, position.entry_time, position.seen)
            db.execute("INSERT OR REPLACE INTO position VALUES (1, ?, ?, ?)", row)
            return drop_oldest(db, self.most, self.sending) if found else 0

    def waiting(self, digests: Mapping[str, tuple[int, int]]) -> list[Waiting]:
        """Return what waits to be mailed; ``digests`` has digest and limit by jail.

        Jails that have a report on its way are left out: their bans gather until it is delivered,
        if only to some.
        """
        with self._step() as db:
            rows = db.execute(
                "SELECT jail, count(*), min(arrived) FROM waiting WHERE dest = ? "
                "AND report IS NULL AND jail NOT IN "
                "(SELECT jail FROM outgoing WHERE dest = ? AND rest = '') GROUP BY jail",
                (MAIL, MAIL),
            ).fetchall()
        return [
            Waiting(jail, n, first, *digests[jail]) for jail, n, first in rows if jail in digests
        ]

    def gathering(self) -> int:
        """Return how many bans wait to be mailed and are in no report yet."""
        with self._step() as db:
            (count,) = db.execute(
                "SELECT count(*) FROM waiting WHERE dest = ? AND report IS NULL", (MAIL,)
            ).fetchone()
        return int(count)

    def waiting_hooks(self) -> list[tuple[str, int]]:
        """Return webhooks that have something waiting and no report on its way, and how much."""
        with self._step() as db:
            return db.execute(
                "SELECT dest, count(*) FROM waiting WHERE dest != ? AND report IS NULL "
                "AND dest NOT IN (SELECT dest FROM outgoing) GROUP BY dest ORDER BY min(arrived)",
                (MAIL,),
            ).fetchall()

    def form(
        self, dest: str, jail: str, counts: Sequence[int], ids: Sequence[str], now: int
    ) -> None:
        """Make reports of the oldest that wait: one of each count, with one message id each."""
        with self._step() as db:
            for count, message_id in zip(counts, ids, strict=True):
                _form(db, dest, jail, count, message_id, now)

    def outgoing(self) -> list[Outgoing]:
        """Return the reports on their way, oldest first."""
        with self._step() as db:
            rows = db.execute(
                "SELECT number, dest, jail, message_id, made, attempts, next, lost, objections, "
                "plain, rest, (SELECT count(*) FROM waiting WHERE report = number) "
                "FROM outgoing ORDER BY number"
            ).fetchall()
        return [Outgoing(*row) for row in rows]

    def notices_of(self, number: int, full: int) -> list[News]:
        """Return the news of a report, oldest first; those after ``full`` without evidence."""
        with self._step() as db:
            rows = db.execute(
                "SELECT data FROM waiting JOIN notice ON notice = id WHERE report = ? ORDER BY id",
                (number,),
            )
            # One by one: ten thousand with all their evidence would take a hundred megabytes.
            found = enumerate(_notice(text) for (text,) in rows)
            return [one if place < full else _bare(one) for place, one in found]

    def sent(self, now: int) -> list[tuple[str, int]]:
        """Return jail and time of each mail of the last hour, with those on their way as of now."""
        with self._step() as db:
            rows = db.execute("SELECT jail, time FROM sent").fetchall()
            under_way = db.execute(
                "SELECT jail FROM outgoing WHERE dest = ? AND rest = ''", (MAIL,)
            ).fetchall()
        return [*rows, *((jail, now) for (jail,) in under_way)]

    def delivered(self, number: int, now: int) -> None:
        """Forget a report and its notices: they are told."""
        with self._step() as db:
            _count(db, number, now)
            _end(db, number)

    def delivered_partly(self, number: int, now: int, next_: int, rest: Collection[str]) -> None:
        """Note who has yet to get a report that the others have, and when to try that."""
        with self._step() as db:
            _count(db, number, now)
            db.execute(
                "UPDATE outgoing SET attempts = attempts + 1, next = ?, rest = ? WHERE number = ?",
                (next_, "\n".join(rest), number),
            )

    def failed(self, number: int, next_: int, *, objected: bool = False) -> None:
        """Note a failed attempt, whether it was because of the content, and when to go on."""
        with self._step() as db:
            db.execute(
                "UPDATE outgoing SET attempts = attempts + 1, objections = objections + ?, "
                "next = ? WHERE number = ?",
                (objected, next_, number),
            )

    def strip(self, number: int, now: int) -> None:
        """Let a report go without what others wrote, at once."""
        with self._step() as db:
            db.execute("UPDATE outgoing SET plain = 1, next = ? WHERE number = ?", (now, number))

    def hasten(self, numbers: Sequence[int], now: int) -> None:
        """Let reports be tried at once."""
        with self._step() as db:
            rows = [(now, number) for number in numbers]
            db.executemany("UPDATE outgoing SET next = ? WHERE number = ?", rows)

    def give_up(self, number: int, now: int) -> None:
        """Drop a report and its notices untold; the next mail of the jail has their number.

        Unless some recipients have it. The hour counts it like any other: a server that refuses
        all mails is not to be asked for each ban.
        """
        with self._step() as db:
            _count(db, number, now)
            db.execute(
                "INSERT INTO lost SELECT jail, "
                "lost + (SELECT count(*) FROM waiting WHERE report = number) "
                "FROM outgoing WHERE number = ? AND dest = ? AND rest = '' "
                "ON CONFLICT (jail) DO UPDATE SET count = count + excluded.count",
                (number, MAIL),
            )
            _end(db, number)

    def others(self, jails: Collection[str], hooks: Collection[str]) -> list[tuple[str, str]]:
        """Return for whom else something waits: destination, and jail of what waits there."""
        with self._step() as db:
            return _others(db, jails, hooks)

    def keep_only(self, jails: Collection[str], hooks: Collection[str]) -> int:
        """Drop what waits for others; returns how much."""
        with self._step() as db:
            gone = _others(db, jails, hooks)
            if not gone:
                return 0
            dropped = sum(
                db.execute("DELETE FROM waiting WHERE dest = ? AND jail = ?", one).rowcount
                for one in gone
            )
            end_empty(db)
            db.execute("DELETE FROM notice WHERE id NOT IN (SELECT notice FROM waiting)")
            return dropped


def _others(
    db: sqlite3.Connection, jails: Collection[str], hooks: Collection[str]
) -> list[tuple[str, str]]:
    rows = db.execute("SELECT DISTINCT dest, jail FROM waiting").fetchall()
    return [
        (dest, jail)
        for dest, jail in rows
        if (jail not in jails if dest == MAIL else dest not in hooks)
    ]


def _bare(news: News) -> News:
    return replace(news, evidence=()) if isinstance(news, Notice) else news


def _notice(text: str) -> News:
    try:
        return notices.of_text(text)
    except (ValueError, TypeError) as error:
        raise Damaged(f"a notice cannot be read: {error}") from error


def _add(db: sqlite3.Connection, notice: News, dests: Collection[str], now: int) -> None:
    seen = db.execute("INSERT OR IGNORE INTO recent (key) VALUES (?)", (notices.key_of(notice),))
    if not seen.rowcount:
        return
    db.execute("DELETE FROM recent WHERE id <= ?", ((seen.lastrowid or 0) - REMEMBERED,))
    if not dests:
        return
    text = notices.to_text(notice)
    added = db.execute("INSERT INTO notice (data) VALUES (?)", (text,)).lastrowid
    rows = [(added, dest, notice.jail, now) for dest in dests]
    db.executemany("INSERT INTO waiting (notice, dest, jail, arrived) VALUES (?, ?, ?, ?)", rows)


def _form(
    db: sqlite3.Connection, dest: str, jail: str, count: int, message_id: str, now: int
) -> None:
    lost = 0
    if dest == MAIL:
        row = db.execute("DELETE FROM lost WHERE jail = ? RETURNING count", (jail,)).fetchone()
        lost = row[0] if row else 0
    number = db.execute(
        "INSERT INTO outgoing (dest, jail, message_id, made, attempts, next, lost) "
        "VALUES (?, ?, ?, ?, 0, ?, ?)",
        (dest, jail, message_id, now, now, lost),
    ).lastrowid
    chosen = "dest = ? AND jail = ?" if dest == MAIL else "dest = ? AND '' = ?"
    db.execute(
        f"UPDATE waiting SET report = ? WHERE rowid IN (SELECT rowid FROM waiting WHERE {chosen} "  # noqa: S608 - ours
        "AND report IS NULL ORDER BY notice LIMIT ?)",
        (number, dest, jail, count),
    )


def _count(db: sqlite3.Connection, number: int, now: int) -> None:
    """Count a mail among those of the hour, unless it was when some recipients got it."""
    db.execute("DELETE FROM sent WHERE NOT time BETWEEN ? AND ?", (now - HOUR, now))
    db.execute(
        "INSERT INTO sent SELECT jail, ? FROM outgoing WHERE number = ? AND dest = ? AND rest = ''",
        (now, number, MAIL),
    )


def _end(db: sqlite3.Connection, number: int) -> None:
    db.execute("CREATE TEMP TABLE told AS SELECT notice FROM waiting WHERE report = ?", (number,))
    db.execute("DELETE FROM waiting WHERE report = ?", (number,))
    db.execute("DELETE FROM notice WHERE id IN told AND id NOT IN (SELECT notice FROM waiting)")
    db.execute("DROP TABLE told")
    db.execute("DELETE FROM outgoing WHERE number = ?", (number,))
