# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module tells of a regular expression what can be told without trying it."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple


class Shape(NamedTuple):
    """What every match has in common.

    ``anchored``: it can only begin where the text does. ``begins``: it begins in a certain way, so
    that it cannot begin with a host's name. ``literal``: the longest text that is in every match,
    "" when there is none; it may be shorter than possible but is never wrong.
    """

    anchored: bool
    begins: bool
    literal: str


def shape_of(expression: str) -> Shape:
    """Return the shape of an expression that compiles."""
    # The parser that the compiled expression went through; private, so a test pins it.
    parsed = re._parser.parse(expression)  # type: ignore[attr-defined] # noqa: SLF001
    return Shape(_is_anchored(parsed), bool(_has_start(parsed)), _longest_literal(parsed))


def _is_anchored(parsed: Any) -> bool:  # noqa: ANN401 - the standard library's own
    if parsed.state.flags & re.MULTILINE or not len(parsed):
        return False
    kind, value = parsed[0]
    return (str(kind), str(value)) in {("AT", "AT_BEGINNING"), ("AT", "AT_BEGINNING_STRING")}


def _has_start(parsed: Iterable[tuple[Any, Any]]) -> bool | None:
    """Return whether a match begins in a certain way, None if it can be empty."""
    for kind, value in parsed:
        start = _start_of(str(kind), value)
        if start is not None:
            return start
    return None


def _start_of(kind: str, value: Any) -> bool | None:  # noqa: ANN401
    if kind == "SUBPATTERN":
        start = _has_start(value[-1])
    elif kind == "BRANCH":
        starts = {_has_start(branch) for branch in value[1]}
        start = False if False in starts else None if None in starts else True
    elif kind in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        start = _start_of_repeated(*value)
    elif kind == "IN":
        start = all(str(member) == "LITERAL" for member, _ in value)
    else:
        start = None if kind in ("AT", "ASSERT", "ASSERT_NOT") else kind == "LITERAL"
    return start


def _start_of_repeated(least: int, _most: int, inner: Any) -> bool | None:  # noqa: ANN401
    if least == 0 and str(inner[0][0]) == "ANY":
        # A run of anything needs nothing before the message, so it matches without as well.
        return True
    start = _has_start(inner)
    return start if least or start is False else None


def _longest_literal(parsed: Any) -> str:  # noqa: ANN401
    # Only what stands outside alternatives, repetitions and options is looked at.
    if parsed.state.flags & re.IGNORECASE:
        return ""
    return max(_runs(parsed), key=len, default="")


def _runs(parsed: Iterable[tuple[Any, Any]]) -> Iterator[str]:
    run: list[str] = []
    for kind, value in parsed:
        name = str(kind)
        if name == "LITERAL":
            run.append(chr(value))
            continue
        yield "".join(run)
        run = []
        if name == "SUBPATTERN" and not value[1] & re.IGNORECASE:
            yield from _runs(value[-1])
    yield "".join(run)
