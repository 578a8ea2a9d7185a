# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A state file that cannot be used is set aside, and one that cannot be had is left alone."""

import os
import random
import sqlite3
import stat
from datetime import UTC, datetime

import pytest

from jaild.core.address import Address
from jaild.core.ban import Ban, Evidence
from jaild.core.errors import StoreFailed
from jaild.core.position import Position
from jaild.core.tally import Failure
from jaild.state import schema, store
from jaild.state.batch import Batch
from jaild.state.damage import StoreDamaged, is_damage, set_aside
from jaild.state.store import Store

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)


@pytest.fixture
def path(tmp_path):
    """A state file with several pages in each table."""
    path = tmp_path / "state"
    made = Store(path)
    batch = Batch(Position("cursor", 7, 8))
    for number in range(2000):
        address = Address(f"10.0.{number // 250}.{number % 250}")
        batch.ban(
            Ban("sshd", address, 10, 20, 5, "5 failures", (Evidence(8, "one"), Evidence(9, "two")))
        )
        batch.fail("sshd", address, Failure(6, "c6"), findtime=100)
        batch.end(Ban("web", address, 1, 2, 5, "5 failures"), "its time is over")
    made.commit(batch)
    made.close()
    return path


def corrupt(path):
    return sorted(file.name for file in path.parent.glob("*.corrupt-*"))


def write(path, offset, content):
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(content)


def statements(*lines):
    def damage(path):
        db = sqlite3.connect(path)
        db.executescript(";".join(lines))
        db.close()

    return damage


def text_that_is_none(path):
    db = sqlite3.connect(path)
    db.execute("UPDATE ban SET reason = CAST(X'ff' AS TEXT)")
    db.commit()
    db.close()


