# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module knows the tables of the state file: makes them, brings them up to date, checks them.

A file that takes the place of a lost one is marked until all bans are in it again.
"""

import sqlite3

from jaild.state.damage import Damaged

VERSION = 5

# The value of the header's field application_id while bans are yet to be found in the firewall.
LOST = 1

# Bytes of SQLite's write-ahead log that stay on the disk; it grows beyond only for a while.
LOG_MOST = 8 << 20

_TABLES = """
CREATE TABLE position (only INTEGER PRIMARY KEY CHECK (only = 1),
    cursor TEXT NOT NULL, entry_time INTEGER NOT NULL, seen INTEGER NOT NULL);
CREATE TABLE failure (jail TEXT NOT NULL, address TEXT NOT NULL,
    time INTEGER NOT NULL, cursor TEXT NOT NULL, mark TEXT NOT NULL DEFAULT '',
    message TEXT NOT NULL DEFAULT '');
CREATE INDEX failure_suspect ON failure (jail, address, time);
CREATE TABLE connection (jail TEXT NOT NULL, process TEXT NOT NULL,
    address TEXT NOT NULL, port TEXT NOT NULL, step INTEGER NOT NULL, counted INTEGER NOT NULL,
    pending INTEGER NOT NULL, time INTEGER NOT NULL, users TEXT NOT NULL DEFAULT '[]',
    PRIMARY KEY (jail, process)) WITHOUT ROWID;
CREATE TABLE ban (jail TEXT NOT NULL, address TEXT NOT NULL,
    since INTEGER NOT NULL, until INTEGER, failures INTEGER NOT NULL, reason TEXT NOT NULL,
    evidence TEXT NOT NULL DEFAULT '[]', PRIMARY KEY (jail, address)) WITHOUT ROWID;
CREATE TABLE history (jail TEXT NOT NULL, address TEXT NOT NULL,
    since INTEGER NOT NULL, until INTEGER, failures INTEGER NOT NULL, reason TEXT NOT NULL,
    ended TEXT NOT NULL, evidence TEXT NOT NULL DEFAULT '[]');
CREATE INDEX history_address ON history (address, since);
CREATE TABLE name (name TEXT PRIMARY KEY, addresses TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE due (jail TEXT NOT NULL, address TEXT NOT NULL, since INTEGER NOT NULL,
    what TEXT NOT NULL, PRIMARY KEY (jail, address, since, what)) WITHOUT ROWID;
CREATE TABLE counter (jail TEXT PRIMARY KEY, failures INTEGER NOT NULL, bans INTEGER NOT NULL)
    WITHOUT ROWID;
"""

# What brings the tables of an earlier version up to the next one.
_STEPS = {
    1: """
ALTER TABLE failure ADD COLUMN mark TEXT NOT NULL DEFAULT '';
ALTER TABLE connection ADD COLUMN users TEXT NOT NULL DEFAULT '[]';
""",
    2: """
ALTER TABLE failure ADD COLUMN message TEXT NOT NULL DEFAULT '';
ALTER TABLE history ADD COLUMN evidence TEXT NOT NULL DEFAULT '[]';
ALTER TABLE ban ADD COLUMN evidence TEXT NOT NULL DEFAULT '[]';
UPDATE ban SET evidence =
    (SELECT json_group_array(json_array(0, value, '')) FROM json_each(ban.cursors));
ALTER TABLE ban DROP COLUMN cursors;
CREATE TABLE name (name TEXT PRIMARY KEY, addresses TEXT NOT NULL) WITHOUT ROWID;
""",
    3: """
CREATE TABLE untold (jail TEXT NOT NULL, address TEXT NOT NULL, PRIMARY KEY (jail, address))
    WITHOUT ROWID;
""",
    4: """
CREATE TABLE due (jail TEXT NOT NULL, address TEXT NOT NULL, since INTEGER NOT NULL,
    what TEXT NOT NULL, PRIMARY KEY (jail, address, since, what)) WITHOUT ROWID;
INSERT INTO due SELECT jail, address, since, 'banned' FROM ban JOIN untold USING (jail, address);
DROP TABLE untold;
""",
}


class Newer(Exception):
    """The file was written by a later version, which its text names."""


def prepare(db: sqlite3.Connection, *, lost: bool) -> None:
    """Bring the tables to this version; ``lost`` marks a file that has none yet.

    Raises Newer, Damaged where the tables are not jaild's, and sqlite3.Error.
    """
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise Newer(f"version {version}")
    if version < 0 or (version == 0 and _columns(db)):
        raise Damaged("its tables are not jaild's")
    if version == 0:
        # Takes effect only before the first table.
        db.execute("PRAGMA auto_vacuum=INCREMENTAL")
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA busy_timeout=5000")
    # A large transaction leaves a large log, which SQLite would keep at that length.
    db.execute(f"PRAGMA journal_size_limit={LOG_MOST}")
    steps = _TABLES if version == 0 else "".join(_STEPS[n] for n in range(version, VERSION))
    if version == 0 and lost:
        steps += f"PRAGMA application_id={LOST};"
    if steps:
        db.executescript(f"BEGIN;{steps}PRAGMA user_version={VERSION};COMMIT;")
    if not _expected().items() <= _columns(db).items():
        raise Damaged("its tables are not jaild's")


def check(db: sqlite3.Connection) -> None:
    """Look at every page; raises Damaged where one does not fit, and sqlite3.Error."""
    (found,) = db.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise Damaged(" ".join(found.split()))


def is_lost(db: sqlite3.Connection) -> bool:
    """Return whether bans are yet to be found in the firewall."""
    return bool(db.execute("PRAGMA application_id").fetchone() == (LOST,))


def _columns(db: sqlite3.Connection) -> dict[str, tuple[str, ...]]:
    columns: dict[str, tuple[str, ...]] = {}
    rows = db.execute(
        "SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c"
        " WHERE t.type = 'table' ORDER BY t.name, c.cid"
    ).fetchall()
    for table, column in rows:
        columns[table] = (*columns.get(table, ()), column)
    return columns


def _expected() -> dict[str, tuple[str, ...]]:
    db = sqlite3.connect(":memory:")
    try:
        db.executescript(_TABLES)
        return _columns(db)
    finally:
        db.close()
