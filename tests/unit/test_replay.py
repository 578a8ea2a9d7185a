# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Replay without a journal: time, what the jails make of it, comparison, and the report."""

import os
import time

import pytest

from jaild.cli.replay.choice import choose, known
from jaild.cli.replay.numbers import Found, Numbers, missing, network_of
from jaild.cli.replay.report import Difference, Report
from jaild.config.tree import Tree
from jaild.core.ban import FOREVER, Ban, Evidence
from jaild.core.errors import InvalidConfig, NoSuchJail
from jaild.core.jail import Event
from jaild.core.tally import Failure
from jaild.service.limit import Limit
from jaild.service.replay import Audience, Replay
from tests.verbs import SECOND, SHIPPED, START, entry

PEER = "192.0.2.7"
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
SLOW = "[Definition]\nfailregex = ^(a+)+ <ADDR>$\njournalmatch = _SYSTEMD_UNIT=ssh.service\n"


def failures(*moments, peer=PEER):
    message = f"Failed password for root from {peer} port 5 ssh2"
    return [entry(message, at=at, pid=500 + number) for number, at in enumerate(moments)]


class House:
    """A configuration, and what has been heard of its jails at work on history."""

    def __init__(self, etc):
        self.etc = etc
        (etc / "jail.d").mkdir(parents=True)
        (etc / "filter.d").mkdir()
        self.failed = []

    def write(self, text, name="jail.d/test.local"):
        (self.etc / name).write_text(text)

    def choose(self, *names):
        return choose(Tree(self.etc, SHIPPED), names)

    def replay(self, *names, entries, limit=None):
        choice = self.choose(*names)
        numbers = Numbers(choice.names)
        audience = Audience(numbers.see, lambda guard: self.failed.append(guard.reason))
        replay = Replay(choice.jails, limit or Limit(), lambda: "c", audience, choice.ignored)
        replay.run(entries)
        numbers.entries = replay.taken
        return numbers


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path / "etc")
    made.write("[sshd]\nmaxretry = 2\nfindtime = 1m\nbantime = 10m\n")
    return made


def spans(numbers):
    return [
        ((ban.since - START) // SECOND, (ban.until - START) // SECOND, ban.address)
        for ban in numbers.bans
    ]


def test_time_comes_from_the_entries(house):
    # Two make a ban; one more is late news; after its end it takes two again.
    numbers = house.replay(entries=failures(0, 10, 20, 609, 610, 611, 5000, 5100, 5130))
    assert spans(numbers) == [(10, 610, PEER), (611, 1211, PEER), (5130, 5730, PEER)]
    assert (numbers.entries, numbers.failures.total(), numbers.found[0].message) == (
        9, 7, "Failed password for root from 192.0.2.7 port 5 ssh2",
    )  # fmt: skip


def test_a_ban_that_ends_before_the_next_entry_counts(house):
    house.write("[sshd]\nmaxretry = 1\nbantime = 1s\n")
    assert spans(house.replay(entries=failures(0, 10, 20))) == [
        (0, 1, PEER), (10, 11, PEER), (20, 21, PEER),
    ]  # fmt: skip


def test_the_clock_of_the_host_may_go_back(house):
    assert spans(house.replay(entries=failures(7200, 7201, 0, 1))) == [(7201, 7801, PEER)]


def test_whom_ignoreip_lists_is_spared(house):
    house.write("[sshd]\nmaxretry = 1\nignoreip = 192.0.2.0/28\n")
    numbers = house.replay(entries=[*failures(0, 1), *failures(2, peer="192.0.2.99")])
    assert [ban.address for ban in numbers.bans] == ["192.0.2.99"]


def test_many_entries_go_by_in_turns(house):
    numbers = house.replay(entries=failures(*range(0, 300_000, 100)))
    assert (numbers.entries, numbers.failures.total(), numbers.bans) == (3000, 3000, [])


def test_recidive_hears_of_bans(house):
    house.write(
        "[DEFAULT]\nmaxretry = 2\n[sshd]\nbantime = 1m\n[recidive]\nenabled = true\nbantime = -1\n"
    )
    entries = failures(0, 1, 100, 101, 300, 301)
    assert [(ban.jail, ban.failures) for ban in house.replay(entries=entries).bans] == [
        ("sshd", 2), ("sshd", 2), ("recidive", 2), ("sshd", 2),
    ]  # fmt: skip
    alone = house.replay("recidive", entries=entries)
    assert [(ban.jail, ban.until) for ban in alone.bans] == [("recidive", FOREVER)]
    assert dict(alone.failures) == {"recidive": 2}
    assert {ban.jail for ban in house.replay("sshd", entries=entries).bans} == {"sshd"}


def test_a_pattern_that_runs_away_stops_its_jail(house):
    house.write(SLOW, "filter.d/slow.conf")
    house.write("[slow]\nenabled = true\n[sshd]\nmaxretry = 1\n")
    limit = Limit()
    limit.start()
    try:
        slow = entry("a" * 60 + " b", at=0)
        numbers = house.replay(entries=[slow, *failures(1)], limit=limit)
    finally:
        limit.stop()
    assert [ban.jail for ban in numbers.bans] == ["sshd"]
    (reason,) = house.failed
    assert reason.startswith("failregex, pattern 1 of filter slow takes too long on the entry c")


def test_a_jail_need_not_be_enabled(house):
    choice = house.choose("postfix", "sshd", "sshd")
    assert choice.names == ("postfix", "sshd")
    assert house.choose().names == ("sshd",)
    assert known(Tree(house.etc, SHIPPED), ["door", "sshd"]) == ["sshd"]


def test_what_history_does_not_tell_of_is_said(house):
    assert list(house.choose("sshd").unknown()) == []
    house.write(
        "[sshd]\nignoreip = home.example.org\nignorecommand = /bin/false <ip>\n"
        "[deny]\ndenyip = 192.0.2.1\n",
    )
    assert list(house.choose("sshd", "deny").unknown()) == [
        "jail 'sshd' is replayed without host names in ignoreip and ignorecommand",
        "jail 'deny' is replayed without denyip",
    ]


def test_a_jail_that_is_not_there(house):
    with pytest.raises(NoSuchJail, match=r"no jail 'sshdd' .* \(did you mean sshd\?\)"):
        house.choose("sshd", "sshdd")


def test_a_mistake_is_told_where_it_matters(house):
    house.write("[postfix]\nenabled = true\nbantime = soon\n[recidive]\nenabled = true\n")
    assert house.choose("sshd").names == ("sshd",)
    for names in ((), ("postfix",), ("recidive",)):
        with pytest.raises(InvalidConfig, match=r"test\.local:3: bantime of \[postfix\]"):
            house.choose(*names)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        (PEER, "192.0.2.0/24"),
        ("192.0.0.0/16", "192.0.0.0/16"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("2001:db8:1:2::/64", "2001:db8:1::/48"),
    ],
)
def test_networks(address, network):
    assert network_of(address) == network


