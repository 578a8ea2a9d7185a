# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module compiles one pattern of the filter language.

A pattern is a regular expression of Python's ``re`` with tags. Addresses: ``<HOST>``, ``<ADDR>``,
``<IP4>``, ``<IP6>``. Named parts: ``<F-USER>…</F-USER>``, and ``<F-PORT/>`` for one run without
blanks. Of these, some steer the counting (the names are fail2ban's, except the last three, which
are jaild's own):

- ``F-NOFAIL``: no failure, the line only tells facts about its connection
- ``F-MLFFORGET``: the connection is over; ``F-MLFGAINED``: it was let in
- ``F-STEP1`` … ``F-STEP9``: the lines that tell of one login attempt come in rising steps
- ``F-ONCE``: counts only if the connection has counted nothing yet
- ``F-HEARSAY``: the address may be the client's words and must agree with what is known already
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from jaild.core.errors import InvalidPattern

_IP4 = r"(?:::[fF]{4}:)?\d{1,3}(?:\.\d{1,3}){3}"
_IP6 = r"[0-9a-fA-F]{0,4}:[0-9a-fA-F:]{1,39}(?:\.\d{1,3}){0,3}(?:%[0-9A-Za-z_.-]{1,16})?"
_DNS = r"[\w.^_-]*\w"

_ADDRESSES = {
    "HOST": rf"\[?(?P<addr>{_IP4}|{_IP6}|{_DNS})\]?",
    "ADDR": rf"\[?(?P<addr>{_IP4}|{_IP6})\]?",
    "IP4": rf"(?P<addr>{_IP4})",
    "IP6": rf"\[?(?P<addr>{_IP6})\]?",
}

_TAG = re.compile(r"<(/?)(HOST|ADDR|IP4|IP6|F-[A-Z0-9_]+)(/?)>")
# Tags that carry no text of their own: self-closed, they match nothing and only mark the pattern.
_MARKS = re.compile(r"F-(NOFAIL|MLFFORGET|MLFGAINED|STEP[1-9]|ONCE|HEARSAY)")


@dataclass(frozen=True, slots=True)
class Pattern:
    """One compiled pattern.

    ``literal`` is the longest text that every matching message contains ("" when there is none): a
    message without it is not tried. ``find`` is the regular expression's search, or its match where
    that is the same and quicker to fail. ``step`` is 0 for a pattern outside any attempt.
    """

    find: Callable[[str], re.Match[str] | None]
    literal: str
    counts: bool
    forgets: bool
    step: int
    once: bool
    hearsay: bool

    def match(self, message: str) -> re.Match[str] | None:
        """Return the match of a whole message, or None."""
        return self.find(message) if self.literal in message else None


def compile_pattern(text: str) -> Pattern:
    """Compile one pattern; raises InvalidPattern with the reason."""
    expression = _TAG.sub(_expand, text)
    try:
        regex = re.compile(expression)
    except (re.error, RecursionError, OverflowError) as error:
        raise InvalidPattern(f"'{text}' is not a pattern: {error}") from error
    marks = set(regex.groupindex)
    steps = [int(name[-1]) for name in marks if re.fullmatch("F_STEP[1-9]", name)]
    parsed = _parse(expression)
    return Pattern(
        regex.match if _is_anchored(parsed) else regex.search,
        literal=_longest_literal(parsed),
        counts=not marks & {"F_NOFAIL", "F_MLFGAINED"},
        forgets=bool(marks & {"F_MLFFORGET", "F_MLFGAINED"}),
        step=max(steps, default=0),
        once="F_ONCE" in marks,
        hearsay="F_HEARSAY" in marks,
    )


def _expand(tag: re.Match[str]) -> str:
    closing, name, alone = tag[1], tag[2], tag[3]
    if name in _ADDRESSES:
        return _ADDRESSES[name]
    if closing:
        return ")"
    group = f"(?P<{name.replace('-', '_')}>"
    if not alone:
        return group
    return group + ("" if _MARKS.fullmatch(name) else r"\S+") + ")"


def _parse(expression: str) -> Any:  # noqa: ANN401 - the standard library's own
    # The parser that the compiled expression went through; private, so a test pins it.
    return re._parser.parse(expression)  # type: ignore[attr-defined] # noqa: SLF001


def _is_anchored(parsed: Any) -> bool:  # noqa: ANN401
    """Return whether a match can only begin where the text does."""
    if parsed.state.flags & re.MULTILINE or not len(parsed):
        return False
    kind, value = parsed[0]
    return (str(kind), str(value)) in {("AT", "AT_BEGINNING"), ("AT", "AT_BEGINNING_STRING")}


def _longest_literal(parsed: Any) -> str:  # noqa: ANN401
    """Return the longest run of characters that any match must contain.

    Only what stands outside alternatives, repetitions and options is looked at, so the answer may
    be shorter than possible but is never wrong.
    """
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
