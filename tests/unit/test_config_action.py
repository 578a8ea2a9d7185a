# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from jaild.config import action, call
from jaild.core.errors import JaildError


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


def test_plan_of_ufw() -> None:
    plan = action.plan(
        'ufw[blocktype=deny][port="ssh", protocol=TCP, name=x, chain="<known/chain>"]'
    )
    assert (plan.ports, plan.protocol, plan.verdict) == ("22", "tcp", "deny")
    assert plan.remarks == ()
    assert action.plan("ufw").ports is None
    assert action.plan("ufw").verdict == "reject"


def test_all_ports() -> None:
    plan = action.plan('ufw[type=allports][port="ssh", protocol="tcp"]')
    assert (plan.ports, plan.protocol) == ("", "any")


def test_mail_is_remarked_once_each() -> None:
    plan = action.plan(
        "ufw[comment=x]\nmail-whois-lines[dest=a@b]\nsendmail-whois\nmail-whois-lines"
    )
    assert len(plan.written) == 4
    assert len(plan.remarks) == 3
    assert all("does not send mail yet" in remark for remark in plan.remarks[:2])
    assert "comment" in plan.remarks[2]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("iptables-multiport[port=ssh]", "no action 'iptables-multiport': it bans through ufw"),
        ("ufw cloudflare", "no action 'cloudflare'"),
        ("mail-whois", "none of the actions bans"),
        ("", "none of the actions bans"),
        ("ufw[blocktyp=deny]", "no parameter 'blocktyp'.*blocktype"),
        ("ufw[blocktype=drop]", "reject or deny"),
        ("ufw[type=all]", "allports or multiport"),
        ("ufw[port=shh]", "'shh' is no service"),
        ("ufw[port=22] ufw[port=23]", "differ"),
    ],
)
def test_plan_refused(text: str, sentence: str) -> None:
    with pytest.raises(JaildError, match=sentence):
        action.plan(text)


def test_banaction() -> None:
    assert action.banaction("ufw[blocktype=deny]").name == "ufw"
    with pytest.raises(JaildError, match="write banaction = ufw"):
        action.banaction("nftables")
