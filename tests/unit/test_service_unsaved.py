# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What cannot be saved for long stays within bounds, and is all there when it can be again."""

import shutil

import pytest

from jaild.core.errors import StoreFailed
from jaild.service import ledger
from jaild.state.store import Store
from tests.memory_journal import MemoryReader
from tests.model import Rules
from tests.model_house import House
from tests.verbs import entry

DOOR = Rules(units=("door.service",), maxretry=2, findtime=5, bantime=10)


@pytest.fixture
def house(mocker, monkeypatch):
    mocker.patch("jaild.service.reading.JournalReader", MemoryReader)
    monkeypatch.setattr(ledger, "MOST_CHANGES", 100)
    monkeypatch.setattr(ledger, "MOST_ENDED", 20)
    house = House()
    house.configure({"door": DOOR})
    house.open()
    house.let_pass(100_000)
    yield house
    house.close(cleanly=False)
    shutil.rmtree(house.folder)


def attack(house, number, times):
    """Let the nth attacker fail some times now."""
    address = f"198.51.{number // 250}.{number % 250 + 1}"
    made = entry(f"failure from {address}", pid=number, unit="door.service")
    house.journal.extend([made._replace(time=house.clock.time)] * times)


def saved(house):
    """Return what is saved: bans, failures and totals."""
    other = Store(house.folder / "state")
    found = other.load()
    other.close()
    return (
        sorted((ban.address, ban.since, ban.until) for ban in found.bans),
        sorted(found.failures),
        found.counters,
        found.position,
    )


def in_memory(house):
    service = house.service
    guard = service._jails.find("door")
    return (
        sorted((ban.address, ban.since, ban.until) for ban in service.bans("")),
        sorted(("door", *one) for one in guard.jail.tally.failures()),
        {"door": (guard.jail.failures, guard.banned)},
        service._reading.place,
    )


def test_it_is_bounded_and_then_saved_whole(house, mocker):
    attack(house, 999, 2)
    house.clock.announce()
    failing = mocker.patch.object(house.store, "commit", side_effect=StoreFailed("disk full"))
    sizes = []
    for number in range(900):
        attack(house, number, 1 + number % 2)
        house.clock.announce()
        house.let_pass(1_000_000)
        sizes.append(house.service._ledger.batch.size)
    assert max(sizes) < 300
    assert failing.called
    mocker.stopall()
    house.let_pass(3_000_000)
    assert house.service._ledger.problem == ""
    bans, failures, *_ = in_memory(house)
    assert bans
    assert failures
    house.service._pace.flush()
    assert saved(house) == in_memory(house)
    # As many of those that have ended as there is room for.
    (count,) = house.store._db.execute("SELECT count(*) FROM history").fetchone()
    assert 20 <= count < 300
