# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries from a stream: bare messages and systemd's export format, however hostile."""

import io
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jaild.core.entry import MESSAGE_MAX, decode
from jaild.journal.export import MOST_FIELDS, VALUE_MAX, BrokenExport, EntryStream

CURSOR = b"__CURSOR=s=1;i=2\n__REALTIME_TIMESTAMP=1760000000000000\n"


def stream(data):
    return EntryStream(io.BufferedReader(io.BytesIO(data)))


def messages(data):
    return [entry.message for entry in stream(data)]


def binary(name, value):
    return name + b"\n" + len(value).to_bytes(8, "little") + value + b"\n"


def test_bare_messages_are_taken_as_they_are():
    found = stream(b"one\r\n\n  two \nthree = 3")
    assert not found.exported
    entries = list(found)
    assert [entry.message for entry in entries] == ["one", "  two ", "three = 3"]
    assert {entry.time for entry in entries} == {0}


def test_bare_messages_are_of_nobody_and_of_no_process_in_common():
    entries = list(stream(b"one\ntwo\n"))
    assert [entry.prefix() for entry in entries] == ["", ""]
    assert len({entry.get("_PID") for entry in entries}) == 2


@pytest.mark.parametrize(
    "line",
    [
        b"IN=eth0 OUT= SRC=192.0.2.7",
        b"USER=root",
        b"ERROR",
        b"A message",
        b"=",
        b"lower=__CURSOR=",
        b"\xff\xfe",
    ],
)
def test_what_only_resembles_a_field_is_a_bare_message(line):
    assert messages(line + b"\nnext") == [line.decode(errors="replace"), "next"]


@pytest.mark.parametrize("first", [b"", b"\n\n"])
def test_an_export_stream(first):
    found = stream(first + CURSOR + b"MESSAGE=one\n_PID=7\n\n\n" + CURSOR + b"MESSAGE=a=b\n")
    assert found.exported
    one, two = found
    assert (one.message, one.time, one.get("_PID")) == ("one", 1_760_000_000_000_000, "7")
    assert (two.message, two.get("_PID")) == ("a=b", "")
    assert set(one.fields) == {"MESSAGE", "_PID"}


def test_a_stream_without_addresses_of_its_entries():
    found = stream(b"_SYSTEMD_UNIT=x.service\nMESSAGE=one\n\nMESSAGE=two\n")
    assert [entry.message for entry in found] == ["one", "two"]


def test_a_binary_field_may_hold_anything():
    value = b"two\nlines\n\nMESSAGE=forged\n\0\xff"
    (entry,) = stream(CURSOR + binary(b"MESSAGE", value) + b"_PID=1\n")
    assert entry.fields["MESSAGE"] == value
    assert entry.get("_PID") == "1"


def test_a_stream_may_begin_with_a_binary_field():
    assert messages(binary(b"MESSAGE", b"a\nb") + b"\n") == ["a\nb"]


def test_of_a_repeated_field_the_first_counts():
    assert messages(CURSOR + b"MESSAGE=one\nMESSAGE=two\n") == ["one"]


def test_long_values_are_cut_and_what_follows_is_read():
    long = b"x" * (3 * VALUE_MAX)
    data = CURSOR + b"MESSAGE=" + long + b"\n" + binary(b"OTHER", long) + b"_PID=1\n"
    (entry,) = stream(data)
    assert len(entry.message) == MESSAGE_MAX
    assert len(entry.fields["OTHER"]) == VALUE_MAX
    assert entry.get("_PID") == "1"
    assert [len(each) for each in messages(long + b"\nshort\n")] == [MESSAGE_MAX, 5]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"no field at all\n", "'no field at all' is no field"),
        (b"MESSAGE\n\x05", "the field MESSAGE is not as long"),
        (b"MESSAGE\n" + b"\xff" * 8 + b"abc\n", "the field MESSAGE is not as long"),
        (b"MESSAGE\n" + (2).to_bytes(8, "little") + b"abc\n", "the field MESSAGE is not as long"),
        (b"".join(b"F%d=\n" % n for n in range(MOST_FIELDS + 1)), "more than 1024 fields"),
    ],
)
def test_a_broken_stream_is_a_sentence_with_the_number_of_the_entry(data, says):
    with pytest.raises(BrokenExport, match=r"^entry 2 of the export stream: ") as caught:
        messages(CURSOR + b"MESSAGE=one\n\n" + CURSOR + data)
    assert says in str(caught.value)


@pytest.mark.parametrize("time", [b"", b"-1", b"x", "٣".encode(), b"9" * 5000])
def test_a_time_that_is_none(time):
    (entry,) = stream(b"__REALTIME_TIMESTAMP=" + time + b"\nMESSAGE=x\n")
    assert entry.time == 0


@given(st.binary(max_size=400), st.sampled_from([b"", CURSOR, CURSOR + b"MESSAGE=x\n\n"]))
@example(b"MESSAGE\n", CURSOR)
def test_any_bytes_are_entries_or_a_sentence(data, start):
    with suppress(BrokenExport):
        for entry in stream(start + data):
            assert len(entry.message) <= MESSAGE_MAX
            entry.prefix()


names = st.from_regex(r"[A-Z][A-Z0-9_]{0,20}", fullmatch=True)
values = st.binary(min_size=1, max_size=60)


@given(st.lists(st.dictionaries(names, values, min_size=1, max_size=5), min_size=1, max_size=4))
def test_what_is_written_is_read(rows):
    data = bytearray()
    for row in rows:
        data += CURSOR
        for name, value in row.items():
            if value.isascii() and value.decode("latin-1").isprintable():
                data += name.encode() + b"=" + value + b"\n"
            else:
                data += binary(name.encode(), value)
        data += b"\n"
    found = list(stream(bytes(data)))
    assert [entry.fields for entry in found] == rows
    assert [entry.message for entry in found] == [decode(r.get("MESSAGE", b"")) for r in rows]
