# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The journal reader on real journal files."""

import pytest
from systemd import journal

from jaild.core.entry import CUT, MESSAGE_MAX
from jaild.core.match import parse
from jaild.core.position import Position
from jaild.journal import reader as reading
from jaild.journal.reader import JournalReader
from tests.verbs import SECOND, START, entry, write_journal

pytestmark = pytest.mark.integration

SSH = parse("_SYSTEMD_UNIT=ssh.service _UID=0")


@pytest.fixture
def folder(tmp_path):
    rows = [
        entry(f"m{n}", at=n, unit="x.service" if n % 3 == 2 else "ssh.service") for n in range(9)
    ]
    return write_journal(tmp_path / "journal", rows)


def messages(reader, limit=100):
    return [each.message for each in reader.read(limit)]


def test_the_calls_it_stands_on_are_there():
    assert {"_next", "_get_all", "_get_realtime", "_get_cursor"} <= set(dir(journal.Reader))


def test_only_what_matches_in_order(folder):
    reader = JournalReader(SSH, folder)
    reader.seek_time(0)
    assert messages(reader) == ["m0", "m1", "m3", "m4", "m6", "m7"]
    assert reader.time == START + 7 * SECOND


def test_in_portions(folder):
    reader = JournalReader(SSH, folder)
    reader.seek_time(START + 3 * SECOND)
    assert messages(reader, 2) == ["m3", "m4"]
    assert messages(reader, 2) == ["m6", "m7"]
    assert messages(reader, 2) == []


def test_a_portion_is_whole_though_an_entry_is_passed_over(folder, mocker):
    # Fewer than asked for mean that the end is reached, and much follows from that.
    real = reading.present

    def present(*where):
        found = real(*where)
        if found.message == "m1":
            raise UnicodeDecodeError("ascii", b"x", 0, 1, "the name of a field")
        return found

    mocker.patch.object(reading, "present", present)
    reader = JournalReader(SSH, folder)
    reader.seek_time(0)
    assert messages(reader, 4) == ["m0", "m3", "m4", "m6"]


def test_resumes_exactly_after_the_cursor(folder):
    first = JournalReader(SSH, folder)
    first.seek_time(0)
    assert messages(first, 3) == ["m0", "m1", "m3"]
    place = Position(first.cursor, first.time, first.time)
    second = JournalReader(SSH, folder)
    assert second.seek(place)
    assert messages(second) == ["m4", "m6", "m7"]


def test_resumes_at_the_end_and_hears_what_comes(folder):
    first = JournalReader(SSH, folder)
    first.seek_time(0)
    messages(first)
    second = JournalReader(SSH, folder)
    assert second.seek(Position(first.cursor, first.time, first.time))
    assert messages(second) == []
    write_journal(folder, [entry("new", at=60)], "later")
    second.process()
    assert messages(second) == ["new"]


@pytest.mark.parametrize("cursor", ["nonsense", "", "s=0;i=0;b=0;m=0;t=0;x=0"])
def test_a_lost_cursor_is_replaced_by_the_time(folder, cursor):
    reader = JournalReader(SSH, folder)
    whole = reader.seek(Position(cursor, START + 3 * SECOND, START + 5 * SECOND))
    assert whole
    assert messages(reader) == ["m4", "m6", "m7"]


def test_vanished_entries_are_noticed(folder):
    reader = JournalReader(SSH, folder)
    assert not reader.seek(Position("nonsense", START - 99 * SECOND, START - 90 * SECOND))
    assert messages(reader)[0] == "m0"


def test_an_empty_journal(tmp_path):
    (tmp_path / "none").mkdir()
    reader = JournalReader(SSH, tmp_path / "none")
    reader.seek_time(0)
    assert messages(reader) == []
    assert reader.time == 0


@pytest.mark.parametrize(
    "message",
    ["two\nlines", "nul\0byte", "\ud800 surrogate", "x" * 100_000, "\x1b[31mred"],
    ids=["newline", "nul", "surrogate", "huge", "escape"],
)
def test_odd_messages(tmp_path, message):
    row = entry("")
    raw = message.encode(errors="surrogatepass")
    row.fields["MESSAGE"] = raw
    reader = JournalReader(SSH, write_journal(tmp_path / "journal", [row]))
    reader.seek_time(0)
    (found,) = messages(reader)
    whole = raw.decode(errors="replace")
    assert found == (whole if len(whole) <= MESSAGE_MAX else whole[: MESSAGE_MAX - len(CUT)] + CUT)


def test_an_entry_without_a_message(tmp_path):
    row = entry("")
    del row.fields["MESSAGE"]
    row.fields["OTHER"] = b"x"
    reader = JournalReader(SSH, write_journal(tmp_path / "journal", [row]))
    reader.seek_time(0)
    assert messages(reader) == [""]
