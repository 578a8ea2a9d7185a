# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes wrong with a real ufw, and what others do to it."""

import re
import shutil
from pathlib import Path

import pytest

from tests.integration.ufw_house import (
    REJECT4,
    REJECT6,
    V4,
    V6,
    Failed,
    can_unshare,
    rule,
)

pytestmark = [
    pytest.mark.integration,
    pytest.mark.root,
    pytest.mark.skipif(not can_unshare(), reason="needs root, ufw and namespaces"),
]


LEGACY = Path("/usr/sbin/xtables-legacy-multi")


def test_after_reset_everything_comes_back(active):
    active.apply([rule(V4), rule(V6)])
    active.run("ufw", "--force", "reset")
    assert active.sync([rule(V4), rule(V6)]) == ["inactive", 2, 0, []]
    active.enable()
    assert active.kernel() == [REJECT4]


def test_a_rule_deleted_by_hand_is_mended(active):
    active.ufw("allow 22/tcp")
    active.apply([rule(V4), rule(V6)])
    active.run("iptables", "-D", "ufw-user-input", "1")
    active.run("ip6tables", "-F", "ufw6-user-input")
    assert active.ask("look") == ["active", 2]
    assert active.sync([rule(V4), rule(V6)]) == ["active", 0, 0, []]
    assert active.kernel()[0] == REJECT4
    assert active.kernel(6)[0] == REJECT6
    active.ufw(f"delete reject proto tcp from {V4} to any port 22")
    assert active.sync([rule(V4), rule(V6)]) == ["active", 1, 0, []]
    assert active.kernel()[0] == REJECT4


def test_unhooked_chains_are_not_called_active(active):
    active.apply([rule(V4)])
    active.run("iptables", "-F")
    assert active.apply([rule("192.0.2.1")]) == ["inactive", 1, 0, []]
    active.ufw("reload")
    assert len(active.kernel()) == 2


def test_ipv6_switched_off(active):
    active.apply([rule(V6)])
    default = active.root / "default"
    default.write_text(default.read_text().replace("IPV6=yes", "IPV6=no"))
    answer = active.apply([rule(V4), rule("2001:db8::8")])
    assert answer == [
        "active",
        1,
        0,
        [["sshd", "2001:db8::8", "IPv6 is switched off in /etc/default/ufw"]],
    ]
    assert active.kernel() == [REJECT4]
    assert V6 in (active.etc / "user6.rules").read_text()
    assert active.ask("flush") == 2
    assert V6 not in (active.etc / "user6.rules").read_text()
    assert active.kernel() + active.kernel(6) == []


def old_kind(house):
    """Let a house have iptables of the old kind."""
    if not LEGACY.exists():
        pytest.skip("needs iptables of the old kind")
    house.run("mount", "--bind", str(LEGACY), str(LEGACY.with_name("xtables-nft-multi")))
    assert "legacy" in house.run("iptables", "--version")


def test_with_iptables_of_the_old_kind_what_is_lost_is_noticed(house):
    old_kind(house)
    house.enable()
    bans = [rule(V4), rule("198.51.100.8")]
    house.sync(bans)
    for _ in range(2):
        assert house.ask("look") == ["active", 0]
        house.run("iptables", "-F", "ufw-user-input")
        assert house.ask("look") == ["active", 2]
        assert house.sync(bans) == ["active", 0, 0, []]
        assert house.kernel()[0] == REJECT4


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda text: text.replace("COMMIT\n", ""), "does not end with COMMIT"),
        (lambda _: "", "does not end with COMMIT"),
        (lambda text: text.replace("allow tcp 22", "allow tcp", 1), "understands 0 of its 1"),
        (lambda text: text.replace("allow tcp 22", "allow tcp x", 1), "understands 0 of its 1"),
        (lambda text: text.replace(" in\n", " in comment=61 comment=62\n"), "ufw cannot read"),
        (lambda text: text.replace("RULES", "R\udcffLES"), "ufw cannot read"),
    ],
)
def test_damaged_files_are_not_written_over(active, damage, sentence):
    active.ufw("allow 22/tcp")
    path = active.etc / "user.rules"
    text = damage(path.read_text())
    path.write_bytes(text.encode(errors="surrogateescape"))
    kernel = active.kernel()
    assert active.apply([rule(V4), rule(V6)]) == ["active", 1, 0, []]
    assert re.search(sentence, active.ask("problem"))
    assert path.read_bytes() == text.encode(errors="surrogateescape")
    assert active.kernel() == kernel
    assert active.kernel(6)[0] == REJECT6
    for question in ("present", "flush"):
        with pytest.raises(Failed, match=sentence) as caught:
            active.ask(question)
        assert caught.value.kind == "FirewallFailed"