def found(since, until=None, jail="sshd", address=PEER):
    end = since + 10 if until is None else until
    return Found(
        Ban(jail, address, since, end, 2, "2 failures", (Evidence(1, "a"), Evidence(2, "b"))),
        "a line",
    )


@pytest.mark.parametrize(
    ("other", "is_missing"),
    [
        (found(105), False),
        (found(95), False),
        (found(100), False),
        (found(0, FOREVER), False),
        (found(110), True),
        (found(90), True),
        (found(100, jail="other"), True),
        (found(100, address="192.0.2.8"), True),
    ],
)
def test_bans_are_missing_where_none_overlaps(other, is_missing):
    ban = found(100)
    others = [found(300), other, found(500)]
    assert missing([ban], others) == ([ban] if is_missing else [])


def numbers(*events):
    made = Numbers(("sshd", "postfix"))
    for at, address, ban in events:
        event = Event(address, Failure(at, "c"), address, ban)
        made.see("sshd", event, entry("line \x1b[2J"))
    made.see("other", event, entry(""))
    made.entries, made.seconds = 2000, 0.5
    return made


def told(report):
    return ["".join(text for _, text in line) for line in report.lines([("Jails", "sshd")])]


@pytest.fixture
def utc():
    before = os.environ.get("TZ")
    os.environ["TZ"] = "UTC"
    time.tzset()
    yield
    os.environ.pop("TZ")
    os.environ.update({"TZ": before} if before else {})
    time.tzset()


@pytest.mark.usefixtures("utc")
def test_the_report():
    ban = found(START + HOUR, START + 2 * HOUR).ban
    events = [(START, PEER, None), (START + HOUR, PEER, ban), (START + HOUR, "2001:db8::1", None)]
    lines = told(Report(numbers(*events, (START + 3 * HOUR, "192.0.2.8", None)), None, 0))
    assert lines == [
        "Jails     sshd",
        "",
        "Bans",
        "                 at                until  jail    address  why",
        f"2025-10-09 09:53:20  2025-10-09 10:53:20  sshd  {PEER}  2 failures, at last: line �[2J",
        "",
        "Timeline",
        "         hour  failures  bans  ",
        "2025-10-09 08         1        ███████████████",
        "2025-10-09 09         2     1  ██████████████████████████████",
        "2025-10-09 10         0        ",
        "2025-10-09 11         1        ███████████████",
        "",
        "Networks",
        "failures  bans  addresses  network",
        "       3     1          2  192.0.2.0/24",
        "       1     0          1  2001:db8::/48",
        "",
        "Jails",
        "failures  bans  addresses  jail",
        "       4     1          1  sshd",
        "       0     0          0  postfix",
        "",
        "Entries   2,000 in 0.50 s, 4,000 entries/s",
        "Failures  4 of 3 addresses",
        "Bans      1 of 1 address",
    ]  # fmt: skip


@pytest.mark.usefixtures("utc")
@pytest.mark.parametrize(
    ("days", "unit", "rows"), [(2, "hour", 49), (4, "day", 5), (92, "day", 93), (400, "month", 14)]
)
def test_the_timeline_has_no_gaps(days, unit, rows):
    lines = told(
        Report(numbers((START, PEER, None), (START + days * 24 * HOUR, PEER, None)), None, 0)
    )
    start = lines.index("Timeline")
    assert lines[start + 1].split()[0] == unit
    assert lines.index("", start) - start - 2 == rows


def test_the_report_of_a_comparison():
    difference = Difference("/etc/jaild", [found(START)], [found(START), found(START + HOUR)])
    lines = told(Report(numbers((START, PEER, None)), difference, 0))
    assert "Bans" not in lines
    assert lines.index("Gained") + 3 == lines.index("Lost") - 1
    assert lines[-1] == "Bans      0 of 0 addresses; 1 gained and 2 lost against /etc/jaild"


def test_nothing_at_all_is_a_report_too():
    lines = told(Report(Numbers(("sshd",)), None, 80))
    assert lines[-3:] == [
        "Entries   0 in 0.00 s",
        "Failures  0 of 0 addresses",
        "Bans      0 of 0 addresses",
    ]
