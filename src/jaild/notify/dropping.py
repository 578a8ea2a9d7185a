# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module drops notices when too many wait: the oldest, whether or not a report has them.

A report that nobody takes would else have all newer ones dropped, for days.
"""

import sqlite3

from jaild.dbus.loop import Handle, Loop
from jaild.journal.record import Recorder

MINUTE_MS = 60_000

_IS_EMPTY = "NOT EXISTS (SELECT * FROM waiting WHERE report = number)"


class Dropped:
    """Records how many were dropped: at once, then once a minute while it goes on."""

    def __init__(self, loop: Loop, recorder: Recorder) -> None:
        """Count from none."""
        self._loop = loop
        self._recorder = recorder
        self._count = 0
        self._timer: Handle | None = None

    def add(self, count: int) -> None:
        """Count more that were dropped, if any."""
        self._count += count
        if self._count and self._timer is None:
            self._record()

    def stop(self) -> None:
        """Record what has not been yet, and nothing later."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._count:
            self._recorder.notices_dropped(self._count)
            self._count = 0

    def _record(self) -> None:
        self._timer = None
        if self._count:
            self._recorder.notices_dropped(self._count)
            self._count = 0
            self._timer = self._loop.after(MINUTE_MS, self._record)


def drop_oldest(db: sqlite3.Connection, most: int, sending: int) -> int:
    """Keep no more notices than ``most``; returns how many were dropped.

    What the report ``sending`` has is just being told, and stays.
    """
    (count,) = db.execute("SELECT count(*) FROM notice").fetchone()
    if count <= most:
        return 0
    rows = db.execute(
        "SELECT id FROM notice WHERE id NOT IN (SELECT notice FROM waiting WHERE report = ?) "
        "ORDER BY id LIMIT ?",
        (sending, count - most),
    ).fetchall()
    db.executemany(
        "INSERT INTO lost SELECT jail, 1 FROM waiting WHERE notice = ? AND dest = 'mail' "
        "AND NOT EXISTS (SELECT * FROM outgoing WHERE number = report AND rest != '') "
        "ON CONFLICT (jail) DO UPDATE SET count = count + 1",
        rows,
    )
    db.executemany("DELETE FROM waiting WHERE notice = ?", rows)
    db.executemany("DELETE FROM notice WHERE id = ?", rows)
    end_empty(db)
    return len(rows)


def end_empty(db: sqlite3.Connection) -> None:
    """Delete reports that nothing is left of; what they were to say of lost notices is kept."""
    db.execute(
        "INSERT INTO lost SELECT jail, sum(lost) FROM outgoing "  # noqa: S608 - ours
        f"WHERE dest = 'mail' AND lost > 0 AND rest = '' AND {_IS_EMPTY} GROUP BY jail "
        "ON CONFLICT (jail) DO UPDATE SET count = count + excluded.count"
    )
    db.execute(f"DELETE FROM outgoing WHERE {_IS_EMPTY}")  # noqa: S608 - ours
