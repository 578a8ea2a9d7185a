# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which programs end a banned address's connections, and how that may fail."""

import logging

import pytest

from jaild.core.address import Address
from jaild.core.rule import Rule
from jaild.enforce.sockets import (
    ADDRESSES_AT_ONCE,
    FEW,
    LIST_LIMIT,
    MOST_FLOWS,
    Sockets,
    connected,
    forgets,
    kills,
)


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

    def spawn(self, argv, done, *, timeout_ms, limit):
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


LISTED = """\
ESTAB      0 0            192.0.2.99:22          192.0.2.7:51000
ESTAB      0 0            192.0.2.99:22        203.0.113.1:51000
FIN-WAIT-1 0 1 [::ffff:192.0.2.99]:22 [::ffff:192.0.2.8]:51001
ESTAB      0 0       [2001:db8::99]:22     [2001:db8::7]:51002 users:(("sshd",pid=1,fd=3))
ESTAB      0 0        [fe80::1%eth0]:22   [fe80::2%eth0]:51003
nonsense
"""


def test_of_many_only_those_are_gone_through_that_have_connections(place):
    many = [rule(f"192.0.2.{n}") for n in range(FEW)]
    loop = Loop()
    Sockets(loop, [str(place)]).end([*many, rule("2001:db8::7", "80")])
    assert loop.started[0][0][1:] == ["-H", "-n", "-t"]
    loop.end(0, LISTED)
    loop.end()
    loop.end()
    assert [" ".join(argv[1:]) for argv, _ in loop.started[1:3]] == [
        "-K -H -n -t ( dst 192.0.2.7 or dst 192.0.2.8 ) and ( sport = :22 )",
        "-K -H -n -t ( dst [2001:db8::7] ) and ( sport = :80 )",
    ]


def test_networks_are_always_gone_through():
    network = rule("192.0.2.0/24")
    assert connected([network, rule("192.0.2.1")], "") == [network]


@pytest.mark.parametrize(("status", "output"), [(127, "no"), (0, "x" * LIST_LIMIT)])
def test_without_a_whole_list_all_are_gone_through(place, status, output):
    many = [rule(f"192.0.2.{n}") for n in range(FEW + 1)]
    loop = Loop()
    Sockets(loop, [str(place)]).end(many)
    loop.end(status, output)
    assert loop.started[1][0].count("dst") == ADDRESSES_AT_ONCE


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
