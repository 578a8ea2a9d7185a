# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real ufw, real iptables, in private namespaces."""

import os

import pytest

from tests.integration.ufw_house import (
    REJECT4,
    REJECT6,
    V4,
    V6,
    can_unshare,
    rule,
)

pytestmark = [
    pytest.mark.integration,
    pytest.mark.root,
    pytest.mark.skipif(not can_unshare(), reason="needs root, ufw and namespaces"),
]

TAG = ["#", "jaild:sshd"]


def test_ban_in_an_empty_rule_set(active):
    assert active.apply([rule(V4), rule(V6)]) == ["active", 2, 0, []]
    assert active.kernel() == [REJECT4]
    assert active.kernel(6) == [REJECT6]
    assert active.status() == [["22/tcp", "REJECT", V4, *TAG], ["22/tcp", "REJECT", V6, *TAG]]
    assert active.files() == ["user.rules", "user6.rules"]


def test_admins_rules_stay_and_stay_behind(active):
    active.ufw("allow 22/tcp")
    active.ufw("route allow in on lo out on lo from 192.0.2.8")
    active.ufw("limit log 25/tcp comment spaces")
    before = active.status()
    active.apply([rule(V4), rule("198.51.100.0/24", ""), rule(V6)])
    lines = active.kernel()
    assert lines[0] == REJECT4
    assert lines[1] == "-s 198.51.100.0/24 -j REJECT --reject-with icmp-port-unreachable"
    assert lines[2] == "-p tcp -m tcp --dport 22 -j ACCEPT"
    assert active.kernel(6)[0] == REJECT6
    assert [line for line in active.status() if line[-1] != "jaild:sshd"] == before
    active.apply([], [rule(V4), rule("198.51.100.0/24", ""), rule(V6)])
    assert active.status() == before


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (rule(V4, "22,80,6000:6010"), "-p tcp -m multiport --dports 22,80,6000:6010 -j REJECT"),
        (rule(V4, "6000:6010", verdict="deny"), "-p tcp -m multiport --dports 6000:6010 -j DROP"),
        (["dns", V4, "53", "udp", "reject"], "-p udp -m udp --dport 53 -j REJECT"),
        (rule(V4, "", verdict="deny"), "-j DROP"),
    ],
)
def test_every_kind_of_rule_is_found_again(active, given, line):
    active.apply([given])
    assert active.kernel()[0].startswith(f"-s {V4}/32 {line}")
    assert active.ask("look") == ["active", 0]
    assert active.sync([given]) == ["active", 0, 0, []]
    assert active.apply([], [given]) == ["active", 0, 1, []]
    assert active.kernel() == []


def test_the_same_again_writes_nothing(active):
    active.apply([rule(V4), rule(V6)])
    inodes = [(active.etc / name).stat().st_ino for name in active.files()]
    assert active.apply([rule(V4), rule(V4)], [rule("192.0.2.1")]) == ["active", 0, 0, []]
    assert active.sync([rule(V4), rule(V6)]) == ["active", 0, 0, []]
    assert inodes == [(active.etc / name).stat().st_ino for name in active.files()]


def test_a_rule_in_both_lists_stays(active):
    active.apply([rule(V4)])
    assert active.apply([rule(V4)], [rule(V4)]) == ["active", 0, 0, []]
    assert active.kernel() == [REJECT4]


@pytest.mark.parametrize("way", ["package", "command line"])
def test_the_rules_that_there_are(active, way):
    if way == "command line":
        active.ask("by_command")
    active.ufw("reject from 192.0.2.8 comment other")
    wanted = [rule(V4), rule(V4, "22,80"), rule("198.51.100.0/24", "", jail="web"), rule(V6)]
    active.apply(wanted)
    before = active.content()
    assert sorted(active.ask("present")) == sorted(wanted)
    assert active.content() == before


