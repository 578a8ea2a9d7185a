# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module says what one message means: a failure, a helper, ignored or a miss."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from jaild.core.address import Address, parse_host
from jaild.core.errors import InvalidAddress, InvalidPattern
from jaild.core.pattern import Pattern, compile_pattern


class Kind(StrEnum):
    """What a line is."""

    FAILURE = "failure"
    HELPER = "helper"
    IGNORED = "ignored"
    MISS = "miss"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a filter makes of one message.

    ``address`` is None when the line tells none, or none that is valid; ``port`` is the client's
    port as written, "" if not told; ``index`` is the pattern's place in failregex, from 0.
    """

    kind: Kind
    address: Address | None = None
    port: str = ""
    user: str | None = None
    index: int | None = None
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
        self._patterns = tuple(_compile("failregex", failregex))
        self._ignored = tuple(_compile("ignoreregex", ignoreregex))
        self._gate = next(iter(_compile("prefregex", [prefregex] if prefregex else [])), None)

    def judge(self, message: str) -> Verdict:
        """Return what a message means; the first matching pattern decides.

        With a prefregex, only messages that it matches are looked at, and the failregexes see the
        part that it calls ``<F-CONTENT>``; ignoreregex always sees the whole message.
        """
        known: dict[str, str | None] = {}
        text = message
        if self._gate is not None:
            gate = self._gate.match(message)
            if gate is None:
                return MISS
            known = gate.groupdict()
            text = known.get("F_CONTENT") or message
        for index, pattern in enumerate(self._patterns):
            # Tried here rather than in match(): most messages fail this test, and calls cost.
            if pattern.literal not in text:
                continue
            match = pattern.regex.search(text)
            if match is None:
                continue
            if any(ignored.match(message) for ignored in self._ignored):
                return Verdict(Kind.IGNORED, index=index, pattern=pattern)
            known.update((name, part) for name, part in match.groupdict().items() if part)
            return _verdict(pattern, index, known)
        return MISS


def _verdict(pattern: Pattern, index: int, parts: dict[str, str | None]) -> Verdict:
    return Verdict(
        Kind.FAILURE if pattern.counts else Kind.HELPER,
        _address(parts.get("addr")),
        parts.get("F_PORT") or "",
        parts.get("F_USER"),
        index,
        pattern,
    )


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
