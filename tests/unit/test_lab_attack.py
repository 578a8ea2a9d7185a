# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""These tests hold the lab's attackers to their addresses, and to reading ssh's words right."""

from collections import Counter
from collections.abc import Sequence

import pytest

from tests.lab import attack, net
from tests.lab.attack import Attempt, Login, Outcome
from tests.lab.place import LabError, run_dir


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2", ("198.51.100.1", "198.51.100.2")),
        ("2v6", ("2001:db8:0:1::1", "2001:db8:0:2::1")),
        ("192.0.2.7", ("192.0.2.7",)),
        (
            "1, 1v6,2001:DB8:0::5",
            ("198.51.100.1", "2001:db8:0:1::1", "2001:db8::5"),
        ),
        ("0", ()),
    ],
)
def test_sources_are_read(text: str, expected: tuple[str, ...]) -> None:
    assert net.sources(text) == expected


def test_many_sources_are_all_different() -> None:
    found = net.sources("5000,5000v6")
    assert len(set(found)) == 10000
    assert all(net.checked(address) == address for address in found)


@pytest.mark.parametrize(
    "text",
    ["8.8.8.8", net.HOST_V4, net.HOST_V6, net.GATE_V4, net.GATE_V6, "alice", "", "-1", "::1"],
)
def test_other_addresses_are_refused(text: str) -> None:
    with pytest.raises(LabError):
        net.sources(text)


@pytest.mark.parametrize(
    ("status", "errors", "expected"),
    [
        (0, "", Outcome.ACCEPTED),
        (255, "root@198.19.0.1: Permission denied (publickey,password).", Outcome.DENIED),
        (5, "Permission denied, please try again.", Outcome.DENIED),
        (255, "ssh: connect to host 198.19.0.1 port 22: Connection refused", Outcome.REFUSED),
        (255, "ssh: connect to host 198.19.0.1 port 22: Connection timed out", Outcome.TIMEOUT),
        (255, "Connection timed out during banner exchange", Outcome.TIMEOUT),
        (255, "Connection closed by 198.19.0.1 port 22", Outcome.CLOSED),
        (255, "kex_exchange_identification: read: Connection reset by peer", Outcome.CLOSED),
        (255, "Connection to 198.19.0.1 closed by remote host.", Outcome.CLOSED),
        (255, "client_loop: send disconnect: Broken pipe", Outcome.CLOSED),
    ],
)
def test_outcomes(status: int, errors: str, expected: Outcome) -> None:
    assert attack.outcome(status, errors) is expected


def test_words_that_say_nothing_are_an_error() -> None:
    with pytest.raises(LabError, match="status 255: Bad owner"):
        attack.outcome(255, "Bad owner or permissions")


def test_the_command_names_source_and_target() -> None:
    command = attack.command("2001:db8:0:1::1", Login(user="-oProxyCommand=x", port=2222))
    assert command[:3] == ["sshpass", "-e", "ssh"]
    assert "BindAddress=2001:db8:0:1::1" in command
    assert "Port=2222" in command
    assert command[-5:] == ["-l", "-oProxyCommand=x", "--", net.HOST_V6, "true"]


@pytest.mark.parametrize("parallel", [True, False])
def test_each_source_makes_its_tries_in_order(parallel: bool) -> None:
    told: list[Attempt] = []

    def run(command: Sequence[str], password: str) -> tuple[int, str]:
        assert password == "letmein"
        return 255, "Connection refused"

    found = attack.attack(
        run, ["192.0.2.1", "192.0.2.2"], 3, Login(), told.append, parallel=parallel
    )
    numbered = [(one.source, one.number) for one in found]
    assert numbered == [(f"192.0.2.{end}", number) for end in (1, 2) for number in (1, 2, 3)]
    assert Counter(told) == Counter(found)


@pytest.mark.parametrize("name", ["", "..", "a/b", "A", "-a", "a-", "a" * 41, "a\n"])
def test_names_that_are_no_file_names_are_refused(name: str) -> None:
    with pytest.raises(LabError):
        run_dir(name)
