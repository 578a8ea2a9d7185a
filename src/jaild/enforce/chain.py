# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module asks the kernel how many rules a chain has, which it knows without listing them."""

from jaild.enforce import netlink
from jaild.enforce.netfilter import Question

_TABLE = 1
_NAME = 3
_USE = Question(kind=4, answer=3, number=6)


def use(family: int, table: str, name: str) -> int | None:
    """Return how many rules are in a chain or jump to it; None if the kernel knows no such chain.

    ``family`` is AF_INET or AF_INET6. iptables of the old kind has its chains elsewhere, and those
    of nf_tables may be left from before.
    """
    words = netlink.attribute(_TABLE, _text(table)) + netlink.attribute(_NAME, _text(name))
    return _USE.ask(family, words)


def parse(data: bytes) -> int | None:
    """Return the number in the kernel's answer; None if there is none."""
    return _USE.parse(data)


def _text(word: str) -> bytes:
    return word.encode() + b"\0"
