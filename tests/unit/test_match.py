# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from jaild.core.errors import InvalidMatch
from jaild.core.match import parse, union


def test_groups_and_alternatives():
    match = parse("_SYSTEMD_UNIT=a.service _SYSTEMD_UNIT=b.service _UID=0 + _COMM=c")
    assert match.accepts({"_SYSTEMD_UNIT": b"b.service", "_UID": b"0"})
    assert not match.accepts({"_SYSTEMD_UNIT": b"b.service", "_UID": b"1000"})
    assert match.accepts({"_COMM": b"c"})
    assert match.fields == {"_SYSTEMD_UNIT", "_UID", "_COMM"}
    assert match.terms() == [
        ["_SYSTEMD_UNIT=a.service", "_SYSTEMD_UNIT=b.service", "_UID=0"],
        ["_COMM=c"],
    ]


def test_lines_are_alternatives_too():
    assert parse("A=1\nB=2") == parse("A=1 + B=2")


def test_union_keeps_one_of_each():
    assert len(union([parse("A=1 + B=2"), parse("B=2")]).groups) == 2
    assert union([]).groups == ()


def test_who_can_forge():
    assert not parse("_SYSTEMD_UNIT=ssh.service").forgeable
    assert parse("SYSLOG_IDENTIFIER=sshd").forgeable
    assert parse("_COMM=sshd").forgeable
    assert not parse("_COMM=sshd _UID=0").forgeable
    assert parse("_UID=0 + _COMM=sshd").forgeable


@pytest.mark.parametrize(
    ("text", "forgeable"),
    [
        ("_TRANSPORT=kernel", False),
        ("_TRANSPORT=syslog", True),
        ("_TRANSPORT=syslog _SYSTEMD_UNIT=nginx.service", False),
        ("_EXE=/usr/sbin/sshd", True),
        ("_UID=1000", True),
        ("_UID=33", False),
        ("_UID=0 _UID=1000", True),
        ("_SYSTEMD_SLICE=system-ssh.slice", False),
        ("_SYSTEMD_SLICE=user-1000.slice", True),
        ("_SYSTEMD_UNIT=user@1000.service", True),
        ("_SYSTEMD_USER_UNIT=app.service", True),
        ("_BOOT_ID=b", True),
    ],
)
def test_what_others_can_make_true(text, forgeable):
    assert parse(text).forgeable == forgeable


@pytest.mark.parametrize("text", ["", " + ", "sshd", "unit=x", "=x", "A='x"])
def test_refused(text):
    with pytest.raises(InvalidMatch):
        parse(text)
