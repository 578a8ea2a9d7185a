# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

import sys
from pathlib import Path

import pytest

from jaild.core.address import Address
from jaild.core.errors import FirewallFailed
from jaild.core.rule import Rule
from jaild.enforce import kernel, program
from jaild.enforce.kernel import Kernel, Shape, parse, shape_of


@pytest.mark.parametrize(
    ("line", "shape"),
    [
        (
            "-A u -s 192.0.2.10/32 -p tcp -m tcp --dport 22 -j REJECT --reject-with tcp-reset",
            Shape("192.0.2.10", "22", "tcp", "reject"),
        ),
        (
            "-A u -s 192.0.2.0/24 -p udp -m multiport --dports 22,80,6000:6010 -j DROP",
            Shape("192.0.2.0/24", "22,80,6000:6010", "udp", "deny"),
        ),
        ("-A ufw-user-input -s 192.0.2.11/32 -j DROP", Shape("192.0.2.11", "", "any", "deny")),
        ("-N ufw-user-input", None),
        ("-A ufw-user-input -p tcp -m tcp --dport 22 -j ACCEPT", None),
        ("-A ufw-user-input -j DROP", None),
        ("-A ufw-user-input -s 192.0.2.1/32 -d 192.0.2.2/32 -j DROP", None),
        ("-A ufw-user-input ! -s 192.0.2.1/32 -j DROP", None),
        ("-A ufw-user-input -s 192.0.2.1/32 -i eth0 -j DROP", None),
        ("-A ufw-user-input -s 192.0.2.1/32 -m comment --comment a -j DROP", None),
        ("-A", None),
        ("", None),
    ],
)
def test_a_line_of_iptables(line, shape):
    assert parse(line, 4) == shape


@pytest.mark.parametrize(
    ("printed", "address"),
    [
        ("2001:db8::1/128", "2001:db8::1"),
        ("2001:db8::/64", "2001:db8::/64"),
        ("::198.51.100.7/128", "::c633:6407"),
    ],
)
def test_ipv6_is_compared_in_jailds_own_form(printed, address):
    shape = parse(f"-A ufw6-user-input -s {printed} -j DROP", 6)
    assert shape == shape_of(Rule("sshd", Address(address), verdict="deny"))


def tool(folder: Path, name: str, body: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def test_a_missing_chain_is_not_hooked_and_lacks_everything(tmp_path):
    tool(tmp_path, "iptables", "echo 'No chain/target/match by that name.' >&2; exit 1")
    asked = Rule("sshd", Address("192.0.2.1"))
    assert not Kernel(4, str(tmp_path)).is_hooked()
    assert Kernel(4, str(tmp_path)).missing([asked]) == {asked}


def test_a_broken_tool_is_a_failure_in_its_own_words(tmp_path):
    tool(tmp_path, "ip6tables", "printf 'Permission denied\\n(you must be root)\\n' >&2; exit 4")
    with pytest.raises(FirewallFailed, match=r"ip6tables failed: Permission denied \(you"):
        Kernel(6, str(tmp_path)).is_hooked()


def test_both_jumps_are_needed(tmp_path):
    lines = {"INPUT": "-A INPUT -j ufw-before-input", "ufw-before-input": "-P nothing"}
    cases = "".join(f"{name}) echo '{line}';;" for name, line in lines.items())
    tool(tmp_path, "iptables", f'case "$3" in {cases} esac')
    assert not Kernel(4, str(tmp_path)).is_hooked()
    lines["ufw-before-input"] = "-A ufw-before-input -j ufw-user-input"
    cases = "".join(f"{name}) echo '{line}';;" for name, line in lines.items())
    tool(tmp_path, "iptables", f'case "$3" in {cases} esac')
    assert Kernel(4, str(tmp_path)).is_hooked()


def test_missing_and_slow_programs(tmp_path, monkeypatch):
    with pytest.raises(FirewallFailed, match="iptables cannot be started: No such file"):
        Kernel(4, str(tmp_path)).is_hooked()
    monkeypatch.setattr(program, "TIMEOUT_SECONDS", 0.1)
    with pytest.raises(FirewallFailed, match="did not end within"):
        program.run([sys.executable, "-c", "import time; time.sleep(9)"])


def test_a_programs_words_are_cut(tmp_path):
    tool(tmp_path, "iptables", "head -c 5000 /dev/zero | tr '\\0' x >&2; exit 3")
    with pytest.raises(FirewallFailed) as caught:
        Kernel(4, str(tmp_path)).is_hooked()
    assert len(str(caught.value)) < 400


def test_an_unreadable_rules_file_is_a_failure(tmp_path):
    with pytest.raises(FirewallFailed, match="cannot be read"):
        Kernel(4, str(tmp_path)).load(tmp_path / "none")


def test_families():
    assert kernel.family_of(Rule("sshd", Address("2001:db8::/64"))) == 6
    assert kernel.family_of(Rule("sshd", Address("192.0.2.1"))) == 4
