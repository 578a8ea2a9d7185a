# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which programs end a banned address's connections, and how that may fail."""

import logging

import pytest

from jaild.core.address import Address
from jaild.core.rule import Rule
from jaild.enforce.sockets import ADDRESSES_AT_ONCE, MOST_FLOWS, Sockets, forgets, kills


def rule(address, ports="22", protocol="tcp"):
    return Rule("sshd", Address(address), ports, protocol if ports else "any")


def words(rules):
    return [" ".join(argv) for argv in kills(rules)]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([rule("192.0.2.1")], "-K -H -n -t ( dst 192.0.2.1 ) and ( sport = :22 )"),
        ([rule("192.0.2.0/24", "")], "-K -H -n -t ( dst 192.0.2.0/24 )"),
        (
            [rule("2001:db8::1"), rule("2001:db8::/64")],
            "-K -H -n -t ( dst [2001:db8::1] or dst [2001:db8::/64] ) and ( sport = :22 )",
        ),
        (
            [rule("192.0.2.1", "22,6000:6010")],
            "-K -H -n -t ( dst 192.0.2.1 ) and ( sport = :22 or ( sport >= :6000 and sport <= :6010 ) )",  # noqa: E501
        ),
    ],
)
def test_the_filter_of_ss(given, expected):
    assert words(given) == [expected]


def test_udp_has_no_connections_to_end():
    assert words([rule("192.0.2.1", "53", "udp")]) == []


def test_large_batches_are_split_and_ports_kept_apart():
    many = [rule(f"192.0.{i >> 8}.{i & 255}") for i in range(ADDRESSES_AT_ONCE + 1)]
    assert len(words([*many, rule("192.0.2.1", "25")])) == 3


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (rule("192.0.2.1"), ["-D -f ipv4 -s 192.0.2.1 -p tcp --dport 22"]),
        (rule("2001:db8::/64", ""), ["-D -f ipv6 -s 2001:db8::/64"]),
        (rule("192.0.2.1", "1:9", "udp"), ["-D -f ipv4 -s 192.0.2.1 -p udp"]),
        (
            rule("192.0.2.1", "22,25"),
            [f"-D -f ipv4 -s 192.0.2.1 -p tcp --dport {port}" for port in (22, 25)],
        ),
    ],
)
def test_the_arguments_of_conntrack(given, expected):
    assert [" ".join(argv) for argv in forgets(given)] == expected


class Loop:
    def __init__(self):
        self.started = []

    def spawn(self, argv, done, *, timeout_ms):
        self.started.append((argv, done))

    def end(self, status=0, output=""):
        self.started[-1][1](status, output)


@pytest.fixture
def place(tmp_path):
    for name in ("ss", "conntrack"):
        (tmp_path / name).touch()
    return tmp_path


def test_one_program_after_the_other(place):
    loop = Loop()
    sockets = Sockets(loop, [str(place)])
    sockets.end([rule("192.0.2.1")])
    sockets.end([rule("192.0.2.2")])
    assert len(loop.started) == 1
    for _ in range(3):
        loop.end()
    assert [argv[0].rpartition("/")[2] for argv, _ in loop.started] == [
        "ss",
        "conntrack",
        "ss",
        "conntrack",
    ]
    loop.end(1)
    assert len(loop.started) == 4
    sockets.end([rule("192.0.2.3")])
    assert len(loop.started) == 5


def test_a_large_roster_is_not_forgotten_one_by_one(place):
    loop = Loop()
    Sockets(loop, [str(place)]).end([rule("192.0.2.1")] * (MOST_FLOWS + 1))
    for _ in range(10):
        loop.end()
    assert {argv[0].rpartition("/")[2] for argv, _ in loop.started} == {"ss"}


def test_failure_is_told_once_and_harms_nothing(place, caplog):
    loop = Loop()
    sockets = Sockets(loop, [str(place)])
    sockets.end([rule("192.0.2.1")])
    loop.end(0, "RTNETLINK answers: Operation not supported\n")
    loop.end(127, "no such thing")
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "not supported" in warnings[0].getMessage()


def test_without_ss_it_is_said_once(tmp_path, caplog):
    sockets = Sockets(Loop(), [str(tmp_path)])
    sockets.end([rule("192.0.2.1")])
    sockets.end([rule("192.0.2.1")])
    sockets.end([])
    assert [record.getMessage() for record in caplog.records] == [
        "Open connections of banned addresses could not be ended: ss is not installed"
    ]
