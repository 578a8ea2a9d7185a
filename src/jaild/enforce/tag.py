# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module marks jaild's rules in ufw: by the comment ``jaild:JAIL`` and nothing else."""

from jaild.core.address import Address
from jaild.core.errors import JaildError
from jaild.core.rule import JAIL_NAME, Rule, from_tuple

PREFIX = "jaild:"


def comment_of(jail: str) -> str:
    """Return the comment of a jail's rules."""
    return PREFIX + jail


def encode(comment: str) -> str:
    """Return a comment as ufw's files keep it."""
    return comment.encode().hex()


def jail_of(comment: str) -> str:
    """Return the jail that a comment names, "" when it is not one of jaild's."""
    jail = comment.removeprefix(PREFIX)
    return jail if jail != comment and JAIL_NAME.fullmatch(jail) else ""


def decode(encoded: str) -> str:
    """Return the jail that a comment from ufw's files names, "" when it is not one of jaild's."""
    try:
        return jail_of(bytes.fromhex(encoded).decode("ascii"))
    except ValueError:
        return ""


def rule(jail: str, source: str, ports: str, protocol: str, verdict: str) -> Rule | None:
    """Return the rule that ufw's words stand for; None when jaild would not have written it."""
    known = "" if ports == "any" else ports
    try:
        return from_tuple((jail, Address(source), known, protocol, verdict))
    except JaildError:
        return None
