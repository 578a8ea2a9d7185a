# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The journal in memory behaves like the journal."""

import pytest

from jaild.core.match import parse
from jaild.core.position import Position
from jaild.journal.reader import JournalReader
from tests.memory_journal import MemoryJournal, MemoryReader
from tests.verbs import SECOND, START, entry, write_journal

MATCH = parse("_SYSTEMD_UNIT=a.service\n_SYSTEMD_UNIT=b.service")
# Two of one microsecond, and some that are of no concern.
ENTRIES = [
    entry("first", at=0, unit="a.service"),
    entry("second", at=1, unit="b.service"),
    entry("not this", at=1.5, unit="c.service"),
    entry("third", at=2, unit="a.service"),
    entry("fourth", at=2, unit="b.service"),
    entry("nor this", at=3, unit="c.service"),
    entry("last", at=4, unit="a.service"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_journal(tmp_path_factory.mktemp("journal"), ENTRIES)


@pytest.fixture(params=["real", "memory"])
def opened(request, folder):
    """Return what opens a reader for a match."""
    readers = []

    def opened(match=MATCH):
        if request.param == "real":
            readers.append(JournalReader(match, folder))
        else:
            readers.append(MemoryReader(match, MemoryJournal(ENTRIES)))
        return readers[-1]

    yield opened
    for reader in readers:
        reader.close()


def messages(reader, limit=100):
    return [one.message for one in reader.read(limit)]


def position(reader, seen=None):
    return Position(reader.cursor, reader.time, reader.time if seen is None else seen)


def test_all_in_order_and_by_portions(opened):
    reader = opened()
    reader.seek_time(0)
    assert messages(reader, 2) == ["first", "second"]
    assert reader.time == START + SECOND
    assert messages(reader) == ["third", "fourth", "last"]
    assert messages(reader) == []


def test_from_a_time(opened):
    reader = opened()
    reader.seek_time(START + 2 * SECOND)
    assert messages(reader) == ["third", "fourth", "last"]


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5])
def test_after_a_cursor(opened, limit):
    reader = opened()
    reader.seek_time(0)
    messages(reader, limit)
    other = opened()
    assert other.seek(position(reader))
    assert messages(other) == ["first", "second", "third", "fourth", "last"][limit:]


def test_after_the_cursor_of_an_entry_that_is_no_longer_chosen(opened):
    reader = opened()
    reader.seek_time(0)
    messages(reader, 2)
    other = opened(parse("_SYSTEMD_UNIT=a.service"))
    assert other.seek(position(reader))
    assert messages(other) == ["third", "last"]


@pytest.mark.parametrize(
    ("cursor", "at", "seen", "whole", "left"),
    [
        ("nonsense", 1, 1, True, ["third", "fourth", "last"]),
        ("", 1, 1, True, ["third", "fourth", "last"]),
        ("nonsense", 2, 2, True, ["last"]),
        ("nonsense", -9, -9, False, ["first", "second", "third", "fourth", "last"]),
        ("nonsense", 9, 9, True, []),
    ],
)
def test_after_a_cursor_that_is_gone(opened, cursor, at, seen, whole, left):
    reader = opened()
    place = Position(cursor, START + at * SECOND, START + seen * SECOND)
    assert reader.seek(place) is whole
    assert messages(reader) == left
