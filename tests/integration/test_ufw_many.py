# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The quick ways with many rules are equal to the slow ones: in ufw's files and in the kernel."""

from pathlib import Path

import pytest

from tests.integration.ufw_house import REJECT4, V4, V6, House, can_unshare, open_house, rule

pytestmark = [
    pytest.mark.integration,
    pytest.mark.root,
    pytest.mark.skipif(not can_unshare(), reason="needs root, ufw and namespaces"),
]

ALLOW = "-p tcp -m tcp --dport 22 -j ACCEPT"
MIXED = [
    rule(V4),
    rule(V6),
    rule("198.51.100.0/24", ""),
    rule("2001:db8:1::/64", "22,80,6000:6010"),
    rule("::c633:6407", verdict="deny"),
    rule("203.0.113.9", "", jail="a.b@c", verdict="deny"),
    ["dns", "203.0.113.9", "53", "udp", "reject"],
    rule("10.0.0.0/8", "6000:6010"),
    rule("255.255.255.255"),
]


def everything(house: House) -> list[str]:
    """All chains of both families, in order, without their counters."""
    return [
        line for tool in ("iptables", "ip6tables") for line in house.run(tool, "-S").splitlines()
    ]


def agrees(house: House) -> None:
    """The kernel is what ufw itself makes of its files."""
    before = everything(house)
    house.ufw("reload")
    assert before == everything(house)


@pytest.fixture
def active(house):
    """A ufw that has written both its files and loaded them, unlike just after its installation."""
    house.enable()
    house.ufw("allow 22/tcp")
    house.ufw("reload")
    return house


@pytest.fixture
def twins(tmp_path: Path):
    """Two houses; one of them has nothing but the slow ways."""
    (tmp_path / "slow").mkdir()
    (tmp_path / "quick").mkdir()
    with open_house(tmp_path / "slow") as slow, open_house(tmp_path / "quick") as quick:
        slow.ask("slowly")
        for house in (slow, quick):
            house.enable()
            house.ufw("allow 22/tcp")
            house.ufw("reload")
        yield slow, quick


def test_files_and_kernel_are_those_of_the_slow_way(twins):
    admin = [
        "limit log 25/tcp comment x",
        "insert 1 deny from 192.0.2.200",
        f"delete reject proto tcp from {V4} to any port 22",
        "route allow in on lo out on lo from 192.0.2.8",
        "logging medium",
    ]
    steps = [
        lambda house: house.apply(MIXED),
        lambda house: house.apply([rule("192.0.2.1"), rule("192.0.2.2", jail="web")]),
        lambda house: house.ufw(admin[0]),
        lambda house: house.apply([rule("192.0.2.3"), rule("2001:db8::3")]),
        lambda house: house.ufw(admin[1]),
        lambda house: house.apply([rule("192.0.2.4")], [rule("192.0.2.1")]),
        lambda house: house.apply([rule("192.0.2.5"), rule("192.0.2.9", "0:100")]),
        lambda house: house.ufw(admin[2]),
        lambda house: house.sync([*MIXED[:4], rule("192.0.2.6")]),
        lambda house: house.apply([rule(V4, jail="web"), rule("2001:db8::4")]),
        lambda house: house.ufw(admin[3]),
        lambda house: house.apply([rule("192.0.2.7")]),
        lambda house: house.ufw(admin[4]),
        lambda house: house.apply([rule("192.0.2.8")]),
        lambda house: sorted(house.ask("present")),
        lambda house: house.ask("look"),
        lambda house: house.ask("flush"),
    ]
    slow, quick = twins
    for number, step in enumerate(steps):
        assert step(slow) == step(quick), number
        assert slow.content() == quick.content(), number
        assert everything(slow) == everything(quick), number
    agrees(quick)


def test_new_rules_are_inserted_and_the_chains_are_those_of_a_reload(active):
    active.ufw("allow from 2001:db8::77")
    active.apply(MIXED)
    active.ask("steps")
    for number in range(3):
        more = [rule(f"192.0.2.{10 * number + n}", "" if n % 2 else "22") for n in range(5)]
        active.apply([*more, rule(f"2001:db8::1{number}"), rule(f"2001:db8::2{number}", "")])
        assert active.ask("steps") == [["insert", 4], ["insert", 6]]
    agrees(active)
    assert active.kernel()[0].startswith("-s 192.0.2.20/32 -p tcp")


def test_nothing_is_listed_or_loaded_while_nobody_changed_anything(active):
    bans = [rule(V4), rule(V6)]
    active.sync(bans)
    active.ask("steps")
    active.run("iptables", "-S")
    assert active.sync(bans) == ["active", 0, 0, []]
    assert active.ask("look") == ["active", 0]
    assert active.ask("steps") == []