DAMAGES = {
    "text": lambda path: path.write_bytes(b"not a database" * 100),
    "zeros": lambda path: path.write_bytes(b"\0" * 4096),
    "random": lambda path: path.write_bytes(random.Random(1).randbytes(50_000)),
    "header": lambda path: write(path, 0, b"garbage"),
    "short": lambda path: os.truncate(path, path.stat().st_size // 2),
    "shorter": lambda path: os.truncate(path, 100),
    "a page": lambda path: write(path, path.stat().st_size // 2 // 4096 * 4096, b"x" * 4096),
    "the last page": lambda path: write(path, path.stat().st_size - 4096, b"\xff" * 4096),
    "no table": statements("DROP TABLE failure"),
    "no history": statements("DROP TABLE history"),
    "no column": statements("ALTER TABLE ban DROP COLUMN reason"),
    "one more column": statements("ALTER TABLE failure ADD COLUMN more TEXT"),
    "another's tables": statements("PRAGMA user_version = 0", "DROP TABLE ban"),
    "version 1": statements("PRAGMA user_version = 1"),
    "version -1": statements("PRAGMA user_version = -1"),
    "no JSON": statements("UPDATE ban SET evidence = '['"),
    "no list": statements("UPDATE ban SET evidence = '7'"),
    "no address": statements("UPDATE ban SET address = 'x' || address"),
    "no text": text_that_is_none,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_file_is_kept_and_a_new_one_begun(path, damage):
    damage(path)
    before = path.read_bytes()
    opened = Store(path)
    found = opened.load()
    assert (found.position, found.bans, found.failures) == (None, [], [])
    assert found.lost.reason
    (kept,) = corrupt(path)
    assert found.lost.kept == str(path.parent / kept)
    assert (path.parent / kept).read_bytes()[100:] == before[100:]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    opened.commit(Batch(complete=True))
    assert opened.load().lost is None
    # Whoever still had the old file open would have removed that of the new one.
    assert path.with_name("state-wal").stat().st_size
    opened.close()


def test_nothing_is_damaged(path):
    opened = Store(path)
    found = opened.load()
    assert (found.lost, len(found.bans), corrupt(path)) == (None, 2000, [])
    opened.close()


def test_an_empty_file_is_a_loss_too_but_not_worth_keeping(path):
    os.truncate(path, 0)
    opened = Store(path)
    lost = opened.load().lost
    assert (lost.reason, lost.kept, corrupt(path)) == ("it is empty", "", [])
    opened.close()


def test_the_first_start_is_no_loss(tmp_path):
    opened = Store(tmp_path / "state")
    assert opened.load().lost is None
    opened.close()


def test_a_start_that_is_broken_off_does_not_hide_the_loss(path, monkeypatch):
    path.write_bytes(b"garbage" * 1000)

    def killed(*_arguments, **_more):
        raise KeyboardInterrupt

    for part, name in ((schema, "prepare"), (store.Store, "_open")):
        with monkeypatch.context() as patch:
            patch.setattr(part, name, killed)
            with pytest.raises(KeyboardInterrupt):
                Store(path)
    for _ in range(2):
        opened = Store(path)
        assert opened.load().lost is not None
        opened.commit(Batch(Position("cursor", 1, 1)))
        opened.close()
    again = Store(path)
    assert again.load().lost.reason == "an earlier start has not come to its end"
    again.close()
    assert len(corrupt(path)) == 1


def test_what_lies_beside_goes_along_and_the_newest_three_stay(path):
    for day in (1, 2, 3, 4):
        for suffix in ("", "-wal", "-shm"):
            (path.parent / f"{path.name}{suffix}").write_text(f"{day}{suffix}")
        kept = set_aside(path, NOW.replace(day=day))
    assert kept == f"{path}.corrupt-20260504T030201Z"
    names = [f"state.corrupt-2026050{day}T030201Z" for day in (2, 3, 4)]
    assert corrupt(path) == [name + more for name in names for more in ("", "-shm", "-wal")]
    assert (path.parent / f"{names[0]}-wal").read_text() == "2-wal"
    assert path.read_bytes() == b""


def test_two_in_a_second_have_two_names(path):
    set_aside(path, NOW)
    path.write_text("again")
    assert set_aside(path, NOW) == f"{path}.corrupt-20260504T030202Z"


def test_a_newer_file_is_no_damage(path):
    statements("PRAGMA user_version = 99", "DROP TABLE ban")(path)
    with pytest.raises(StoreFailed, match="newer jaild"):
        Store(path)
    assert corrupt(path) == []


@pytest.mark.parametrize(
    "code", ["SQLITE_FULL", "SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_IOERR", "SQLITE_BUSY"]
)
def test_what_is_no_damage_is_left_alone(path, monkeypatch, code):
    def refuse(*_arguments, **_more):
        error = sqlite3.OperationalError("no")
        error.sqlite_errorcode = getattr(sqlite3, code)
        raise error

    monkeypatch.setattr(schema, "prepare", refuse)
    before = path.read_bytes()
    with pytest.raises(StoreFailed, match=f"{path} cannot be used: no"):
        Store(path)
    assert (path.read_bytes(), corrupt(path)) == (before, [])


def test_a_folder_is_no_damage(tmp_path):
    (tmp_path / "state").mkdir()
    with pytest.raises(StoreFailed, match="cannot be used"):
        Store(tmp_path / "state")
    assert not is_damage(PermissionError())


def test_damage_found_later(path):
    opened = Store(path)
    opened._db.execute("DROP TABLE counter")
    batch = Batch(counters={"sshd": (1, 1)})
    for _ in range(2):
        with pytest.raises(StoreDamaged):
            opened.commit(batch)
    assert "no such table" in opened.begin_anew().reason
    batch.complete = True
    opened.commit(batch)
    found = opened.load()
    assert (found.lost, found.counters, len(corrupt(path))) == (None, {"sshd": (1, 1)}, 1)
    opened.close()


def test_damage_found_while_reading_is_a_matter_of_the_next_commit(path):
    opened = Store(path)
    opened._db.execute("DROP TABLE history")
    with pytest.raises(StoreFailed, match="cannot be written") as raised:
        opened.prune(1, 1)
    assert type(raised.value) is StoreFailed
    with pytest.raises(StoreDamaged):
        opened.commit(Batch())
    opened.close()


def test_a_new_file_that_cannot_be_made_is_tried_again(path, monkeypatch):
    opened = Store(path)
    opened._db.execute("DROP TABLE counter")
    with pytest.raises(StoreDamaged):
        opened.commit(Batch(counters={"sshd": (1, 1)}))

    def full(*_arguments, **_more):
        raise OSError("no space")

    with monkeypatch.context() as patch:
        patch.setattr(store, "set_aside", full)
        with pytest.raises(StoreFailed, match="no space"):
            opened.begin_anew()
    with pytest.raises(StoreDamaged):
        opened.commit(Batch())
    assert opened.begin_anew().kept
    opened.commit(Batch(complete=True))
    opened.close()
