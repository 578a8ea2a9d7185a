# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

import sqlite3
import stat
from dataclasses import replace

import pytest

from jaild.core.address import Address
from jaild.core.ban import FOREVER, Ban, Evidence
from jaild.core.connection import Connection
from jaild.core.errors import StoreFailed
from jaild.core.position import Position
from jaild.core.tally import Failure
from jaild.state.batch import Batch
from jaild.state.store import Store

A, B = Address("192.0.2.1"), Address("2001:db8::/64")
BAN = Ban("sshd", A, 10, 20, 5, "5 failures", (Evidence(8, "one", "Failed"), Evidence(9, "two")))


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "state")
    yield store
    store.close()


def saved(store, batch):
    """Return what another process would find."""
    store.commit(batch)
    again = Store(store._path)
    try:
        return again.load()
    finally:
        again.close()


def test_only_its_owner_may_read_it(store, tmp_path):
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_everything_comes_back(store):
    batch = Batch(Position("cursor", 7, 8))
    batch.fail("sshd", A, Failure(6, "c6"), findtime=100)
    batch.fail("sshd", A, Failure(7, "c7"), findtime=100)
    known = Connection("192.0.2.1", "22", 3, 1, True, 7)
    batch.connections["sshd", "boot:1"] = known
    batch.ban(BAN)
    batch.ban(Ban("sshd", B, 1, FOREVER, 0, "by hand"))
    batch.counters["sshd"] = (12, 3)
    found = saved(store, batch)
    assert found.position == Position("cursor", 7, 8)
    assert found.failures == [("sshd", A, Failure(6, "c6")), ("sshd", A, Failure(7, "c7"))]
    assert found.connections == [("sshd", "boot:1", known)]
    assert {ban.address: ban for ban in found.bans}[A] == BAN
    assert {ban.address: ban.until for ban in found.bans}[B] == FOREVER
    assert found.counters == {"sshd": (12, 3)}


def test_what_is_over_goes(store):
    batch = Batch()
    batch.fail("sshd", A, Failure(6, ""), findtime=100)
    batch.connections["sshd", "p"] = Connection()
    batch.ban(BAN)
    saved(store, batch)
    batch = Batch()
    batch.clear("sshd", A)
    batch.connections["sshd", "p"] = None
    batch.end(BAN, "its time is over")
    found = saved(store, batch)
    assert (found.failures, found.connections, found.bans) == ([], [], [])


def test_failures_older_than_the_window_go(store):
    batch = Batch()
    batch.fail("sshd", A, Failure(1, ""), findtime=10)
    saved(store, batch)
    batch = Batch()
    batch.fail("sshd", A, Failure(11, ""), findtime=10)
    assert [failure.time for _, _, failure in saved(store, batch).failures] == [11]


def test_order_within_a_batch(store):
    batch = Batch()
    batch.fail("sshd", A, Failure(1, ""), findtime=10)
    batch.clear("sshd", A)
    batch.fail("sshd", A, Failure(2, ""), findtime=10)
    batch.ban(BAN)
    batch.end(BAN, "unbanned by hand")
    found = saved(store, batch)
    assert [failure.time for _, _, failure in found.failures] == [2]
    assert found.bans == []
    batch = Batch()
    batch.end(BAN, "x")
    batch.ban(BAN)
    assert saved(store, batch).bans == [BAN]


def test_all_or_nothing(store):
    batch = Batch(Position("cursor", 1, 1))
    batch.ban(BAN)
    batch.counters["sshd"] = (None, None)
    with pytest.raises(StoreFailed):
        store.commit(batch)
    found = store.load()
    assert (found.position, found.bans) == (None, [])


def test_history_is_pruned(store):
    batch = Batch()
    batch.end(BAN, "its time is over")
    store.commit(batch)
    store.prune(before=10, offences=10)
    assert store._db.execute("SELECT count(*) FROM history").fetchone() == (1,)
    store.prune(before=11, offences=11)
    assert store._db.execute("SELECT count(*) FROM history").fetchone() == (0,)


def test_offences_are_kept_longer_than_the_rest(store):
    batch = Batch()
    batch.end(BAN, "past")
    batch.end(Ban("sshd", B, 10, 20, 0, "by hand"), "its time is over")
    batch.ban(Ban("web", A, 5, FOREVER, 1, "1 failure"))
    batch.ban(Ban("web", B, 6, FOREVER, 0, "by hand"))
    store.commit(batch)
    assert list(store.offences()) == [("web", A, 5), ("sshd", A, 10)]
    store.prune(before=11, offences=10)
    assert store._db.execute("SELECT address FROM history").fetchall() == [(A,)]
    store.prune(before=11, offences=11)
    assert list(store.offences()) == [("web", A, 5)]