@pytest.mark.parametrize(
    "argv",
    [
        ["iptables", "-F", "ufw-user-input"],
        ["iptables", "-D", "ufw-user-input", "2"],
        ["iptables", "-A", "ufw-user-input", "-s", "192.0.2.99", "-j", "DROP"],
        ["iptables", "-N", "unrelated"],
        ["nft", "add", "table", "inet", "unrelated"],
    ],
)
def test_after_somebody_elses_change_all_is_loaded(active, argv):
    active.apply([rule(V4)])
    active.run(*argv)
    active.ask("steps")
    active.apply([rule("192.0.2.1")])
    assert active.ask("steps") == [["load", 4]]
    assert [line.split()[1] for line in active.kernel()[:2]] == ["192.0.2.1/32", f"{V4}/32"]
    agrees(active)


@pytest.mark.parametrize("argv", [["iptables", "-F", "ufw-user-input"], ["iptables", "-N", "x"]])
def test_a_change_by_others_in_the_middle_is_mended(active, argv):
    active.apply([rule(V4)])
    active.ask("between", argv)
    active.ask("steps")
    active.apply([rule("192.0.2.1")])
    assert active.ask("steps") == [["insert", 4], ["load", 4]]
    assert active.kernel()[1:] == [REJECT4, ALLOW]
    agrees(active)


def test_a_change_of_the_file_by_others_is_seen(active):
    active.apply([rule(V4), rule("192.0.2.1")])
    path = active.etc / "user.rules"
    text = path.read_text()
    begin = text.index(f"\n### tuple ### reject tcp 22 0.0.0.0/0 any {V4}")
    path.write_text(text[:begin] + text[text.index("\n### ", begin + 9) :])
    assert active.ask("present") == [rule("192.0.2.1")]
    assert active.apply([rule("192.0.2.2")]) == ["active", 1, 0, []]
    assert V4 not in path.read_text()
    agrees(active)


def test_one_rule_more_than_once_is_dropped_whole(active):
    active.apply([rule(V4), rule("192.0.2.1")])
    path = active.etc / "user.rules"
    text = path.read_text()
    begin = text.index("\n### tuple ###")
    end = text.index("\n### tuple ###", begin + 1)
    path.write_text(text[:begin] + text[begin:end] + text[begin:])
    assert active.apply([], [rule(V4)]) == ["active", 0, 1, []]
    assert V4 not in path.read_text()
    agrees(active)


def test_rules_not_as_ufw_writes_them_go_the_slow_way(active):
    active.apply([rule(V4), rule("192.0.2.1")])
    path = active.etc / "user.rules"
    path.write_text(path.read_text().replace(f"-s {V4} ", f"-s {V4}/32 "))
    assert active.sync([rule(V4)]) == ["active", 0, 1, []]
    assert f"-s {V4} -j" in path.read_text()
    assert active.kernel() == [REJECT4, ALLOW]


def test_a_file_that_ufw_reads_otherwise_is_left_to_ufw(active):
    active.apply([rule(V4)])
    path = active.etc / "user.rules"
    # ufw takes any space there, and so finds a rule more than there seem to be.
    path.write_text(path.read_text().replace("### tuple ### allow", "### tuple ###\tallow"))
    assert active.apply([rule("192.0.2.1")]) == ["active", 1, 0, []]
    assert active.kernel()[1:] == [REJECT4, ALLOW]
    assert "### tuple ### allow" in path.read_text()
    agrees(active)


@pytest.mark.parametrize(
    ("argv", "lost"),
    [
        (["iptables", "-N", "unrelated"], 0),
        (["iptables", "-F", "ufw-user-input"], 3),
        (["iptables", "-D", "ufw-user-input", "1"], 1),
        (["iptables", "-A", "ufw-user-input", "-s", "192.0.2.99", "-j", "DROP"], 0),
        (["ip6tables", "-D", "ufw6-user-input", "1"], 1),
    ],
)
def test_a_look_counts_a_large_roster(active, argv, lost):
    bans = [rule(V4), rule("192.0.2.1"), rule(V6)]
    active.apply(bans)
    active.ask("listed", 1)
    active.run(*argv)
    active.ask("steps")
    assert active.ask("look") == ["active", lost]
    assert active.ask("steps") == []
    active.sync(bans)
    assert active.ask("look") == ["active", 0]


def test_a_look_lists_where_the_kernel_does_not_count(active):
    active.apply([rule(V4), rule("192.0.2.1")])
    active.ask("listed", 1)
    active.ask("uncounted")
    active.run("iptables", "-D", "ufw-user-input", "1")
    assert active.ask("look") == ["active", 1]


def test_a_large_roster_is_loaded_unseen_by_a_new_process(active):
    active.apply([rule(V4)])
    active.ask("many", 1)
    active.ask("afresh")
    active.ask("steps")
    active.sync([rule(V4)])
    assert active.ask("steps") == [["load", 4]]
    active.sync([rule(V4)])
    active.apply([rule("192.0.2.1")])
    assert active.ask("steps") == [["insert", 4]]
