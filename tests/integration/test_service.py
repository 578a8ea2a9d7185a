# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The service over real journal files: exactly once, whatever ends it."""

import random
import signal
import sqlite3
import subprocess
import sys

import pytest

from tests.verbs import HERE, entry, jail_config, write_journal

pytestmark = pytest.mark.integration

# More than this are beyond the end of the journal.
KILLS_EACH = 15


def attack(seed=1, count=120):
    """Return the log of several attackers, some of them in pairs of lines for one attempt."""
    dice = random.Random(seed)
    entries, at = [], 0.0
    for number in range(count):
        at += dice.uniform(0, 12)
        peer = f"192.0.2.{dice.randrange(8)}"
        place = {"pid": 1000 + number, "at": at}
        if dice.random() < 0.5:
            entries.append(entry(f"Invalid user x from {peer} port {number + 1}", **place))
            place["at"] += 0.1
            message = f"Failed password for invalid user x from {peer} port {number + 1} ssh2"
        else:
            message = f"Failed password for root from {peer} port {number + 1} ssh2"
        entries.append(entry(message, **place))
        entries.append(entry("Server listening on 0.0.0.0 port 22.", at=at, unit="x.service"))
    return sorted(entries, key=lambda each: each.time)


def run(journal, state, etc, *moment):
    program = HERE / "integration/service_once.py"
    root = HERE.parent
    return subprocess.run(
        [sys.executable, program, journal, state, etc, *map(str, moment)],
        env={"PYTHONPATH": f"{root / 'src'}:{root}", "PATH": "/usr/bin"},
        timeout=60,
        check=False,
    ).returncode


def everything(state):
    """Return all that the state tells of the past, in comparable form."""
    with sqlite3.connect(state) as db:
        tables = {
            table: sorted(db.execute(f"SELECT * FROM {table}"), key=repr)
            for table in ("failure", "connection", "ban", "history", "counter")
        }
        tables["position"] = db.execute("SELECT cursor, entry_time FROM position").fetchall()
    return tables


@pytest.fixture(scope="module")
def journal(tmp_path_factory):
    return write_journal(tmp_path_factory.mktemp("journal"), attack())


@pytest.fixture(scope="module")
def etc(tmp_path_factory):
    folder = tmp_path_factory.mktemp("etc")
    jail_config(folder, findtime="60", maxretry="3", bantime="2h")
    return folder


@pytest.fixture(scope="module")
def whole(journal, etc, tmp_path_factory):
    """Return what an uninterrupted run makes of the journal."""
    state = tmp_path_factory.mktemp("whole") / "state"
    assert run(journal, state, etc) == 0
    found = everything(state)
    assert len(found["ban"]) > 3
    assert found["failure"]
    return found


def pytest_generate_tests(metafunc):
    if "seed" in metafunc.fixturenames:
        more = metafunc.config.getoption("--kills") // KILLS_EACH
        metafunc.parametrize("seed", range(1, more + 2))


def test_killed_again_and_again(journal, etc, whole, tmp_path, seed):
    state, dice, deaths = tmp_path / "state", random.Random(seed), 0
    for _ in range(KILLS_EACH):
        moment, number = dice.choice(["before", "after"]), dice.randint(2, 9)
        deaths += run(journal, state, etc, moment, number) == -signal.SIGKILL
    assert deaths >= 10
    assert run(journal, state, etc) == 0
    assert everything(state) == whole


def test_a_second_run_changes_nothing(journal, etc, whole, tmp_path):
    state = tmp_path / "state"
    run(journal, state, etc)
    assert run(journal, state, etc) == 0
    assert everything(state) == whole


def test_vanished_journal_files_are_said_and_survived(etc, tmp_path):
    entries = attack()
    middle = len(entries) // 2
    folder = write_journal(tmp_path / "journal", entries[:middle], "a")
    state = tmp_path / "state"
    assert run(folder, state, etc) == 0
    for file in folder.glob("*.journal"):
        file.unlink()
    write_journal(folder, entries[middle:], "b")
    assert run(folder, state, etc) == 0
    with sqlite3.connect(state) as db:
        (last,) = db.execute("SELECT entry_time FROM position").fetchone()
        (failed,) = db.execute("SELECT failures FROM counter").fetchone()
    assert last == max(each.time for each in entries if b"ssh" in each.fields["_SYSTEMD_UNIT"])
    assert failed > 0
