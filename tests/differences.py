# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module compares what two runs of jaild have come to, and tells the differences in words."""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from jaild.core.connection import MEMORY_USEC
from jaild.state.rows import ban_of

# More would hide the first ones.
MOST = 20


class Ban(NamedTuple):
    """A ban that failures have led to; ``until`` is None for ever, ``evidence`` the cursors."""

    jail: str
    address: str
    since: int
    until: int | None
    failures: int
    evidence: tuple[str, ...]


def bans_of(state: Path) -> list[Ban]:
    """Return the bans of a state file, present and past."""
    return [
        Ban(*row[:4], failures=row[4], evidence=tuple(cursor for _, cursor, _ in evidence))
        for *row, evidence in _rows_of_bans(state)
    ]


def _rows_of_bans(state: Path) -> Iterator[tuple]:
    """Yield them whole, the evidence with times and messages."""
    query = "SELECT jail, address, since, until, failures, reason, evidence FROM {}"
    with sqlite3.connect(f"file:{state}?mode=ro", uri=True) as db:
        for table in ("ban", "history"):
            for row in db.execute(query.format(f"{table} WHERE failures > 0")):
                yield *row[:-1], tuple(map(tuple, ban_of(*row).evidence))


def tables_of(state: Path, findtime: dict[str, int], now: int) -> dict[str, list[tuple]]:
    """Return all that a state file tells and that still counted at a time, in microseconds.

    ``findtime`` is each jail's, in seconds. Whoever has been quiet for longer may have been
    forgotten or not: jaild forgets when it has nothing else to do.
    """
    with sqlite3.connect(f"file:{state}?mode=ro", uri=True) as db:
        failures = db.execute("SELECT * FROM failure ORDER BY time").fetchall()
        last = {(jail, address): time for jail, address, time, *_ in failures}
        return {
            "bans": list(_rows_of_bans(state)),
            "failure": [
                row for row in failures if last[row[:2]] > now - findtime[row[0]] * 1_000_000
            ],
            "connection": db.execute(
                "SELECT * FROM connection WHERE time > ?", (now - MEMORY_USEC,)
            ).fetchall(),
            "counter": db.execute("SELECT * FROM counter").fetchall(),
            "position": db.execute("SELECT cursor, entry_time FROM position").fetchall(),
        }


def bans_replayed(found: dict) -> list[Ban]:
    """Return the bans of what ``jailctl replay --json`` prints."""
    return [
        Ban(
            ban["jail"], ban["address"], ban["at"], ban["until"], ban["failures"],
            tuple(ban["evidence"]),
        )
        for ban in found["bans"]
    ]  # fmt: skip


def compare(what: str, one: str, rows: Iterable, other: str, others: Iterable) -> str:
    """Return how often which rows are on one side only, "" if there are none; order is nothing."""
    here, there = Counter(rows), Counter(others)
    lines = [
        f"  {number} times more by {whose}: {row}"
        for whose, more in ((one, here - there), (other, there - here))
        for row, number in sorted(more.items(), key=repr)[:MOST]
    ]
    if not lines:
        return ""
    counts = f"{here.total()} by {one}, {there.total()} by {other}"
    return "\n".join([f"{what} differ ({counts}):", *lines])
