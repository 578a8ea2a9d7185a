# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module turns durations as people write them into microseconds, and back.

The spellings are fail2ban's (``10m``, ``1d12h``, ``1.5 hours``, ``1year-6mo``, ``24*60*60``), read
by a parser of our own: fail2ban evaluates them as a program.
"""

import re
from fractions import Fraction

from jaild.core.ban import FOREVER
from jaild.core.errors import InvalidDuration

SECOND = 1_000_000
_SECONDS = {
    "years": 31_557_600,
    "months": 2_629_800,
    "weeks": 604_800,
    "days": 86_400,
    "hours": 3600,
    "minutes": 60,
    "seconds": 1,
}
# Everything that is no single letter prefix is told apart by two letters: "m" is a minute, "mo" a
# month.
_SHORTEST = {"months": 2}

# The sum of a time and a duration has to fit in 64 bits of microseconds, far from FOREVER.
LONGEST = 1000 * _SECONDS["years"] * SECOND
_MAX_TEXT = 100

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d*)?|\.\d+)(?![\d.])\s*(?P<unit>[a-z]*)|(?P<sign>[-+*]))"
)


def _spellings() -> dict[str, int]:
    spelled: dict[str, int] = {"": SECOND, "mins": 60 * SECOND, "secs": SECOND}
    for name, seconds in reversed(_SECONDS.items()):
        start = _SHORTEST.get(name, 1)
        for end in range(start, len(name) + 1):
            spelled.setdefault(name[:end], seconds * SECOND)
        spelled.setdefault(name[0] * 2, seconds * SECOND)
    return spelled


_UNITS = _spellings()


def parse(text: str) -> int:
    """Return the microseconds that text means; ``-1`` and ``for ever`` give FOREVER.

    A number without a unit is in seconds; terms stand side by side or are joined by ``+``, ``-``
    and ``*``. Raises InvalidDuration for anything else, for a negative result and for more than
    1000 years.
    """
    shown = " ".join(text.split())
    if len(shown) > _MAX_TEXT:
        raise InvalidDuration(f"a duration is at most {_MAX_TEXT} characters long")
    if re.fullmatch(r"-\s*1|for ?ever", shown.lower()):
        return FOREVER
    total = _sum(shown)
    if total < 0:
        raise InvalidDuration(f"'{shown}' is negative; only -1, for ever, may be")
    if total > LONGEST:
        raise InvalidDuration(f"'{shown}' is longer than 1000 years; write -1 for ever")
    return round(total)


def format(usec: int) -> str:  # noqa: A001 - the counterpart of parse
    """Return microseconds as text that parse() understands: ``10m``, ``1d 12h``, ``for ever``."""
    if usec == FOREVER:
        return "for ever"
    rest, fraction = divmod(usec, SECOND)
    words = []
    for unit in ("days", "hours", "minutes"):
        count, rest = divmod(rest, _SECONDS[unit])
        if count:
            words.append(f"{count}{unit[0]}")
    if fraction:
        words.append(f"{rest}.{fraction:06}".rstrip("0") + "s")
    elif rest or not words:
        words.append(f"{rest}s")
    return " ".join(words)


def _sum(text: str) -> Fraction:
    """Return the sum of the terms in microseconds; a term is one number or a product."""
    total = Fraction(0)
    term: list[tuple[Fraction, str]] = []
    pending = "+"
    sign = 1
    for number, unit, symbol in _tokens(text):
        if symbol:
            if pending and (term or pending == "-" or symbol == "*"):
                raise _invalid(text)
            pending = symbol
            continue
        if pending != "*":
            total += sign * _product(text, term)
            term = []
            sign = -1 if pending == "-" else 1
        term.append((Fraction(number), unit))
        pending = ""
    if pending:
        raise _invalid(text)
    return total + sign * _product(text, term)


def _tokens(text: str) -> list[tuple[str, str, str]]:
    found = []
    position = 0
    lowered = text.lower()
    while position < len(lowered):
        token = _TOKEN.match(lowered, position)
        if not token or not lowered.isascii():
            raise _invalid(text)
        found.append((token["number"] or "0", token["unit"] or "", token["sign"] or ""))
        position = token.end()
    return found


def _product(text: str, term: list[tuple[Fraction, str]]) -> Fraction:
    units = [unit for _, unit in term if unit]
    if not term:
        return Fraction(0)
    if len(units) > 1 or any(unit not in _UNITS for unit in units):
        raise _invalid(text)
    product = Fraction(_UNITS[units[0] if units else ""])
    for number, _ in term:
        product *= number
    return product


def _invalid(text: str) -> InvalidDuration:
    return InvalidDuration(f"'{text}' is not a duration such as 90, 10m, 1h 30m or -1 for ever")