def test_two_jails_may_ban_one_address(active):
    active.apply([rule(V4), rule(V4, jail="recidive")])
    active.apply([], [rule(V4)])
    assert active.status() == [["22/tcp", "REJECT", V4, "#", "jaild:recidive"]]
    assert active.kernel() == [REJECT4]


def test_look_alikes_are_left_alone(active):
    for words in (
        f"deny from {V4} comment jaild",
        "deny from 198.51.100.8 comment jaild:",
        "deny from 198.51.100.9 comment xjaild:sshd",
        "allow from 198.51.100.10 comment jaild:sshd",
        "deny out to 198.51.100.11 comment jaild:sshd",
        "deny proto tcp from 198.51.100.12 to 192.0.2.1 port 22 comment jaild:sshd",
        "deny log from 198.51.100.13 comment jaild:sshd",
    ):
        active.ufw(words)
    active.run("ufw", "deny", "from", "198.51.100.14", "comment", "jaild:sshd x")
    before = active.content()
    assert active.sync([]) == ["active", 0, 0, []]
    assert active.ask("flush") == 0
    assert active.content() == before


def test_mode_and_owner_are_kept(active):
    path = active.etc / "user.rules"
    path.chmod(0o604)
    os.chown(path, 0, 4)
    active.apply([rule(V4)])
    status = path.stat()
    assert (status.st_mode & 0o777, status.st_uid, status.st_gid) == (0o604, 0, 4)


def test_a_linked_file_stays_a_link(active):
    path = active.etc / "user.rules"
    path.rename(active.etc / "kept.rules")
    path.symlink_to("kept.rules")
    active.apply([rule(V4)])
    assert path.is_symlink()
    assert V4 in path.read_text()


def test_inactive_ufw_takes_the_rules_for_later(house):
    assert house.apply([rule(V4), rule(V6)]) == ["inactive", 2, 0, []]
    house.enable()
    assert house.kernel() == [REJECT4]
    assert house.ask("look") == ["active", 0]
    assert house.apply([], [rule(V4), rule(V6)]) == ["active", 0, 2, []]
    assert house.kernel() + house.kernel(6) == []


def test_lifted_while_disabled(active):
    active.apply([rule(V4)])
    active.ufw("disable")
    assert active.sync([]) == ["inactive", 0, 1, []]
    active.enable()
    assert active.kernel() == []


def test_a_thousand_bans_at_once(active):
    active.ufw("allow 22/tcp")
    bans = [rule(f"198.18.{i >> 8}.{i & 255}") for i in range(900)]
    bans += [rule(f"2001:db8::{i:x}") for i in range(1, 101)]
    assert active.apply(bans) == ["active", 1000, 0, []]
    assert active.seconds < 1.5
    assert len(active.kernel()) == 901
    assert len(active.status()) == 1002
    assert active.ask("flush") == 1000
    assert len(active.status()) == 2


@pytest.mark.parametrize(
    ("listen", "peer", "ports", "ended"),
    [
        ("127.0.0.1", "127.0.0.9", "2222", True),
        ("::", "127.0.0.9", "22,2000:2300", True),
        ("127.0.0.1", "127.0.0.9", "22", False),
        ("::1", "::1", "", True),
    ],
)
def test_connections_are_ended(house, listen, peer, ports, ended):
    # The rule itself would be vetoed: the loopback stands in for an attacker here.
    assert house.ask("sockets", listen, peer, rule(peer, ports)) is ended


def test_connections_are_ended_among_many_bans(house):
    assert house.ask("sockets", "127.0.0.1", "127.0.0.2", rule("127.0.0.2", "2222"), 150) is True
    assert house.ask("sockets", "::", "127.0.0.3", rule("127.0.0.3", "2222"), 150) is True
    assert house.ask("sockets", "127.0.0.1", "127.0.0.4", rule("127.0.0.5", "2222"), 150) is False


def test_the_hosts_addresses_are_followed(house):
    before, after = house.ask("addresses", "192.0.2.33/24")
    assert before == ["127.0.0.1", "::1"]
    assert after == ["127.0.0.1", "192.0.2.33", "::1"]
