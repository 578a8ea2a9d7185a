# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

from pathlib import Path

import pytest

from jaild.config import action_names, call
from jaild.config.action import Actions, Plan
from jaild.config.action_names import Kind
from jaild.config.tree import Tree
from jaild.core.errors import InvalidConfig, JaildError


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    tree = Tree(tmp_path / "etc", tmp_path / "shipped")
    (tree.etc / "action.d").mkdir(parents=True)
    return tree


def plan(tree: Tree, text: str, port: str = "22", protocol: str = "tcp") -> Plan:
    return Actions(tree).plan(call.parse(text), port, protocol)


def way(tree: Tree, text: str) -> tuple[str, str, str]:
    found = plan(tree, text)
    return found.ports, found.protocol, found.verdict


def sentences(tree: Tree, text: str) -> list[str]:
    return [sentence for _, sentence in plan(tree, text).remarks]


def test_calls() -> None:
    text = "sshd\n ufw[a=b, c=\"x, ]y\"][d='z', a=e] , mail[ ]"
    assert [(found.name, dict(found.parameters)) for found in call.parse(text)] == [
        ("sshd", {}),
        ("ufw", {"a": "e", "c": "x, ]y", "d": "z"}),
        ("mail", {}),
    ]


def test_conditional_parameter() -> None:
    found = call.parse_one("ufw[blocktype?family=inet6=deny]")
    assert found.parameters == {"blocktype?family=inet6": "deny"}


@pytest.mark.parametrize(
    "text", ["a[", "a[b", "a[b]", 'a[b="c]', "a[b=c", "]", '"a"', "a[b=c'd']", "a b", ""]
)
def test_not_one_call(text: str) -> None:
    with pytest.raises(JaildError):
        call.parse_one(text)


def test_plan_of_ufw(tree: Tree) -> None:
    found = plan(
        tree, 'ufw[blocktype=deny][port="http", protocol=TCP, name=x, chain="<known/chain>"]'
    )
    assert (found.ports, found.protocol, found.verdict) == ("80", "tcp", "deny")
    assert found.remarks == ()
    assert way(tree, "ufw") == ("22", "tcp", "reject")


@pytest.mark.parametrize(
    "text",
    [
        'ufw[type=allports][port="ssh", protocol="tcp"]',
        "iptables-allports[port=ssh]",
        "nftables[type=allports]",
        "pf[actiontype=<allports>]",
        "route",
        "ufw ufw[port='0:65535']",
        "ufw[port=0:65535, protocol=all]",
    ],
)
def test_all_ports(tree: Tree, text: str) -> None:
    assert way(tree, text)[:2] == ("", "any")


@pytest.mark.parametrize(
    ("blocktype", "verdict"),
    [
        ("reject", "reject"),
        ("REJECT --reject-with icmp-port-unreachable", "reject"),
        ("unreachable", "reject"),
        ("DROP", "deny"),
        ("deny", "deny"),
        ("blackhole", "deny"),
    ],
)
def test_verdicts(tree: Tree, blocktype: str, verdict: str) -> None:
    assert way(tree, f'iptables[blocktype="{blocktype}"]')[2] == verdict
    assert way(tree, f'ufw[blocktype="{blocktype}"]')[2] == verdict


def test_firewalls_are_remarked_once_each(tree: Tree) -> None:
    assert sentences(tree, "iptables[port=22, lockingopt=-w]\niptables[port=80]") == [
        "jaild bans through ufw, in place of 'iptables'"
    ]


def test_ports_of_several_actions_add_up(tree: Tree) -> None:
    text = "ufw[port='80,22'] iptables[port='ssh,443']"
    assert way(tree, text) == ("22,80,443", "tcp", "reject")


@pytest.mark.parametrize(
    "text",
    [
        'ufw[port=53, protocol="tcp"] ufw[port=53, protocol="udp"]',
        "ufw[port=1, protocol=tcp] ufw[port=2, protocol=udp]",
        'ufw[protocol="tcp,udp"]',
        "ufw[protocol=all]",
    ],
)
def test_both_protocols_mean_all_ports(tree: Tree, text: str) -> None:
    assert way(tree, text) == ("", "any", "reject")
    (remark,) = sentences(tree, text)
    assert "bans all ports" in remark


def test_comments_and_reports_are_remarked_once_each(tree: Tree) -> None:
    found = plan(tree, "ufw[comment=x]\nmail-whois-lines[dest=a@b]\nabuseipdb\nabuseipdb")
    assert len(found.written) == 4
    assert [piece for piece, _ in found.remarks] == ["ufw", "abuseipdb"]
    assert found.remarks[1][1].startswith("jaild does not report bans to others: 'abuseipdb'")