def test_offences_of_a_damaged_table_are_said(store):
    store._db.execute("DROP TABLE history")
    with pytest.raises(StoreFailed, match="cannot be read"):
        list(store.offences())


def test_a_newer_file_is_left_alone(tmp_path):
    path = tmp_path / "state"
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version=99")
    with pytest.raises(StoreFailed, match="newer jaild"):
        Store(path)


def test_no_place_to_write(tmp_path):
    with pytest.raises(StoreFailed, match="cannot be used"):
        Store(tmp_path / "missing" / "state")


def test_a_state_of_version_1_is_taken_over(tmp_path):
    old = sqlite3.connect(tmp_path / "state")
    old.executescript("""
        CREATE TABLE position (only INTEGER PRIMARY KEY CHECK (only = 1),
            cursor TEXT NOT NULL, entry_time INTEGER NOT NULL, seen INTEGER NOT NULL);
        CREATE TABLE failure (jail TEXT NOT NULL, address TEXT NOT NULL,
            time INTEGER NOT NULL, cursor TEXT NOT NULL);
        CREATE TABLE connection (jail TEXT NOT NULL, process TEXT NOT NULL,
            address TEXT NOT NULL, port TEXT NOT NULL, step INTEGER NOT NULL,
            counted INTEGER NOT NULL, pending INTEGER NOT NULL, time INTEGER NOT NULL,
            PRIMARY KEY (jail, process)) WITHOUT ROWID;
        CREATE TABLE ban (jail TEXT NOT NULL, address TEXT NOT NULL,
            since INTEGER NOT NULL, until INTEGER, failures INTEGER NOT NULL,
            reason TEXT NOT NULL, cursors TEXT NOT NULL, PRIMARY KEY (jail, address)) WITHOUT ROWID;
        CREATE TABLE history (jail TEXT NOT NULL, address TEXT NOT NULL, since INTEGER NOT NULL,
            until INTEGER, failures INTEGER NOT NULL, reason TEXT NOT NULL, ended TEXT NOT NULL);
        CREATE TABLE counter (jail TEXT PRIMARY KEY, failures INTEGER NOT NULL,
            bans INTEGER NOT NULL) WITHOUT ROWID;
        INSERT INTO failure VALUES ('sshd', '192.0.2.1', 5, 'c');
        INSERT INTO connection VALUES ('sshd', 'b:7', '192.0.2.1', '40112', 1, 1, 0, 5);
        INSERT INTO ban VALUES ('sshd', '192.0.2.1', 5, 9, 2, '2 failures', '["c", "d"]');
        INSERT INTO ban VALUES ('web', '192.0.2.1', 5, 9, 0, 'by hand', '[]');
        INSERT INTO history VALUES ('sshd', '192.0.2.1', 1, 2, 5, '5 failures', 'over');
        PRAGMA user_version = 1;
    """)
    old.close()
    store = Store(tmp_path / "state")
    found = saved(store, Batch())
    assert found.failures == [("sshd", A, Failure(5, "c"))]
    assert found.connections == [("sshd", "b:7", Connection("192.0.2.1", "40112", 1, 1, False, 5))]
    evidence = (Evidence(0, "c"), Evidence(0, "d"))
    assert found.bans == [
        Ban("sshd", A, 5, 9, 2, "2 failures", evidence),
        Ban("web", A, 5, 9, 0, "by hand"),
    ]
    assert store.past([A], 9) == [(Ban("sshd", A, 1, 2, 5, "5 failures"), "over")]
    store.close()


def test_the_evidence_goes_before_the_offence(store):
    batch = Batch()
    batch.end(BAN, "its time is over")
    store.commit(batch)
    assert store.past([A], 9) == [(BAN, "its time is over")]
    store.prune(before=BAN.since + 1, offences=0)
    assert store.past([A], 9) == [(replace(BAN, evidence=()), "its time is over")]
    store.prune(before=BAN.since + 1, offences=BAN.since + 1)
    assert store.past([A], 9) == []


def test_marks_and_names_come_back(store):
    batch = Batch()
    batch.fail("scan", A, Failure(5, "c", "443", "a scan"), findtime=10)
    known = Connection(A, "", 0, 0, True, 5, ("alice", "root"))
    batch.connections["door", "host door[7]:"] = known
    found = saved(store, batch)
    assert found.failures == [("scan", A, Failure(5, "c", "443", "a scan"))]
    assert found.connections == [("door", "host door[7]:", known)]


def test_whom_a_failure_has_got_banned(store):
    batch = Batch()
    batch.ban(Ban("sshd", B, 30, 40, 5, "5 failures"))
    batch.end(BAN, "its time is over")
    batch.end(Ban("sshd", A, 25, 40, 0, "by hand"), "unbanned by hand")
    store.commit(batch)
    assert store.bans_since(5, "recidive") == [(A, 10), (B, 30)]
    assert store.bans_since(10, "recidive") == [(B, 30)]
