# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names of addresses, which their owners choose."""

import time
from pathlib import Path

import pytest

from jaild.core.address import Address
from jaild.notify import dial, names
from jaild.notify.names import Names, read

ADDRESS = Address("192.0.2.7")


@pytest.fixture
def dns(mocker):
    """What getent says, by its words."""
    said: dict[tuple[str, str], str | OSError] = {}

    def getent(database, key, seconds=5.0):
        answer = said.get((database, key), "")
        if isinstance(answer, OSError):
            raise answer
        return answer

    mocked = mocker.Mock(side_effect=getent)
    mocker.patch.object(names, "getent", mocked)
    mocker.patch.object(dial, "getent", mocked)
    said["calls"] = mocked
    return said


def test_a_name_that_is_true(dns):
    dns["hosts", ADDRESS] = "192.0.2.7       Scan.Example.org alias\n"
    dns["ahosts", "scan.example.org"] = "192.0.2.7  STREAM scan.example.org\n192.0.2.7  DGRAM\n"
    assert Names().ask(ADDRESS) == "scan.example.org"


def test_a_name_that_nobody_confirms(dns):
    dns["hosts", ADDRESS] = "192.0.2.7 www.google.com\n"
    dns["ahosts", "www.google.com"] = "198.51.100.1 STREAM www.google.com\n"
    assert Names().ask(ADDRESS) == "claims to be www.google.com"


def test_ipv6_in_its_canonical_form(dns):
    address = Address("2001:db8::7")
    dns["hosts", address] = "2001:db8::7 six.example.org\n"
    dns["ahosts", "six.example.org"] = "2001:DB8:0::7 STREAM\n"
    assert Names().ask(address) == "six.example.org"


def test_no_name(dns):
    assert Names().ask(ADDRESS) == ""


def test_networks_have_none(dns):
    assert Names().ask(Address("192.0.2.0/24")) == ""
    assert not dns["calls"].called


@pytest.mark.parametrize(
    "name",
    [
        "a\x1b[2Jb.example.org",
        "-rf.example.org",
        "<script>.example.org",
        "198.51.100.66",
        "1.2",
        "ex..ample.org",
        "bücher.example",
        "$(reboot).example.org",
        "x" * 64 + ".example.org",
        ".".join(["abcdefgh"] * 40),
        "",
    ],
)
def test_names_that_cannot_be(name):
    assert read(f"192.0.2.7 {name}\n") == ""


@pytest.mark.parametrize(
    "name",
    ["a.example.org", "7.2.0.192.in-addr.arpa", "_x.example", "xn--bcher-kva.example", "host"],
)
def test_names_that_can_be(name):
    assert read(f"192.0.2.7       {name}.\n") == name


def test_a_name_is_kept_for_an_hour(dns):
    now = [1000.0]
    asking = Names(lambda: now[0])
    dns["hosts", ADDRESS] = "192.0.2.7 old.example.org\n"
    assert asking.ask(ADDRESS) == "claims to be old.example.org"
    dns["hosts", ADDRESS] = "192.0.2.7 new.example.org\n"
    assert asking.ask(ADDRESS) == "claims to be old.example.org"
    now[0] += names.HOUR
    assert asking.ask(ADDRESS) == "claims to be new.example.org"


def test_a_dead_name_server_is_left_alone(dns):
    now = [1000.0]
    asking = Names(lambda: now[0])
    dns["hosts", ADDRESS] = TimeoutError("late")
    for _ in range(5):
        assert asking.ask(ADDRESS) == ""
    assert dns["calls"].call_count == 3
    now[0] += 60
    dns["hosts", ADDRESS] = "192.0.2.7 a.example.org\n"
    assert asking.ask(ADDRESS)


def test_questions_a_minute(dns):
    asking = Names(lambda: 1000.0, limit=2)
    for number in range(5):
        asking.ask(Address(f"192.0.2.{number}"))
    assert dns["calls"].call_count == 2


def test_the_hosts_own_ways_are_asked():
    # /etc/hosts has it on every Debian.
    assert Address("127.0.0.1") in dial.addresses("localhost")
    assert Names().ask(Address("127.0.0.1")).endswith("localhost")


def test_a_program_that_hangs_is_ended(tmp_path: Path, monkeypatch):
    program = tmp_path / "getent"
    program.write_text("#!/bin/sh\nexec sleep 5\n")
    program.chmod(0o755)
    monkeypatch.setattr(dial, "_GETENT", str(program))
    begin = time.monotonic()
    with pytest.raises(TimeoutError, match="not looked up within"):
        dial.getent("hosts", ADDRESS, 0.1)
    assert time.monotonic() - begin < 2


def test_a_program_that_is_missing(monkeypatch):
    monkeypatch.setattr(dial, "_GETENT", "/nowhere/getent")
    assert Names().ask(ADDRESS) == ""
