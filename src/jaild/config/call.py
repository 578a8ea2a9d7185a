# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module reads ``name[option=value, other="a, b"][more='x']``: filters and actions by name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from jaild.core.errors import InvalidConfig

MAX_CALLS = 100

_NAME = re.compile(r"[^\s\[\],;\"']{1,100}")
_BLANK = re.compile(r"[\s,]*")
_OPTION = re.compile(r"[\s,]*(?P<name>[\w.-]{1,100}(?:\?\w{1,20}=\w{1,20})?)\s*=\s*")
_QUOTED = re.compile(r"\"([^\"]*)\"|'([^']*)'")
_BARE = re.compile(r"[^,\]\"'\n]*")


@dataclass(frozen=True, slots=True)
class Call:
    """A filter or an action by name, with its parameters; ``text`` is how it was written."""

    name: str
    parameters: Mapping[str, str]
    text: str


def parse_one(text: str) -> Call:
    """Return the one call that text consists of; raises InvalidConfig."""
    calls = parse(text)
    if len(calls) != 1:
        raise InvalidConfig("it has to be one name, with its parameters in [brackets]")
    return calls[0]


def parse(text: str) -> tuple[Call, ...]:
    """Return the calls of a list separated by blanks or line ends; raises InvalidConfig."""
    calls: list[Call] = []
    position = _skip(text, 0)
    while position < len(text):
        start = position
        name = _NAME.match(text, position)
        if not name or len(calls) >= MAX_CALLS:
            raise InvalidConfig(f"'{_shown(text, position)}' is not a name with [parameters]")
        position = name.end()
        parameters: dict[str, str] = {}
        while text.startswith("[", position):
            position = _group(text, position + 1, parameters)
        calls.append(Call(name[0], parameters, text[start:position]))
        position = _skip(text, position)
    return tuple(calls)


def _group(text: str, position: int, parameters: dict[str, str]) -> int:
    """Read ``a=b, c="d"]`` into parameters and return where it ends."""
    while True:
        position = _skip(text, position)
        if text.startswith("]", position):
            return position + 1
        option = _OPTION.match(text, position)
        if not option:
            raise InvalidConfig(
                f"'{_shown(text, position)}' is not option=value followed by , or ]"
            )
        position = option.end()
        quoted = _QUOTED.match(text, position)
        if quoted:
            value = quoted[1] if quoted[1] is not None else quoted[2]
        else:
            quoted = _BARE.match(text, position)
            value = quoted[0].strip() if quoted else ""
        parameters[option["name"]] = value
        position = _skip_blanks(text, quoted.end() if quoted else position)
        if not text.startswith((",", "]"), position):
            raise InvalidConfig(f"'{_shown(text, position)}' stands where , or ] was expected")


def _skip(text: str, position: int) -> int:
    blank = _BLANK.match(text, position)
    return blank.end() if blank else position


def _skip_blanks(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position


def _shown(text: str, position: int) -> str:
    rest, _, _ = text[position : position + 30].partition("\n")
    return rest or "the end"
