# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module says what one message means: a failure, a helper, ignored or a miss."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from jaild.core.address import Address, parse_host
from jaild.core.errors import InvalidAddress, InvalidPattern
from jaild.core.pattern import Pattern, compile_pattern


class Kind(StrEnum):
    """What a line is."""

    FAILURE = "failure"
    HELPER = "helper"
    IGNORED = "ignored"
    MISS = "miss"


class Verdict(NamedTuple):
    """What a filter makes of one message; a tuple, because every matching line makes one.

    ``address`` is None when the line tells none, or none that is valid; ``port`` is the client's
    port as written, "" if not told; ``place`` is the pattern's in failregex, from 0.
    """

    kind: Kind
    address: Address | None = None
    port: str = ""
    user: str | None = None
    place: int | None = None
    pattern: Pattern | None = None


MISS = Verdict(Kind.MISS)


class Filter:
    """The compiled patterns of one filter."""

    def __init__(
        self,
        name: str,
        failregex: Sequence[str],
        ignoreregex: Sequence[str] = (),
        prefregex: str = "",
    ) -> None:
        """Compile all patterns; raises InvalidPattern that names the option and its number."""
        self.name = name
        patterns = _compile("failregex", failregex)
        self._tries = tuple((pattern.literal, pattern) for pattern in patterns)
        self._places = {pattern: place for place, pattern in reversed([*enumerate(patterns)])}
        self._ignored = tuple(_compile("ignoreregex", ignoreregex))
        self._gate = next(iter(_compile("prefregex", [prefregex] if prefregex else [])), None)

    def judge(self, message: str) -> Verdict:
        """Return what a message means; the first matching pattern decides.

        With a prefregex, only messages that it matches are looked at, and the failregexes see the
        part that it calls ``<F-CONTENT>``; ignoreregex always sees the whole message.
        """
        if self._gate is None:
            return self._choose(message, message, {})
        gate = self._gate.match(message)
        if gate is None:
            return MISS
        known = gate.groupdict()
        return self._choose(message, known.get("F_CONTENT") or message, known)

    def _choose(self, message: str, text: str, known: dict[str, str | None]) -> Verdict:
        for literal, pattern in self._tries:
            # Tried here rather than in match(): most messages fail this test, and calls cost.
            if literal not in text:
                continue
            match = pattern.find(text)
            if match is None:
                continue
            place = self._places[pattern]
            if self._ignored and any(ignored.match(message) for ignored in self._ignored):
                return Verdict(Kind.IGNORED, place=place, pattern=pattern)
            parts = match.groupdict()
            if known:
                parts = {**known, **{name: part for name, part in parts.items() if part}}
            return Verdict(
                Kind.FAILURE if pattern.counts else Kind.HELPER,
                _address(parts.get("addr")),
                parts.get("F_PORT") or "",
                parts.get("F_USER"),
                place,
                pattern,
            )
        return MISS


def _compile(option: str, patterns: Sequence[str]) -> list[Pattern]:
    compiled = []
    for number, text in enumerate(patterns, 1):
        try:
            compiled.append(compile_pattern(text))
        except InvalidPattern as error:
            raise InvalidPattern(f"{option}, pattern {number}: {error}") from error
    return compiled


def _address(text: str | None) -> Address | None:
    # Captures are parsed, not believed: 192.030.0.6, names and scope ids are no addresses.
    try:
        return parse_host(text) if text else None
    except InvalidAddress:
        return None
