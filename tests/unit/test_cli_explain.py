# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""jailctl explain: what it tells of an answer, with a journal of the test's own."""

import json
import time

import pytest

pytest.importorskip("gi")

from jaild.api.client import Client
from jaild.api.explain import pack, tell
from jaild.cli.explain import evidence, report
from jaild.cli.explain.evidence import Evidence
from jaild.cli.main import run
from jaild.core import ban as core_ban
from jaild.core.ban import FOREVER, Ban
from jaild.core.tally import Failure
from jaild.dbus import variant
from jaild.journal.source import UnreadableJournal
from tests.integration.bus_fake import MINUTE, NOW, FakeExplanation, FakeStanding
from tests.verbs import entry

PEER = "192.0.2.7"
EVIL = "\x1b[2J\x07\r\n\u202e"
HOUR = 60 * MINUTE
FAILURES = tuple(Failure(NOW - n * MINUTE, f"s=a;i={n}") for n in (4, 3, 2))
BAN = Ban(
    "sshd",
    PEER,
    NOW,
    NOW + HOUR,
    2,
    "2 failures",
    (core_ban.Evidence(NOW - 2, "s=a;i=1"), core_ban.Evidence(NOW - 1, "s=a;i=2")),
)
COUNTING = FakeStanding(
    "sshd",
    failures=FAILURES,
    ends=NOW + 6 * MINUTE,
    why="3 of 5 failures; the first stops counting in 6m",
)


class Bus:
    """Answers Explain, over D-Bus's own types."""

    answer = FakeExplanation(PEER, (FakeStanding("sshd"),))

    def __init__(self):
        self.calls = []

    def call(self, call):
        self.calls.append((call.method, *call.args))
        return variant.build("(a{sv})", (pack(tell(self.answer)),)).unpack()


class Journal:
    """Has an entry for each cursor but those that are gone."""

    unread = ""
    gone = ()
    message = "Failed password for root from 192.0.2.7 port 4 ssh2"

    def __init__(self):
        self.asked = []
        self.closed = False

    def find(self, cursor):
        self.asked.append(cursor)
        return None if cursor in self.gone else entry(self.message)

    def close(self):
        self.closed = True


