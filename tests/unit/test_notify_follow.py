# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each record of a ban becomes a notice once, whatever fails on the way."""

import pytest

pytest.importorskip("gi")

from jaild.core.errors import StoreFailed
from jaild.notify import follow, notices
from jaild.notify.follow import Follower
from tests.clockwork import Clockwork
from tests.memory_journal import MemoryJournal, MemoryReader
from tests.notices import SECOND, START, record


class Desk:
    """A follower, its journal, and what it hands on; ``trouble`` is raised while it is set."""

    def __init__(self, *entries):
        self.clock = Clockwork()
        self.journal = MemoryJournal(entries)
        self.place = None
        self.found = []
        self.takes = 0
        self.news = 0
        self.trouble = None
        self.unreadable = False
        self.readers = []
        self.follower = self.make()

    def make(self):
        return Follower(self.clock, self.open, self, self.clock.now, self.count)

    def open(self):
        if self.unreadable:
            raise OSError("no such journal")
        self.readers.append(MemoryReader(notices.MATCH, self.journal))
        return self.readers[-1]

    def count(self):
        self.news += 1

    def position(self):
        return self.place

    def take(self, found, position):
        if self.trouble:
            raise self.trouble
        self.takes += 1
        self.found += found
        self.place = position

    def start(self):
        self.follower.start()
        self.clock.pass_time()

    def write(self, *numbers, at=10, **more):
        self.journal.extend(record(n, at=at + n, **more) for n in numbers)
        self.clock.announce()

    def numbers(self):
        return [int(one.address.rsplit(".", 1)[1]) - 1 for one in self.found]


def test_old_bans_are_not_told_at_the_first_start():
    desk = Desk(record(1, at=-5), record(2, at=-4))
    desk.start()
    assert desk.found == []
    assert desk.place.seen == START
    desk.write(3, 4)
    assert desk.numbers() == [3, 4]
    assert desk.news == 1
    assert desk.place.cursor == "m=3"


def test_reading_goes_on_where_it_stood():
    desk = Desk()
    desk.start()
    desk.write(1, 2)
    desk.follower.stop()
    desk.journal.extend([record(3, at=13), record(4, at=14)])
    desk.follower = desk.make()
    desk.start()
    assert desk.numbers() == [1, 2, 3, 4]


def test_of_others_nothing_is_believed():
    desk = Desk()
    desk.start()
    desk.write(1, unit="user@1000.service")
    desk.write(2, unit="jaild-notify.service")
    assert desk.found == []


def test_malformed_records_are_passed_over_and_told_once_a_kind(caplog):
    desk = Desk()
    desk.start()
    desk.write(1, 2, JAILD_FAILURES="many")
    desk.write(3, JAILD_ADDRESS="example.org")
    desk.write(4)
    assert desk.numbers() == [4]
    assert [each.getMessage() for each in caplog.records] == [
        "a record of jaild's is malformed (the number JAILD_FAILURES) and is not told",
        "a record of jaild's is malformed (the address) and is not told",
    ]
    assert desk.place.cursor == "m=3"


def test_very_many_are_taken_in_turns(monkeypatch):
    monkeypatch.setattr(follow, "TURN", 7)
    desk = Desk()
    desk.start()
    desk.write(*range(20))
    assert desk.numbers() == [*range(20)]
    assert desk.takes == 4


@pytest.mark.parametrize("kind", [StoreFailed, OSError])
def test_what_cannot_be_saved_is_read_again(kind, caplog):
    desk = Desk()
    desk.start()
    desk.trouble = kind("no space left on the disk")
    desk.write(1, 2)
    desk.clock.pass_time(3600)
    assert desk.found == []
    assert len(caplog.messages) == 1
    assert "no space left" in caplog.text
    desk.trouble = None
    desk.write(3)
    desk.clock.pass_time(6)
    assert desk.numbers() == [1, 2, 3]
    assert sum(not watch.cancelled for watch in desk.clock.watched) == 1


def test_a_journal_that_cannot_be_read_is_opened_again():
    desk = Desk()
    desk.unreadable = True
    desk.start()
    desk.unreadable = False
    desk.clock.pass_time(6)
    desk.write(1)
    assert desk.numbers() == [1]

    def broken():
        raise OSError("bad message")

    desk.readers[-1].process = broken
    desk.write(2)
    desk.clock.pass_time(6)
    assert desk.numbers() == [1, 2]


def test_a_journal_that_was_vacuumed(caplog):
    desk = Desk()
    desk.start()
    desk.write(1, 2)
    desk.clock.time = START + 3600 * SECOND
    desk.clock.announce()
    desk.follower.stop()
    # Nothing came between: only what had been read is gone.
    desk.journal.vacuum(0)
    desk.journal.extend([record(3, at=3700)])
    desk.follower = desk.make()
    desk.place = desk.place.__class__(desk.place.cursor, desk.place.entry_time, START + 9**14)
    desk.start()
    assert desk.numbers() == [1, 2, 3]
    assert caplog.text == ""
    desk.follower.stop()
    desk.journal.extend(record(n, at=3700 + n) for n in range(10, 20))
    desk.journal.vacuum(2)
    desk.place = desk.place.__class__("m=1", desk.place.entry_time, START)
    desk.follower = desk.make()
    desk.start()
    assert desk.numbers() == [1, 2, 3, 18, 19]
    assert "no longer has all records" in caplog.text


def test_how_far_reading_has_come_is_saved_in_peace(caplog):
    desk = Desk()
    desk.follower.save()
    assert desk.place is None
    desk.start()
    desk.clock.pass_time(3600)
    desk.clock.announce()
    desk.follower.save()
    assert desk.place.seen == START + 3600 * SECOND + 50_000
    desk.trouble = StoreFailed("no")
    desk.follower.stop()
    assert caplog.messages == ["no"]
