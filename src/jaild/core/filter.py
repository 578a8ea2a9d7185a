# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module says what one message means: a failure, a helper, ignored or a miss."""

import re
from collections.abc import Sequence
from enum import Enum, StrEnum
from typing import NamedTuple

from jaild.core.address import Address, parse, parse_host
from jaild.core.errors import InvalidAddress, InvalidPattern
from jaild.core.pattern import ADDRESSES, Pattern, compile_pattern
from jaild.core.sample import sample


class Kind(StrEnum):
    """What a line is."""

    FAILURE = "failure"
    HELPER = "helper"
    IGNORED = "ignored"
    MISS = "miss"


class Correlation(Enum):
    """What the lines of a connection have to do with each other.

    NONE: nothing, each stands for itself. ATTEMPTS: one login attempt counts once (jaild's own
    marks). MERGED: as filters written for fail2ban expect it (F-MLFID).
    """

    NONE = 0
    ATTEMPTS = 1
    MERGED = 2


class Verdict(NamedTuple):
    """What a filter makes of one message; a tuple, because every matching line makes one.

    ``address`` is None when the line tells none, or none that is valid; ``written`` is what stands
    in its place; ``port`` is the client's port as written, "" if not told; ``place`` is the
    pattern's in failregex, from 0; ``key`` names the connection (F-MLFID), None if the filter does
    not; ``gained`` and ``forgets`` say that it was let in, that it is over; ``distinct`` is the
    text that tells this failure from others of the same address.
    """

    kind: Kind
    address: Address | None = None
    port: str = ""
    user: str | None = None
    place: int | None = None
    pattern: Pattern | None = None
    key: str | None = None
    written: str = ""
    gained: bool = False
    forgets: bool = False
    distinct: str = ""


MISS = Verdict(Kind.MISS)

_Parts = dict[str, str | None]


class Filter:
    """The compiled patterns of one filter.

    ``prefixed`` are patterns that were written for lines beginning with syslog's ``host
    ident[pid]: ``, and ``daemon`` is the expression for its ident: where an entry has no word about
    its sender, a prefix is made up. ``wants_prefix`` is whether judge() makes use of that.
    """

    def __init__(
        self,
        name: str,
        failregex: Sequence[str],
        ignoreregex: Sequence[str] = (),
        prefregex: str = "",
        *,
        prefixed: bool = False,
        daemon: str = "",
    ) -> None:
        """Compile all patterns; raises InvalidPattern that names the option and its number."""
        self.name = name
        self.patterns = tuple(_compile("failregex", failregex))
        self.ignored = tuple(_compile("ignoreregex", ignoreregex))
        self.gate = next(iter(_compile("prefregex", [prefregex] if prefregex else [])), None)
        everything = (*self.patterns, *((self.gate,) if self.gate else ()))
        self.correlation = _correlation(everything)
        self._check_addresses()
        self.prefixed = prefixed
        idents = dict.fromkeys((sample(daemon), name, name.partition("-")[0]))
        self._usual = tuple(f"localhost {ident}: " for ident in idents if ident)
        first = everything if self.gate is None else (self.gate,)
        self.wants_prefix = prefixed or any(pattern.anywhere for pattern in first)
        self._tries = tuple(
            (place, pattern.literal, pattern) for place, pattern in enumerate(self.patterns)
        )

    def judge(self, message: str, prefix: str = "") -> Verdict:
        """Return what a message means; the first matching pattern decides.

        With a prefregex, only messages that it matches are looked at, and the failregexes see the
        part that it calls ``<F-CONTENT>``; ignoreregex always sees the whole message. Patterns see
        a line end inside a message as a backslash and an n. ``prefix`` is Entry.prefix()'s:
        patterns written for it see it, others only where they do not match without.
        """
        if "\n" in message:
            message = message.replace("\n", "\\n")
        if self.prefixed and prefix:
            return self._judge(prefix + message)
        if not self.wants_prefix:
            return self._judge(message)
        verdict = MISS
        for before in (*self._usual, "") if self.prefixed else dict.fromkeys(("", prefix)):
            verdict = self._judge(before + message)
            if verdict is not MISS:
                break
        return verdict

    def _judge(self, line: str) -> Verdict:
        if self.gate is None:
            return self._choose(line, line, {})
        gate = self.gate.match(line)
        if gate is None:
            return MISS
        known = gate.groupdict()
        return self._choose(line, known.get("content") or line, known)

    def _choose(self, line: str, text: str, known: _Parts) -> Verdict:
        for place, literal, pattern in self._tries:
            # Tried here rather than in match(): most messages fail this test, and calls cost.
            if literal not in text:
                continue
            match = pattern.find(text)
            if match is None:
                continue
            if self.ignored and any(ignored.match(line) for ignored in self.ignored):
                return Verdict(Kind.IGNORED, place=place, pattern=pattern)
            return _verdict(place, pattern, _parts(pattern, match, known, self.gate))
        return MISS

    def _check_addresses(self) -> None:
        """Refuse patterns that could never get anybody banned."""
        if self.correlation is not Correlation.NONE or (self.gate and self.gate.tells):
            return
        for number, pattern in enumerate(self.patterns, 1):
            if not pattern.tells:
                raise InvalidPattern(
                    f"failregex, pattern {number}: '{pattern.text}' takes no address; write <ADDR> "
                    "or <HOST> where the service writes the client's"
                )


