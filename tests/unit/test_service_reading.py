# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A journal that cannot be read for a while: nothing is read twice, and nobody stays deaf."""

import shutil

import pytest

from tests.memory_journal import MemoryReader
from tests.model import Rules
from tests.model_house import House
from tests.verbs import entry

DOOR = Rules(units=("door.service",), maxretry=4, findtime=100, bantime=1000)


@pytest.fixture
def house(mocker):
    mocker.patch("jaild.service.reading.JournalReader", MemoryReader)
    house = House()
    house.configure({"door": DOOR})
    house.open()
    house.let_pass(100_000)
    assert house.ready
    yield house
    house.close(cleanly=False)
    shutil.rmtree(house.folder)


def fail(house, address="192.0.2.1"):
    """Let an attacker fail once now, and the service hear of it."""
    made = entry(f"failure from {address}", unit="door.service")
    house.journal.extend([made._replace(time=house.clock.time)])
    house.clock.announce()
    house.let_pass(500_000)


def break_journal(mocker, *, for_good=False):
    """Let the next attempt to read fail, or all of them."""
    real = MemoryReader.read

    def read(reader, limit):
        if not for_good:
            MemoryReader.read = real
        raise OSError(5, "Input/output error")

    mocker.patch.object(MemoryReader, "read", read)


def failed(house):
    return house.service.jail_status("door").failed_total


def test_a_reload_while_the_journal_is_to_be_opened_again_reads_it_once(house, mocker):
    break_journal(mocker)
    house.clock.announce()
    house.service.reload()
    house.let_pass(2_000_000)
    for count in (1, 2, 3):
        fail(house)
        assert failed(house) == count
    assert house.service.bans("") == []


def test_a_journal_that_cannot_be_opened_at_a_reload_is_tried_again(house, mocker):
    opening = mocker.patch("jaild.service.reading.JournalReader", side_effect=OSError(24, "Files"))
    house.service.reload()
    fail(house)
    assert failed(house) == 0
    assert "NOT READING: [Errno 24] Files" in house.status
    house.let_pass(3_000_000)
    assert opening.call_count >= 3
    mocker.patch("jaild.service.reading.JournalReader", MemoryReader)
    house.let_pass(2_000_000)
    assert failed(house) == 1
    assert "NOT READING" not in house.status


def test_what_cannot_be_read_is_said_once(house, mocker, caplog):
    break_journal(mocker, for_good=True)
    house.clock.announce()
    house.let_pass(10_000_000)
    assert sum("cannot be read" in one.message for one in caplog.records) == 1
    mocker.stopall()
    mocker.patch("jaild.service.reading.JournalReader", MemoryReader)
    fail(house)
    house.let_pass(2_000_000)
    assert failed(house) == 1
    assert sum("is read again" in one.message for one in caplog.records) == 1
