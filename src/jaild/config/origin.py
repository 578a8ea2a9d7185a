# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module finds the line that each pattern of a list was written on.

A list such as failregex is put together from lines of its own and from whole other options.
"""

import re
from collections.abc import Callable
from dataclasses import replace

from jaild.config import tags, values
from jaild.config.definition import DEFINITION, Use
from jaild.config.layers import Value
from jaild.core.errors import InvalidConfig

Place = tuple[str, int]
# Returns a text of a value's place with everything put in; raises InvalidConfig.
Expand = Callable[[Value], str]

_DEPTH = 10
_REFERENCE = re.compile(r"%\((?P<percent>[^()%]{1,200})\)s|<(?P<tag>.{1,200})>")


def origins(use: Use, option: str, override: Value | None, expand: Expand) -> list[Place]:
    """Return the places of the lines of an option, in their order.

    ``override`` is what a jail says in the option's place, and ``expand`` puts in what it names.
    Nothing is returned where that cannot be told.
    """
    value = override or use.definition.value(option)
    if not value:
        return []
    try:
        return _of(use, option, value, expand if override else use.expand, 0)
    except InvalidConfig:
        return []


def _of(use: Use, option: str, value: Value, expand: Expand, depth: int) -> list[Place]:
    found: list[Place] = []
    texts = value.text.split("\n")
    for text, line in zip(texts, value.lines or (value.line,) * len(texts), strict=False):
        whole = _whole(use, text.strip(), value, is_override=expand != use.expand)
        if whole and depth < _DEPTH:
            found += _of(use, option, whole, use.expand, depth + 1)
        else:
            count = len(values.lines(expand(replace(value, text=text))))
            found += [(value.path, line)] * count
    return found


def _whole(use: Use, text: str, value: Value, *, is_override: bool) -> Value | None:
    """Return the value that a line wholly consists of, if it is one of the definition's own."""
    match = _REFERENCE.fullmatch(text)
    if not match:
        return None
    reference = match["percent"] or tags.substitute(match["tag"], use.lookup)
    scope, _, option = reference.lower().rpartition("/")
    if scope == "known":
        earlier = use.definition.layers.before(value.layer, DEFINITION, option)
        return use.definition.value(option) if is_override else earlier
    if scope or is_override or use.is_given(option):
        return None
    return use.definition.value(option)