def _compile(option: str, patterns: Sequence[str]) -> list[Pattern]:
    compiled = []
    for number, text in enumerate(patterns, 1):
        try:
            compiled.append(compile_pattern(text))
        except InvalidPattern as error:
            raise InvalidPattern(f"{option}, pattern {number}: {error}") from error
    return compiled


def _correlation(patterns: Sequence[Pattern]) -> Correlation:
    if any(pattern.step or pattern.once or pattern.hearsay for pattern in patterns):
        return Correlation.ATTEMPTS
    if any("mlfid" in pattern.groups for pattern in patterns):
        return Correlation.MERGED
    return Correlation.NONE


def _parts(pattern: Pattern, match: re.Match[str], known: _Parts, gate: Pattern | None) -> _Parts:
    """Return what was captured; what the failregex says goes before what the prefregex says."""
    parts = match.groupdict()
    if known:
        parts = {**known, **{name: part for name, part in parts.items() if part}}
    if pattern.instead or (gate is not None and gate.instead):
        _stand_in(parts, {**(gate.instead if gate is not None else {}), **pattern.instead})
    return parts


def _stand_in(parts: _Parts, instead: dict[str, tuple[str, ...]]) -> None:
    for main, names in instead.items():
        for name in names:
            text = parts.get(name)
            if text and not parts.get(main):
                parts[main] = text
            elif text and name.startswith("tuple"):
                parts[main] = f"{parts[main]},{text}"


def _verdict(place: int, pattern: Pattern, parts: _Parts) -> Verdict:
    gained = bool(parts.get("mlfgained"))
    helps = gained or not pattern.counts or bool(parts.get("nofail"))
    written = _written(parts)
    return Verdict(
        Kind.HELPER if helps else Kind.FAILURE,
        _address(written, parts.get("cidr")) if written else None,
        parts.get("fport") or "",
        parts.get("user"),
        place,
        pattern,
        parts.get("mlfid"),
        written or parts.get("dns") or "",
        gained,
        pattern.forgets or bool(parts.get("mlfforget")),
        parts.get("distinct") or "",
    )


def _written(parts: _Parts) -> str:
    # Nearly all patterns use these tags; the others are looked for one by one.
    text = parts.get("addr")
    if text:
        return text
    return next((text for name in ADDRESSES if (text := parts.get(name))), "")


def _address(text: str, length: str | None) -> Address | None:
    # Captures are parsed, not believed: 192.030.0.6, names and scope ids are no addresses.
    try:
        return parse(f"{text}/{length}") if length else parse_host(text)
    except InvalidAddress:
        return None