def test_with_both_files_damaged_nothing_changes(active):
    for name in ("user.rules", "user6.rules"):
        (active.etc / name).write_text("")
    with pytest.raises(Failed, match=r"user\.rules is damaged.*user6\.rules is damaged"):
        active.apply([rule(V4)])
    assert active.kernel() + active.kernel(6) == []


def test_missing_files_are_told(active):
    """Without one of its files ufw itself does nothing."""
    (active.etc / "user6.rules").unlink()
    with pytest.raises(Failed, match=r"user6\.rules"):
        active.apply([rule(V4)])
    assert active.kernel() == []


def test_what_is_mended_is_put_in_force(active):
    bans = [rule(V4), rule(V6)]
    active.sync(bans[:1])
    path = str(active.etc / "user6.rules")
    shutil.copy(path, f"{path}.whole")
    steps = [["truncate", "-s", "100", "/etc/ufw/user6.rules"]]
    assert "it does not end with COMMIT" in active.ask("drift", bans[:1], steps, 4)[0]
    assert active.sync(bans) == ["active", 0, 0, []]
    assert active.kernel(6) == []
    steps = [["cp", "/etc/ufw/user6.rules.whole", "/etc/ufw/user6.rules"]]
    assert active.ask("drift", bans, steps, 4) == ["ufw's files are whole again"]
    assert active.kernel(6) == [REJECT6]
    assert active.ask("problem") == ""


def test_a_crash_before_the_files_are_replaced(active):
    active.ufw("allow 22/tcp")
    active.apply([rule(V4)])
    before = active.content()
    assert active.ask("crash", [rule("203.0.113.9"), rule(V6)]) == 9
    assert active.content() == before
    assert "203.0.113.9" in active.kernel()[0]
    assert ".user.rules.jaild" in active.files()
    assert active.sync([rule(V4)]) == ["active", 0, 0, []]
    assert active.kernel()[0] == REJECT4
    assert active.kernel(6)[0] == "-p tcp -m tcp --dport 22 -j ACCEPT"
    assert active.files() == ["user.rules", "user6.rules"]


def test_a_crash_between_the_two_files(active):
    active.ufw("allow 22/tcp")
    bans = [rule(V4), rule(V6)]
    assert active.ask("crash", bans, 1) == 9
    assert [V4.encode() in active.content()[0], V6.encode() in active.content()[1]] == [True, False]
    assert active.sync(bans) == ["active", 1, 0, []]
    assert active.kernel()[0] == REJECT4
    assert active.kernel(6)[0] == REJECT6
    assert V6.encode() in active.content()[1]
    assert active.files() == ["user.rules", "user6.rules"]


def test_a_crash_between_the_two_files_leaves_nothing_that_is_not_meant(active):
    assert active.ask("crash", [rule(V4), rule(V6)], 1) == 9
    assert active.sync() == ["active", 0, 1, []]
    assert active.kernel() + active.kernel(6) == []
    assert active.files() == ["user.rules", "user6.rules"]