@pytest.fixture
def journal(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    made = Journal()
    monkeypatch.setattr(evidence, "History", lambda _place: made)
    return made


@pytest.fixture
def jailctl(journal, capsys):
    def command(*explained, words=("explain", PEER), **facts):
        bus = Bus()
        if explained:
            bus.answer = FakeExplanation(PEER, explained, **facts)
        status = run(words, lambda: Client(bus))
        assert status == 0
        return capsys.readouterr()

    return command


def first(shown):
    return shown.out.splitlines()[0]


def test_of_a_stranger_it_says_so(jailctl, journal):
    shown = jailctl()
    assert shown.out.splitlines() == [
        "192.0.2.7 is not banned: nothing is known of it.",
        "",
        "sshd: not banned: no failures in the last 10m",
    ]
    assert shown.err == ""
    assert journal.asked == []


def test_counted_failures_with_their_messages_and_a_command_for_a_shell(jailctl, journal):
    shown = jailctl(COUNTING, FakeStanding("web"))
    assert shown.out.splitlines() == [
        "192.0.2.7 is not banned: 3 of 5 failures; the first stops counting in 6m (sshd).",
        "",
        "sshd: not banned: 3 of 5 failures; the first stops counting in 6m",
        "  the first stops counting at 2026-09-21 14:19:20",
        *["  2025-10-09 08:53:20  Failed password for root from 192.0.2.7 port 4 ssh2"] * 3,
        "  journalctl -o verbose -n 1 --cursor='s=a;i=2'",
        "",
        "web: not banned: no failures in the last 10m",
    ]
    assert journal.closed


def test_a_ban_and_its_evidence(jailctl, journal):
    shown = jailctl(FakeStanding("sshd", ban=BAN, why="", offences=2, next_ban=8 * HOUR))
    lines = shown.out.splitlines()
    assert lines[0] == "192.0.2.7 is banned by sshd until 2026-09-21 15:13:20, after 2 failures."
    assert lines[2:4] == [
        "sshd: banned since 2026-09-21 14:13:20 until 2026-09-21 15:13:20, after 2 failures",
        "  bans before that make the next one longer: 2, to 8h",
    ]
    assert journal.asked == ["s=a;i=1", "s=a;i=2"]


@pytest.mark.parametrize(
    ("explained", "sentence"),
    [
        (
            FakeExplanation(PEER, (FakeStanding("sshd", ignored="x"),), ignored="x"),
            "192.0.2.7 is never banned: x.",
        ),
        (
            FakeExplanation(PEER, (FakeStanding("sshd"), FakeStanding("b", ignored="x", why="x"))),
            "192.0.2.7 is not banned: x (b).",
        ),
        (
            FakeExplanation(PEER, (FakeStanding("sshd", state="failed"),)),
            "192.0.2.7 is not banned: no jail is running.",
        ),
        (
            FakeExplanation(PEER, (FakeStanding("sshd"),), ((BAN, "unbanned by hand"),)),
            (
                "192.0.2.7 is not banned any more: the last ban, by sshd on 2026-09-21 14:13:20, "
                "has ended (unbanned by hand)."
            ),
        ),
        (
            FakeExplanation(
                PEER,
                (
                    FakeStanding("sshd", ban=Ban("sshd", PEER, NOW, FOREVER, 0, "by hand")),
                    FakeStanding("b", ban=Ban("b", "192.0.2.0/24", NOW, FOREVER, 0, "scans")),
                ),
            ),
            (
                "192.0.2.7 is banned by sshd for ever, by hand and by b for ever with its network "
                '192.0.2.0/24, by hand ("scans").'
            ),
        ),
    ],
)
def test_the_first_line_is_the_answer(explained, sentence):
    assert report.answer(tell(explained)) == sentence


def test_bans_that_are_not_in_force_are_said_at_once(jailctl):
    shown = jailctl(FakeStanding("sshd", ban=BAN), problem="ufw is not installed")
    assert shown.out.splitlines()[1] == "Bans are not in force: ufw is not installed"


def test_past_bans_stand_at_the_end(jailctl):
    shown = jailctl(FakeStanding("sshd"), past=((BAN, "its time is over"),))
    assert shown.out.splitlines()[-2:] == [
        "              Since                Until  Jail    Address  Why, and how it ended",
        (
            "2026-09-21 14:13:20  2026-09-21 15:13:20  sshd  192.0.2.7  "
            "after 2 failures; its time is over"
        ),
    ]


def test_without_the_journal_cursors_are_shown_and_it_is_said_how(jailctl, monkeypatch):
    def refuse(_place):
        raise UnreadableJournal("/var/log/journal may not be read by you")

    monkeypatch.setattr(evidence, "History", refuse)
    shown = jailctl(COUNTING)
    assert "  2026-09-21 14:09:20  s=a;i=4\n" in shown.out
    assert "--cursor='s=a;i=2'" in shown.out
    assert shown.err == (
        "jailctl: messages are not shown: /var/log/journal may not be read by you\n"
    )
    assert "  s=a;i=1\n" in jailctl(FakeStanding("sshd", ban=BAN)).out


def test_entries_that_are_gone_are_said(jailctl, journal):
    journal.gone = ("s=a;i=3",)
    shown = jailctl(COUNTING)
    assert "  2026-09-21 14:10:20  s=a;i=3\n" in shown.out
    assert "some entries are no longer in the journal" in shown.err
    journal.unread = "2 of 3 journal files are left out"
    assert "files are left out" in jailctl(COUNTING).err


def test_at_most_twenty_entries_are_looked_up_and_shown_of_a_jail(jailctl, journal):
    many = tuple(Failure(NOW + n, f"s=a;i={n}") for n in range(50))
    shown = jailctl(FakeStanding("sshd", failures=many, ends=NOW), FakeStanding("b", failures=many))
    assert journal.asked == [f"s=a;i={n}" for n in range(30, 50)]
    assert "  … the last 20 of 50 entries:\n" in shown.out
    assert shown.out.count("Failed password") == 40


def test_a_jail_that_hears_of_bans_by_hand_has_no_cursor(jailctl, journal):
    shown = jailctl(FakeStanding("recidive", failures=(Failure(NOW, ""),), ends=NOW))
    assert journal.asked == []
    assert "journalctl" not in shown.out


def test_json_is_the_answer_with_messages(jailctl, journal):
    journal.gone = ("s=a;i=1",)
    ban = Ban("sshd", PEER, NOW, FOREVER, 2, "2 failures", BAN.evidence)
    shown = jailctl(
        FakeStanding("sshd", ban=ban, why="", failures=FAILURES[:1], offences=1, next_ban=FOREVER),
        past=((ban, "x"),),
        words=("explain", PEER, "--json"),
    )
    found = json.loads(shown.out)
    (jail,) = found["jails"]
    assert jail["ban"]["until"] is None
    assert jail["ban"]["cursors"] == ["s=a;i=1", "s=a;i=2"]
    assert jail["counted"] == [{"time": NOW - 4 * MINUTE, "cursor": "s=a;i=4"}]
    assert (jail["window_ends"], jail["next_ban_usec"], jail["offences"]) == (None, None, 1)
    assert found["past"][0]["until"] is None
    assert found["messages"] == {
        "s=a;i=2": {"time": 1_760_000_000_000_000, "message": journal.message}
    }


def test_nothing_reaches_the_terminal_raw(jailctl, journal):
    journal.message = EVIL
    ban = Ban(
        "sshd",
        PEER,
        NOW,
        FOREVER,
        0,
        EVIL,
        (core_ban.Evidence(NOW, EVIL, EVIL), core_ban.Evidence(NOW, "s=1")),
    )
    evil = FakeStanding(EVIL, ban=ban, why=EVIL, ignored=EVIL)
    shown = jailctl(evil, past=((ban, EVIL),), problem=EVIL, ignored=EVIL)
    assert all(char.isprintable() or char == "\n" for char in shown.out)


def test_lines_are_cut_to_the_terminal_but_never_the_command():
    cursor = "s=" + "a" * 100
    facts = tell(FakeExplanation(PEER, (FakeStanding("sshd", failures=(Failure(NOW, cursor),)),)))
    found = Evidence({cursor: entry("x" * 200)})
    lines = [
        "".join(text for _, text in line) for line in report.Report(facts, found, 20, 80).lines()
    ]
    assert any(len(line) == 80 and line.endswith("x…") for line in lines)
    assert lines[-1].endswith(f"--cursor={cursor}")


def test_no_address_is_asked_about_before_it_is_one(capsys):
    bus = Bus()
    assert run(("explain", "example.org"), lambda: Client(bus)) == 2
    assert bus.calls == []
    assert run(("explain", "192.0.2.9/24"), lambda: Client(bus)) == 0
    assert bus.calls == [("Explain", "192.0.2.0/24")]
