# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The log lines of a mail: from the journal, else from jaild's record."""

import time

import pytest

from jaild.core.address import Address
from jaild.core.ban import Evidence
from jaild.journal.source import UnreadableJournal
from jaild.notify import lines
from jaild.notify.model import Line, Notice
from tests.verbs import START, entry


class Journal:
    """Has the entries it is given, by cursor."""

    def __init__(self, **entries):
        self.entries = entries
        self.asked = []
        self.closed = False

    def find(self, cursor):
        self.asked.append(cursor)
        return self.entries.get(cursor)

    def close(self):
        self.closed = True


@pytest.fixture(autouse=True)
def in_utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def notice(*evidence, cursor="own"):
    address = Address("192.0.2.7")
    return Notice("sshd", address, START, START, len(evidence), "", evidence, "lab", cursor)


def clock(at=0):
    return time.strftime("%b %e %H:%M:%S", time.gmtime(START // 1_000_000 + at))


def test_the_journal_knows_more_than_the_record():
    journal = Journal(a=entry("Failed password for root", pid=713), b=entry("again", at=1))
    given = notice(Evidence(1, "a", "Failed"), Evidence(2, "b", "aga"))
    assert lines.of_notices([given], lambda: journal) == {
        "own": (
            Line(START, f"{clock()} ssh[713]: Failed password for root"),
            Line(START + 1_000_000, f"{clock(1)} ssh[100]: again"),
        )
    }
    assert journal.closed


def test_what_the_journal_has_lost_the_record_tells():
    given = notice(
        Evidence(START, "gone", "Failed"), Evidence(START, "", "told"), Evidence(START, "gone2")
    )
    found = lines.of_notices([given], Journal)["own"]
    assert [line.text for line in found] == [
        f"{clock()}: Failed",
        f"{clock()}: told",
        f"{clock()}: (the journal no longer has this entry)",
    ]


def test_a_journal_that_cannot_be_read():
    def refuse():
        raise UnreadableJournal("no")

    given = notice(Evidence(START, "a", "Failed"))
    assert [line.text for line in lines.of_notices([given], refuse)["own"]] == [
        f"{clock()}: Failed"
    ]


def test_no_journal_is_opened_for_nothing():
    assert lines.of_notices([notice()], lambda: pytest.fail("opened")) == {"own": ()}


def test_an_entry_that_counts_twice_is_shown_once():
    given = notice(Evidence(1, "a"), Evidence(1, "a"))
    found = lines.of_notices([given], lambda: Journal(a=entry("x")))["own"]
    assert len(found) == 1


def test_many_notices_share_one_journal_and_a_bound():
    opened = []

    def open_journal():
        opened.append(Journal())
        return opened[-1]

    given = [
        notice(*(Evidence(START, f"{n}-{i}", "m") for i in range(150)), cursor=str(n))
        for n in range(30)
    ]
    found = lines.of_notices(given, open_journal)
    (journal,) = opened
    assert len(journal.asked) == lines.MOST
    assert {len(of_one) for of_one in found.values()} == {lines.MOST_OF_BAN}


def test_hostile_messages_are_one_printable_line():
    evil = "Failed for a\nb\x1b[2J\r\n from \u202e" + "x" * 2000
    found = lines.of_notices([notice(Evidence(1, "a"))], lambda: Journal(a=entry(evil)))["own"]
    assert found[0].text.isprintable()
    assert len(found[0].text) == lines.LONGEST
