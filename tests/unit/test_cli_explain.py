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
SAID = "Failed password for root from 192.0.2.7 port 4 ssh2"
FAILURES = tuple(Failure(NOW - n * MINUTE, f"s=a;i={n}", "", SAID) for n in (4, 3, 2))
BAN = Ban(
    "sshd",
    PEER,
    NOW,
    NOW + HOUR,
    2,
    "2 failures",
    (core_ban.Evidence(NOW - 2, "s=a;i=1", SAID), core_ban.Evidence(NOW - 1, "s=a;i=2", SAID)),
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
    unit = "ssh.service"
    gone = ()
    message = SAID + " and all the rest"

    def __init__(self):
        self.asked = []
        self.closed = False

    def find(self, cursor):
        self.asked.append(cursor)
        return None if cursor in self.gone else entry(self.message, unit=self.unit)

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
        f"  2026-09-21 14:09:20  ssh[100]: {SAID}",
        f"  2026-09-21 14:10:20  ssh[100]: {SAID}",
        f"  2026-09-21 14:11:20  ssh[100]: {SAID}",
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
    assert lines[4:] == [
        *[f"  2026-09-21 14:13:19  ssh[100]: {SAID}"] * 2,
        "  journalctl -o verbose -n 1 --cursor='s=a;i=2'",
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


def test_past_bans_stand_at_the_end_with_their_evidence(jailctl, journal):
    journal.gone = ("s=a;i=2",)
    network = Ban("web", "192.0.2.0/24", NOW - HOUR, NOW, 0, "scans")
    many = tuple(core_ban.Evidence(NOW - n, f"s=b;i={n}", SAID) for n in range(9, 0, -1))
    older = Ban("sshd", PEER, NOW - 2 * HOUR, FOREVER, 9, "9 failures", many)
    past = ((BAN, "its time is over"), (network, "unbanned by hand"), (older, "x"))
    shown = jailctl(FakeStanding("sshd"), past=past)
    assert shown.out.splitlines()[4:] == [
        "Past bans",
        ("sshd: 2026-09-21 14:13:20 until 2026-09-21 15:13:20, after 2 failures; its time is over"),
        f"  2026-09-21 14:13:19  ssh[100]: {SAID}",
        f"  2026-09-21 14:13:19  {SAID}",
        "  journalctl -o verbose -n 1 --cursor='s=a;i=1'",
        (
            "web: 2026-09-21 13:13:20 until 2026-09-21 14:13:20 with its network 192.0.2.0/24, "
            'by hand ("scans"); unbanned by hand'
        ),
        "sshd: 2026-09-21 12:13:20 for ever, after 9 failures; x",
        "  … the last 5 of 9 entries:",
        *[f"  2026-09-21 14:13:19  ssh[100]: {SAID}"] * 5,
    ]


def test_without_the_journal_there_are_times_and_messages(jailctl, monkeypatch):
    def refuse(_place):
        raise UnreadableJournal("/var/log/journal may not be read by you")

    monkeypatch.setattr(evidence, "History", refuse)
    shown = jailctl(COUNTING)
    assert f"  2026-09-21 14:09:20  {SAID}\n" in shown.out
    assert "--cursor='s=a;i=2'" in shown.out
    assert shown.err == ""


def test_entries_that_are_gone_are_shown_and_not_looked_for(jailctl, journal):
    journal.gone = ("s=a;i=2",)
    shown = jailctl(COUNTING)
    assert f"  2026-09-21 14:11:20  {SAID}\n" in shown.out
    assert "--cursor='s=a;i=3'" in shown.out
    journal.gone = ("s=a;i=2", "s=a;i=3", "s=a;i=4")
    shown = jailctl(COUNTING)
    assert shown.out.count(SAID) == 3
    assert "journalctl" not in shown.out
    assert shown.out.endswith("  the journal no longer has these entries\n")
    # They may be in files that this caller may not read.
    journal.unread = "2 of 3 journal files are left out"
    assert "--cursor='s=a;i=2'" in jailctl(COUNTING).out


def test_what_an_earlier_version_has_kept_is_cursors(jailctl, journal):
    bare = tuple(core_ban.Evidence(0, f"s=a;i={n}") for n in (1, 2))
    journal.gone = ("s=a;i=1",)
    shown = jailctl(FakeStanding("sshd", ban=Ban("sshd", PEER, NOW, FOREVER, 2, "x", bare)))
    assert shown.out.splitlines()[3:5] == [
        "  s=a;i=1",
        f"  2025-10-09 08:53:20  ssh[100]: {SAID} and all the rest",
    ]


def test_the_network_that_stands_for_an_address_is_told(jailctl):
    network = "192.0.2.0/28"
    shown = jailctl(FakeStanding("sshd", failures=FAILURES, unit=network, ends=NOW))
    assert "  counted as 192.0.2.0/28\n" in shown.out
    ban = Ban("sshd", network, NOW, FOREVER, 2, "2 failures", BAN.evidence)
    shown = jailctl(FakeStanding("sshd", ban=ban, unit=network))
    assert first(shown) == (
        "192.0.2.7 is banned by sshd for ever with its network 192.0.2.0/28, after 2 failures."
    )
    assert "counted as" not in shown.out


def test_a_permanent_ban_says_who_wants_it(jailctl):
    shown = jailctl(FakeStanding("x", ban=Ban("x", PEER, NOW, FOREVER, 0, "denyip lists it")))
    assert first(shown) == "192.0.2.7 is banned by x for ever, because denyip lists it."


def test_at_most_twenty_entries_are_looked_up_and_shown_of_a_jail(jailctl, journal):
    many = tuple(Failure(NOW + n, f"s=a;i={n}", "", SAID) for n in range(50))
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
    assert jail["counted"] == [{"time": NOW - 4 * MINUTE, "cursor": "s=a;i=4", "message": SAID}]
    assert jail["counted_as"] == PEER
    kept = [{"time": NOW - 3 + n, "cursor": f"s=a;i={n}", "message": SAID} for n in (1, 2)]
    assert jail["ban"]["evidence"] == found["past"][0]["evidence"] == kept
    assert (jail["window_ends"], jail["next_ban_usec"], jail["offences"]) == (None, None, 1)
    assert found["past"][0]["until"] is None
    assert found["messages"] == {
        "s=a;i=2": {
            "time": 1_760_000_000_000_000,
            "message": journal.message,
            "unit": "ssh.service",
            "pid": "100",
        }
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
    evil = FakeStanding(EVIL, ban=ban, why=EVIL, ignored=EVIL, unit=EVIL)
    journal.unit = EVIL
    counting = FakeStanding(EVIL, failures=(Failure(NOW, EVIL, "", EVIL),), unit=EVIL)
    shown = jailctl(evil, counting, past=((ban, EVIL),), problem=EVIL, ignored=EVIL)
    assert all(char.isprintable() or char == "\n" for char in shown.out)


def test_entries_are_cut_to_two_lines_but_never_the_command():
    cursor = "s=" + "a" * 100
    facts = tell(FakeExplanation(PEER, (FakeStanding("sshd", failures=(Failure(NOW, cursor),)),)))
    found = Evidence({cursor: entry("x" * 200)})
    lines = [
        "".join(text for _, text in line) for line in report.Report(facts, found, 20, 80).lines()
    ]
    assert any(len(line) == 160 and line.endswith("x…") for line in lines)
    assert lines[-1].endswith(f"--cursor={cursor}")


def test_no_address_is_asked_about_before_it_is_one(capsys):
    bus = Bus()
    assert run(("explain", "example.org"), lambda: Client(bus)) == 2
    assert bus.calls == []
    assert run(("explain", "192.0.2.9/24"), lambda: Client(bus)) == 0
    assert bus.calls == [("Explain", "192.0.2.0/24")]
