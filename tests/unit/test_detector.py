# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a conversation comes to, by the rules that filters written for fail2ban expect."""

import pytest

from jaild.core.detector import Detector
from jaild.core.entry import MESSAGE_MAX, Entry, decode
from jaild.core.filter import Filter, Kind
from tests.verbs import SECOND, START

KEY = r"^<F-MLFID>\S+ door\[\d+\]: </F-MLFID>"
CALLS = f"{KEY}<F-NOFAIL>call</F-NOFAIL> from <ADDR>$"
WRONG = f"{KEY}wrong code(?: for <F-USER>\\w+</F-USER>)?(?: from <ADDR>)?$"
HINT = f"{KEY}<F-NOFAIL>doubt</F-NOFAIL> about <F-USER>\\w+</F-USER>$"
OPENED = f"{KEY}<F-MLFGAINED>opened</F-MLFGAINED> for <F-USER>\\w+</F-USER>(?: from <ADDR>)?$"
CLOSED = f"{KEY}<F-NOFAIL><F-MLFFORGET>closed</F-MLFFORGET></F-NOFAIL>(?: for <ADDR>)?$"


@pytest.fixture
def detector():
    return Detector(Filter("door", [CALLS, WRONG, HINT, OPENED, CLOSED], prefixed=True))


def take(detector, *messages, pid=7):
    """Return the verdicts on a conversation: the address for a failure, else the kind."""
    found = []
    for number, message in enumerate(messages):
        fields = {"_HOSTNAME": b"host", "SYSLOG_IDENTIFIER": b"door", "_PID": str(pid).encode()}
        seen = detector.take(Entry(START + number * SECOND, message, fields))
        found.append(seen.address if seen.kind is Kind.FAILURE else str(seen.kind))
    return found


def test_facts_come_before_the_failure(detector):
    assert take(detector, "call from 192.0.2.7", "wrong code") == ["helper", "192.0.2.7"]


def test_a_failure_waits_for_its_address(detector):
    assert take(detector, "wrong code", "call from 192.0.2.7") == ["helper", "192.0.2.7"]
    assert take(detector, "call from 192.0.2.7") == ["helper"]


def test_every_failing_line_counts(detector):
    lines = ("wrong code from 192.0.2.7", "wrong code", "wrong code")
    assert take(detector, *lines) == ["192.0.2.7"] * 3


def test_connections_do_not_mix(detector):
    take(detector, "call from 192.0.2.7", pid=1)
    assert take(detector, "wrong code", pid=2) == ["helper"]


def test_the_end_is_forgotten(detector):
    lines = ("call from 192.0.2.7", "closed", "wrong code")
    assert take(detector, *lines) == ["helper", "helper", "helper"]


def test_the_end_releases_what_waits(detector):
    assert take(detector, "wrong code", "closed for 192.0.2.7") == ["helper", "192.0.2.7"]


def test_getting_in_clears_what_waits(detector):
    lines = ("wrong code for bob", "opened for bob from 192.0.2.7")
    assert take(detector, *lines) == ["helper", "helper"]


def test_getting_in_as_somebody_else_does_not(detector):
    lines = ("call from 192.0.2.7", "doubt about root", "opened for bob")
    assert take(detector, *lines) == ["helper", "helper", "192.0.2.7"]


def test_without_a_sender_each_line_stands_alone():
    detector = Detector(Filter("door", [CALLS, WRONG], prefixed=True, daemon="door"))
    first = detector.take(Entry(START, "host door[1]: call from 192.0.2.7", {}))
    second = detector.take(Entry(START, "host door[1]: wrong code", {}))
    assert (first.kind, second.kind) == (Kind.HELPER, Kind.HELPER)
    assert second.said


def test_without_a_connection_nothing_is_remembered():
    # One process serves many clients: the address of the line before is somebody else's.
    detector = Detector(Filter("web", ["^denied <HOST>$"]))
    assert take(detector, "denied 192.0.2.7", "denied host.example") == ["192.0.2.7", None]


@pytest.mark.parametrize(
    ("written", "word"), [("host.example", "never looks up"), ("192.0.2.300", "not a valid")]
)
def test_it_says_why_nobody_is_blamed(written, word):
    detector = Detector(Filter("web", ["^denied <HOST>$"]))
    assert word in detector.take(Entry(START, f"denied {written}", {})).said


def test_the_prefix_is_built_from_the_entry():
    fields = {"_HOSTNAME": b"host", "_COMM": b"door", "_PID": b"7", "SYSLOG_PID": b"9"}
    assert Entry(0, "", fields).prefix() == "host door[9]: "
    assert Entry(0, "", {"_HOSTNAME": b"host"}).prefix() == ""
    kernel = {"SYSLOG_IDENTIFIER": b"kernel", "_SOURCE_MONOTONIC_TIMESTAMP": b"12345678"}
    assert Entry(0, "", kernel).prefix() == "kernel: [   12.345678] "
    twice = {"SYSLOG_IDENTIFIER": [b"door", b"window"]}
    assert Entry(0, "", twice).prefix() == "door: "


def test_a_connection_may_be_named_in_the_message():
    patterns = [
        r"^conn=<F-MLFID>\d+</F-MLFID> <F-NOFAIL>call</F-NOFAIL> from <ADDR>$",
        r"^conn=<F-MLFID>\d+</F-MLFID> wrong$",
    ]
    detector = Detector(Filter("tree", patterns))
    lines = ("conn=1 call from 192.0.2.7", "conn=2 call from 192.0.2.8", "conn=1 wrong")
    assert take(detector, *lines) == ["helper", "helper", "192.0.2.7"]


def test_a_cut_message_does_not_end_where_the_client_wants():
    start = "wrong name "
    decoy = "from 198.51.100.66"
    name = "x" * (MESSAGE_MAX - len(start) - len(decoy) - 1)
    whole = f"{start}{name} {decoy} and more from 192.0.2.7"
    chosen = Filter("door", ["^wrong name .* from <ADDR>$"])
    assert chosen.judge(whole).address == "192.0.2.7"
    assert chosen.judge(decode(whole.encode())).kind is Kind.MISS
    assert len(decode(whole.encode())) == MESSAGE_MAX
    assert decode(b"\xff" * MESSAGE_MAX) == "\ufffd" * MESSAGE_MAX
    assert len(decode(b"\xff" * 10 * MESSAGE_MAX)) == MESSAGE_MAX