def test_commands_of_ones_own_are_not_run(tree: Tree) -> None:
    (tree.etc / "action.d/bell.conf").write_text("[Definition]\nactionban = ring <ip>\n")
    (tree.etc / "action.d/bell.py").write_text("print()\n")
    for name in ("bell", "bell.py"):
        (remark,) = sentences(tree, f"ufw\n{name}[tone=c]")
        assert remark.startswith(f"jaild does not run the commands of other actions: '{name}'")
    with pytest.raises(InvalidConfig, match=r"commands of the action 'bell'.*write banaction"):
        plan(tree, "bell")


def test_parameters_from_files_of_actions(tree: Tree) -> None:
    (tree.etc / "action.d/ufw.conf").write_text(
        "[Definition]\nactionban = ufw <add> <blocktype>\n[Init]\nadd = prepend\ncomment = c\n"
        "blocktype = reject\n"
    )
    assert way(tree, "ufw") == ("22", "tcp", "reject")
    assert plan(tree, "ufw").remarks == ()
    local = "[Init]\nblocktype = DROP\nport = 80\ncomment = mine\n"
    (tree.etc / "action.d/ufw.local").write_text(local)
    assert way(tree, "ufw") == ("80", "tcp", "deny")
    assert way(tree, "ufw[blocktype=reject, port=81]") == ("81", "tcp", "reject")
    assert len(plan(tree, "ufw").remarks) == 1


def test_shipped_ports_of_firewalls_do_not_count(tree: Tree) -> None:
    (tree.etc / "action.d/common.conf").write_text("[Init]\nport = ssh\nprotocol = udp\n")
    (tree.etc / "action.d/iptables-new.conf").write_text(
        "[INCLUDES]\nbefore = common.conf\n[Definition]\nblocktype = <how>\n[Init]\nhow = DROP\n"
        "[Init?family=inet6]\nhow = REJECT\n"
    )
    assert plan(tree, "iptables-new", "80").ports == "80"
    assert way(tree, "iptables-new") == ("22", "tcp", "deny")
    assert way(tree, "iptables-new[how=REJECT]") == ("22", "tcp", "reject")
    assert way(tree, "iptables-new[type=allports]") == ("", "any", "deny")


def test_mistake_in_the_file_of_an_action(tree: Tree) -> None:
    (tree.etc / "action.d/ufw.local").write_text("[Init]\n\nblocktype = sulk\n")
    with pytest.raises(InvalidConfig) as caught:
        plan(tree, "ufw")
    assert str(caught.value) == (
        f"{tree.etc}/action.d/ufw.local:3: blocktype is 'sulk'; it has to be reject or deny"
    )


def test_one_verdict_for_both_families(tree: Tree) -> None:
    assert sentences(tree, "ufw[blocktype?family=inet6=deny]") == [
        "blocktype?family=inet6 is not used: a jail bans alike in both families"
    ]
    assert sentences(tree, "ufw[blocktype?family=inet6=REJECT]") == []


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("iptables-multipotr[port=ssh]", "no action 'iptables-multipotr'.*iptables-multiport?"),
        ("ufw clodflare", "no action 'clodflare'.*cloudflare?"),
        ("xyz", "no action 'xyz', and jaild bans through ufw .write banaction = ufw"),
        ("mail-whois", "none of the actions bans .write action = %"),
        ("cloudflare", "none of the actions bans"),
        ("", "none of the actions bans"),
        ("ufw[blocktyp=deny]", "no parameter 'blocktyp'.*blocktype"),
        ("ufw[blocktype=quietly]", "reject or deny"),
        ("iptables[blocktype=RETURN]", "lets addresses in"),
        ("ufw[type=all]", "allports or multiport"),
        ("ufw[port=shh]", "'shh' is no service"),
        ("ufw[port=70000]", "'70000' is not a port"),
        ("ufw[port=22] ufw[port=23, blocktype=deny]", "some of its actions reject and some deny"),
    ],
)
def test_plan_refused(tree: Tree, text: str, sentence: str) -> None:
    with pytest.raises(InvalidConfig, match=sentence):
        plan(tree, text)


def test_actions_that_ban(tree: Tree) -> None:
    actions = Actions(tree)
    actions.check(call.parse_one("ufw[blocktype=deny]"))
    actions.check(call.parse_one("nftables"))
    for name in ("mail", "abuseipdb", "nftabels"):
        with pytest.raises(InvalidConfig) as caught:
            actions.check(call.parse_one(name))
        assert caught.value.text == name


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ufw", Kind.UFW),
        ("firewallcmd-rich-rules", Kind.FIREWALL),
        ("sendmail-whois-ipjailmatches", Kind.MAIL),
        ("mail-buffered", Kind.MAIL),
        ("blocklist_de", Kind.REPORT),
        ("smtp-whois-lines", Kind.MAIL),
        ("smtp.py", Kind.MAIL),
        ("mailbox", Kind.UNKNOWN),
        ("mutt-whois", Kind.UNKNOWN),
        ("sendmail-whios", Kind.UNKNOWN),
    ],
)
def test_kinds(name: str, kind: Kind) -> None:
    assert action_names.kind(name) == kind
