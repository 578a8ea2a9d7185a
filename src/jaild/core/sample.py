# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module finds a text that a regular expression matches."""

import re
from collections.abc import Iterable
from typing import Any

_BY_CATEGORY = {"CATEGORY_DIGIT": "1", "CATEGORY_SPACE": " "}
_ANY = "x"
_MOST = 100


def sample(expression: str) -> str:
    """Return a short text that the whole expression matches, or "" when none is found easily."""
    try:
        text = _of(re._parser.parse(expression))  # type: ignore[attr-defined] # noqa: SLF001
        return text if re.fullmatch(expression, text) else ""
    except (re.error, RecursionError, OverflowError):
        return ""


def _of(parsed: Iterable[tuple[Any, Any]]) -> str:
    return "".join(_one(str(kind), value) for kind, value in parsed)[:_MOST]


def _one(kind: str, value: Any) -> str:  # noqa: ANN401 - the standard library's own
    if kind == "LITERAL":
        return chr(value)
    if kind == "IN":
        return _member(value)
    if kind == "BRANCH":
        return _of(value[1][0])
    if kind in ("SUBPATTERN", "ATOMIC_GROUP"):
        return _of(value[-1] if kind == "SUBPATTERN" else value)
    if kind in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        return _of(value[2]) * min(int(value[0]), _MOST)
    return _ANY if kind in ("ANY", "NOT_LITERAL") else ""


def _member(choices: Any) -> str:  # noqa: ANN401
    kind, value = choices[0]
    if str(kind) == "LITERAL":
        return chr(value)
    if str(kind) == "RANGE":
        return chr(value[0])
    return _BY_CATEGORY.get(str(value), _ANY)
