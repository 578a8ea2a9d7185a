# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an attack by very many leaves behind: bounded in memory and on the disk, and said."""

import json
import sqlite3

import pytest

from jaild.core import tally
from jaild.core.address import Address
from jaild.core.ban import Ban, Evidence, Sealed
from jaild.core.connection import MOST, Connection, Connections
from jaild.core.tally import Failure, Tally
from jaild.service import watch
from jaild.service.limit import Limit
from jaild.service.replay import Audience, Replay
from jaild.state import store as store_module
from jaild.state.batch import Batch
from jaild.state.schema import LOG_MOST
from jaild.state.store import Store
from tests.verbs import SECOND, START, jail_config

CURSOR = "s=0639a5f0b1b94b1a8e1b5e7c9a1d2e3f;i={0:x};b=4f0a3bd6c61a4e2d8f5b6a7c8d9e0f1a;t={0:x}"
MESSAGE = "Failed password for invalid user admin from {} port {} ssh2"


def address(number):
    return Address(f"198.51.{number // 256}.{number % 256}")


def evidence(number):
    return tuple(
        Evidence(START + n, CURSOR.format(number + n), MESSAGE.format(address(number), 1024 + n))
        for n in range(5)
    )


def ban(number):
    return Ban("sshd", address(number), START, START + 9, 5, "5 failures", evidence(number))


def many(count):
    return [ban(number) for number in range(count)]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state"


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(tally, "MOST", 10)
    monkeypatch.setattr(watch, "MOST", 10)


def test_a_suspect_that_goes_before_its_time_is_counted(few):
    suspects = Tally(3, 100)
    for number in range(12):
        suspects.add(address(number), Failure(number, ""))
    assert suspects.expire(20) == [address(0), address(1)]
    assert suspects.crowded == 2
    assert len(suspects.expire(1000)) == 10
    assert suspects.crowded == 2


def test_a_crowd_is_said_when_it_comes_and_when_it_goes(few, tmp_path, monkeypatch):
    told = []
    seen = Replay([jail_config(tmp_path)], Limit(), str, Audience(None, None))
    suspects = seen.guards[0].jail.tally
    monkeypatch.setattr(seen, "_tell_crowded", lambda *crowd: told.append(crowd))
    for number in range(15):
        suspects.add(address(number), Failure(START + number, ""))
        seen.gather(START + number)
    assert told == [("sshd", 1)]
    for _ in range(2):
        seen.gather(START + 86_400 * SECOND)
    assert told == [("sshd", 1), ("sshd", 5)]


def test_connections_are_bounded():
    known = Connections()
    for number in range(MOST + 3):
        known._remember(str(number), Connection(time=number))
    assert len(known) == MOST
    assert known.changed["2"] is None
    assert known.changed["3"] is not None


def test_evidence_takes_little_room():
    kept = ban(1).evidence
    assert isinstance(kept, Sealed)
    assert len(kept.data) < len(json.dumps(evidence(1))) / 3
    assert kept == evidence(1)
    assert (kept[-1], kept[3:], len(kept)) == (evidence(1)[-1], evidence(1)[3:], 5)
    assert ban(1) == ban(1) != ban(2)
    assert Ban("sshd", address(1), 0, 1, 0, "").evidence == ()


@pytest.mark.parametrize("data", [b"", b"no evidence", Sealed(b"").data])
def test_what_cannot_be_opened_is_no_evidence(data):
    assert list(Sealed(data)) == []


def test_evidence_saved_as_json_is_taken_up(path):
    store = Store(path)
    store.commit(Batch(banned={("sshd", address(1)): ban(1)}))
    store.close()
    with sqlite3.connect(path) as db:
        db.execute("UPDATE ban SET evidence = ?", (json.dumps(evidence(1)),))
    db.close()
    store = Store(path)
    assert store.load().bans == [ban(1)]
    store.close()


def test_the_file_shrinks_when_bans_are_forgotten(path):
    store = Store(path)
    store.commit(Batch(banned={("sshd", one.address): one for one in many(5000)}))
    store.commit(Batch(ended=[(one, "its time is over") for one in many(5000)]))
    store._used.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = path.stat().st_size
    store.prune(START + SECOND, START + SECOND)
    store.close()
    assert path.stat().st_size < before / 10


def test_the_log_does_not_stay_long(path):
    store = Store(path)
    log = path.with_name("state-wal")
    store._used.execute("CREATE TABLE large (data BLOB)")
    store._used.execute("INSERT INTO large VALUES (zeroblob(?))", (3 * LOG_MOST,))
    store._used.execute("PRAGMA wal_checkpoint")
    store.commit(Batch(counters={"sshd": (1, 1)}))
    assert 0 < log.stat().st_size <= LOG_MOST
    store.close()


def test_past_bans_are_bounded_by_number(path, monkeypatch):
    monkeypatch.setattr(store_module, "MOST_PAST", 30)
    monkeypatch.setattr(store_module, "MOST_EVIDENCE", 10)
    store = Store(path)
    batch = Batch()
    for one in many(50):
        batch.end(one, "its time is over")
    store.commit(batch)
    assert store.prune(0, 0) == 20
    assert store.prune(0, 0) == 0
    assert store.past([address(19)], 10) == []
    kept = [store.past([address(number)], 10)[0][0] for number in (20, 39, 40, 49)]
    assert [len(one.evidence) for one in kept] == [0, 0, 5, 5]
    store.close()