def test_what_a_program_has_done_before_it_was_too_slow_is_taken_back(active, tmp_path):
    active.apply([rule(V4), rule(V6)])
    before = active.content(), active.kernel(), active.kernel(6)
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "ip6tables").symlink_to(shutil.which("ip6tables") or "")
    slow = tools / "ip6tables-restore"
    slow.write_text('#!/bin/sh\n/usr/sbin/ip6tables-restore "$@"\nexec sleep 5\n')
    slow.chmod(0o755)
    active.ask("tools6", str(tools))
    active.ask("time_limit", 1)
    with pytest.raises(Failed, match="ip6tables-restore did not end within 1 s"):
        active.apply([rule("192.0.2.1"), rule("2001:db8::1")], [rule(V6)])
    assert (active.content(), active.kernel(), active.kernel(6)) == before


def test_one_family_failing_changes_neither(active, tmp_path):
    active.apply([rule(V4), rule(V6)])
    before = active.content(), active.kernel(), active.kernel(6)
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "ip6tables").symlink_to(shutil.which("ip6tables") or "")
    broken = tools / "ip6tables-restore"
    broken.write_text("#!/bin/sh\necho 'no such\nluck' >&2\nexit 2\n")
    broken.chmod(0o755)
    active.ask("tools6", str(tools))
    with pytest.raises(Failed, match="ip6tables-restore failed: no such luck"):
        active.apply([rule("192.0.2.1"), rule("2001:db8::1")], [rule(V4)])
    assert (active.content(), active.kernel(), active.kernel(6)) == before
    assert active.files() == ["user.rules", "user6.rules"]


def test_the_lock_is_waited_for_but_not_for_ever(active):
    active.ask("hold_lock", 0.5)
    assert active.apply([rule(V4)])[1] == 1
    assert active.seconds > 0.3
    active.ask("patience", 0.2)
    active.ask("hold_lock", 2)
    with pytest.raises(Failed, match="another ufw command"):
        active.apply([rule(V6)])
    with pytest.raises(Failed) as caught:
        active.ask("look")
    assert caught.value.kind == "Busy"
    assert active.seconds < 0.1


def test_what_ufw_does_not_take_is_refused_alone(active):
    answer = active.apply([rule(V4, "0:100", jail="web"), rule(V4)])
    assert answer[:3] == ["active", 1, 0]
    assert [refused[:2] for refused in answer[3]] == [["web", V4]]
    assert active.kernel() == [REJECT4]


def test_by_command_line(active):
    active.ufw("allow 22/tcp")
    active.ask("by_command")
    bans = [rule(V4), rule(V6), rule("198.51.100.0/24", "", verdict="deny")]
    assert active.apply(bans) == ["active", 3, 0, []]
    assert active.kernel()[-1] == "-p tcp -m tcp --dport 22 -j ACCEPT"
    assert REJECT4 in active.kernel()
    assert active.sync(bans[:2]) == ["active", 0, 1, []]
    assert active.apply([["other", *bans[0][1:]]])[3][0][:2] == ["other", V4]
    assert active.ask("flush") == 2
    assert len(active.status()) == 2


@pytest.mark.parametrize("kind", ["nft", "legacy"])
def test_what_others_do_while_a_change_is_being_finished_is_noticed(house, kind):
    if kind == "legacy":
        old_kind(house)
    house.enable()
    house.sync([rule(V4)])
    flush = ["iptables", "-F", "ufw-user-input"]
    seen = house.ask("meanwhile", [rule(V4), rule("198.51.100.8")], flush, 4)
    assert seen == ["the kernel has lost 2 of jaild's rules"]
    assert len(house.kernel()) == 2


def test_drift_is_noticed_and_own_changes_are_not(active):
    active.ufw("allow 22/tcp")
    delete = ["iptables", "-D", "ufw-user-input", "1"]
    assert active.ask("drift", [rule(V4)], [["iptables", "-N", "unrelated"]], 1.5) == []
    seen = active.ask("drift", [rule(V4)], [delete, ["ufw", "reload"]], 5)
    assert seen == ["the kernel has lost 1 of jaild's rules"]
    seen = active.ask("drift", [rule(V4)], [["ufw", "disable"], ["ufw", "--force", "enable"]], 8)
    assert seen == ["ufw has become inactive", "ufw has become active"]
    assert active.kernel()[0] == REJECT4
