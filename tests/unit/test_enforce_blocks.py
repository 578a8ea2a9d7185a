# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""ufw's rules files, taken apart and put together without ufw."""

import pytest

from jaild.core.address import Address
from jaild.core.rule import Rule
from jaild.enforce import blocks, tag
from jaild.enforce.blocks import Form

HEAD = "*filter\n:ufw-user-input - [0:0]\n### RULES ###\n"
TAIL = "\n### END RULES ###\n\n### LOGGING ###\n### END LOGGING ###\nCOMMIT\n"
ADMIN = (
    "\n### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in\n"
    "-A ufw-user-input -p tcp --dport 22 -j ACCEPT\n"
)
SPECIMEN = Address("192.0.2.1")
A, B = (
    Rule("sshd", Address("198.51.100.1"), "22", "tcp"),
    Rule("sshd", Address("198.51.100.2"), "22", "tcp"),
)


def block(rule: Rule) -> str:
    comment = tag.encode(tag.comment_of(rule.jail))
    return (
        f"\n### tuple ### reject tcp 22 0.0.0.0/0 any {rule.address} in comment={comment}\n"
        f"-A ufw-user-input -p tcp --dport 22 -s {rule.address} -j REJECT --reject-with tcp-reset\n"
    )


FORM = blocks.form(
    HEAD + block(Rule("sshd", SPECIMEN, "22", "tcp")) + TAIL, SPECIMEN, "ufw-user-input"
)


def form_of(rule: Rule) -> Form | None:
    return FORM if rule.jail == "sshd" else None


def scan(*pieces: str):
    text = "".join((HEAD, *pieces, TAIL))
    items, rest = blocks.scan(text.encode(), form_of)
    return items, rest.decode()


def test_a_form_is_the_block_for_any_address():
    assert FORM is not None
    assert FORM.block(A.address) == block(A)
    assert FORM.insertion(A.address) == "-I" + block(A).splitlines()[-1][2:] + "\n"


@pytest.mark.parametrize(
    "text",
    [
        HEAD + TAIL,
        HEAD + block(A) + TAIL,
        HEAD + block(Rule("sshd", SPECIMEN)) * 2 + TAIL,
        HEAD + block(Rule("sshd", SPECIMEN)) + "-A ufw-user-input -j DROP\n" + TAIL,
        HEAD + block(Rule("sshd", SPECIMEN)).replace("-user-input", "-user-output") + TAIL,
        HEAD + block(Rule("sshd", SPECIMEN)).replace("-s ", "-d 192.0.2.1 -s ") + TAIL,
        HEAD + block(Rule("sshd", SPECIMEN)),
    ],
)
def test_what_is_not_surely_a_form_is_none(text):
    assert blocks.form(text, SPECIMEN, "ufw-user-input") is None


def test_jailds_rules_are_taken_out_wherever_they_stand():
    assert scan() == ([], HEAD + TAIL)
    assert scan(block(A), block(B)) == ([A, B], HEAD + TAIL)
    assert scan(block(A), ADMIN, block(B), ADMIN) == ([A, None, B, None], HEAD + ADMIN * 2 + TAIL)
    assert scan(block(A), block(A)) == ([A, A], HEAD + TAIL)


@pytest.mark.parametrize(
    "other",
    [
        block(A).replace("dport 22", "dport 23"),
        block(A).replace("tuple ### reject", "tuple ### deny"),
        block(A).replace("-j REJECT", "-m comment -j REJECT"),
        block(A).replace(" in comment", " in_eth0 comment"),
        block(A).replace(A.address, "198.51.100.256"),
        block(A).replace("-s 198.51.100.1", "-s 198.51.100.3"),
        block(A).replace("198.51.100.1", "198.51.100.1/32"),
        block(A).replace(tag.encode("jaild:sshd"), tag.encode("jaild:other")),
        block(A).replace(tag.encode("jaild:sshd"), tag.encode("xjaild:sshd")),
        block(A) + "-A ufw-user-input -j DROP\n",
        block(A) + "# somebody's words\n",
        block(A)[:-1],
    ],
)
def test_whatever_differs_in_a_letter_is_left_to_ufw(other):
    assert scan(block(B), other, ADMIN) == ([B, None, None], HEAD + other + ADMIN + TAIL)


@pytest.mark.parametrize(
    "text",
    [
        HEAD + block(A),
        HEAD + block(A) + TAIL + TAIL,
        TAIL + HEAD + block(A),
        HEAD + "# words\n" + block(A) + TAIL,
        HEAD + block(A) + "# \u20ac\n" + TAIL,
        "",
    ],
)
def test_another_kind_of_file_is_left_to_ufw(text):
    assert blocks.scan(text.encode(), form_of) == (None, text.encode())


def test_what_is_taken_apart_is_put_together():
    text = HEAD + block(A) + ADMIN + block(B) + ADMIN.replace("22", "25") + TAIL
    items, rest = blocks.scan(text.encode(), form_of)
    parts = blocks.split(rest.decode())
    assert parts is not None
    own = [None if item is None else block(item) for item in items]
    assert "".join(blocks.merge(parts, own)) == text
