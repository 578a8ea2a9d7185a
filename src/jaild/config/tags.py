# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module replaces ``<option>`` in filter values; names may be nested, as in ``<mdre-<mode>>``.

A name that nobody defines stays as it is: ``<HOST>`` and ``<F-USER>`` are the patterns' own.
"""

import re
from collections.abc import Callable

from jaild.core.errors import InvalidConfig

MAX_TEXT = 64 * 1024
MAX_ROUNDS = 25

# The innermost names first. A group's name in a pattern, (?P<name>…), is no tag.
_TAG = re.compile(r"(?<!\?P)<(?P<name>[\w./?=-]{1,100})>")

Lookup = Callable[[str], str | None]


def substitute(text: str, lookup: Lookup) -> str:
    """Return text with all names put in that lookup knows.

    Raises InvalidConfig, without a place, for names that lead back to themselves and for results
    longer than 64 KiB.
    """
    for _ in range(MAX_ROUNDS):
        replaced = _round(text, lookup)
        if replaced == text:
            return text
        text = replaced
    raise InvalidConfig("the options named in <…> refer to each other in a circle")


def _round(text: str, lookup: Lookup) -> str:
    parts: list[str] = []
    size = position = 0
    for tag in _TAG.finditer(text):
        known = lookup(tag["name"])
        parts += text[position : tag.start()], tag[0] if known is None else known
        size += len(parts[-2]) + len(parts[-1])
        position = tag.end()
        if size > MAX_TEXT:
            break
    parts.append(text[position:])
    if size + len(parts[-1]) > MAX_TEXT:
        raise InvalidConfig("this value is longer than 64 KiB with its <…> put in")
    return "".join(parts)
