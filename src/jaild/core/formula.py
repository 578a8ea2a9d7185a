# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module reads and evaluates ``bantime.formula``: arithmetic over a few names, nothing else.

The notation is Python's: ``+ - * / // % ** << >>``, comparisons, ``a if condition else b``,
numbers, brackets, and calls of the functions in FUNCTIONS. There is no other name to call or to
read.
"""

import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from jaild.core.errors import InvalidConfig

MAX_TEXT = 300
MAX_DEPTH = 40
# Integers beyond this become infinite, so that no work on them is long.
_LARGEST = 10**60

Number = int | float
Value = Callable[[Mapping[str, Number]], Number]

NAMES = ("ban.Time", "ban.Count", "banFactor", "bantime.factor", "ban.Factor", "banTime")


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula that has been read; build it with parse()."""

    text: str
    _value: Value

    def evaluate(self, time: float, count: int, factor: float = 1.0) -> float:
        """Return the seconds of a ban: ``time`` the jail's own, ``count`` the bans before it.

        The result may be infinite. Raises InvalidConfig where it is no number, as in 1/0.
        """
        known = {"ban.Time": time, "banTime": time, "ban.Count": count}
        known |= dict.fromkeys(("banFactor", "ban.Factor", "bantime.factor"), factor)
        result = float(self._value(known))
        if math.isnan(result):
            raise InvalidConfig("the formula comes to no number")
        return result


def parse(text: str) -> Formula:
    """Return the formula that text means; raises InvalidConfig, its ``text`` the piece at fault."""
    if len(text) > MAX_TEXT:
        raise InvalidConfig(f"a formula is at most {MAX_TEXT} characters long")
    parser = _Parser(list(_tokens(text)))
    value = parser.choice()
    parser.end()
    return Formula(text, value)


def _tokens(text: str) -> Iterator[str]:
    position = 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if not token:
            shown = text[position : position + 20]
            raise InvalidConfig(f"'{shown}' is not part of a formula", text=shown)
        if token["token"]:
            yield token["token"]
        position = token.end()


_TOKEN = re.compile(
    r"\s*(?P<token>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|[A-Za-z_][\w.]*"
    r"|\*\*|//|<<|>>|<=|>=|==|!=|[-+*/%<>(),])\s*|\s+",
    re.ASCII,
)


def _bounded(number: Number) -> Number:
    if isinstance(number, complex):
        raise InvalidConfig("the formula takes the root of a negative number")
    if isinstance(number, int) and abs(number) > _LARGEST:
        return math.copysign(math.inf, number)
    return number


def _power(base: Number, exponent: Number) -> Number:
    if isinstance(base, int) and isinstance(exponent, int) and 0 <= exponent <= 64 * 4:
        return base**exponent if abs(base) < 2**16 else float(base) ** exponent
    return float(base) ** exponent


def _shift(sign: int) -> Callable[[Number, Number], Number]:
    def shift(number: Number, by: Number) -> Number:
        if not (isinstance(number, int) and isinstance(by, int)) or by < 0:
            raise InvalidConfig("<< and >> take whole numbers that are not negative")
        return number * 2 ** min(by, 256) if sign > 0 else number >> min(by, 256)

    return shift


# From what binds least to what binds most.
_BINARY: tuple[Mapping[str, Callable[[Number, Number], Number]], ...] = (
    {
        "<": operator.lt,
        "<=": operator.le,
        ">": operator.gt,
        ">=": operator.ge,
        "==": operator.eq,
        "!=": operator.ne,
    },
    {"<<": _shift(1), ">>": _shift(-1)},
    {"+": operator.add, "-": operator.sub},
    {"*": operator.mul, "/": operator.truediv, "//": operator.floordiv, "%": operator.mod},
)
FUNCTIONS: Mapping[str, tuple[Callable[..., Number], int, int]] = {
    "float": (float, 1, 1),
    "int": (int, 1, 1),
    "abs": (abs, 1, 1),
    "round": (round, 1, 1),
    "min": (min, 1, 10),
    "max": (max, 1, 10),
    "math.exp": (math.exp, 1, 1),
    "math.log": (math.log, 1, 2),
    "math.sqrt": (math.sqrt, 1, 1),
    "math.pow": (math.pow, 2, 2),
}


def _applied(function: Callable[..., Number], parts: list[Value]) -> Value:
    def value(known: Mapping[str, Number]) -> Number:
        try:
            return _bounded(function(*(part(known) for part in parts)))
        except ZeroDivisionError as error:
            raise InvalidConfig("the formula divides by nothing") from error
        except OverflowError:
            return math.inf
        except (ValueError, TypeError) as error:
            raise InvalidConfig("the formula comes to no number") from error

    return value


class _Parser:
    """A formula being read, from what binds least to what binds most."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._position = 0
        self._depth = 0

    def choice(self) -> Value:
        """Read ``a if condition else b``, or what stands in its place."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise InvalidConfig("the formula has too many brackets in each other")
        chosen = self._binary(0)
        if self._take("if"):
            condition = self._binary(0)
            self._expect("else")
            other = self.choice()
            first = chosen

            def chosen(known: Mapping[str, Number]) -> Number:
                return first(known) if condition(known) else other(known)

        self._depth -= 1
        return chosen

    def end(self) -> None:
        """Refuse anything behind the formula."""
        if self._position < len(self._tokens):
            raise self._unexpected()

    def _binary(self, level: int) -> Value:
        if level == len(_BINARY):
            return self._signed()
        left = self._binary(level + 1)
        while self._next() in _BINARY[level]:
            function = _BINARY[level][self._advance()]
            left = _applied(function, [left, self._binary(level + 1)])
        return left

    def _signed(self) -> Value:
        signs = 0
        while self._next() in ("+", "-"):
            signs += self._advance() == "-"
        value = self._raised()
        return _applied(operator.neg, [value]) if signs % 2 else value

    def _raised(self) -> Value:
        base = self._atom()
        if not self._take("**"):
            return base
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise InvalidConfig("the formula has too many powers in each other")
        exponent = self._signed()
        self._depth -= 1
        return _applied(_power, [base, exponent])

    def _atom(self) -> Value:
        token = self._next()
        if token == "(":  # noqa: S105 - a token of the formula
            self._advance()
            value = self.choice()
            self._expect(")")
            return value
        if token[:1].isdigit() or token[:1] == ".":
            number = _number(self._advance())
            return lambda _: number
        if token in NAMES:
            name = self._advance()
            return lambda known: known[name]
        if token in FUNCTIONS:
            return self._call(self._advance())
        raise self._unexpected()

    def _call(self, name: str) -> Value:
        function, least, most = FUNCTIONS[name]
        self._expect("(")
        parts = [self.choice()]
        while self._take(","):
            parts.append(self.choice())
        self._expect(")")
        if not least <= len(parts) <= most:
            raise InvalidConfig(f"{name} takes {least} to {most} numbers", text=name)
        return _applied(function, parts)

    def _next(self) -> str:
        return self._tokens[self._position] if self._position < len(self._tokens) else ""

    def _advance(self) -> str:
        self._position += 1
        return self._tokens[self._position - 1]

    def _take(self, token: str) -> bool:
        if self._next() != token:
            return False
        self._position += 1
        return True

    def _expect(self, token: str) -> None:
        if not self._take(token):
            raise self._unexpected(f"'{token}' was expected")

    def _unexpected(self, wanted: str = "") -> InvalidConfig:
        token = self._next()
        if not token:
            return InvalidConfig(f"the formula ends too early{wanted and ': ' + wanted}")
        if re.match(r"[A-Za-z_]", token) and token not in ("if", "else"):
            known = ", ".join((*NAMES[:3], *FUNCTIONS))
            message = f"a formula knows no '{token[:40]}', only {known}"
            return InvalidConfig(message, text=token[:40])
        stands = f"'{token[:40]}' stands where {wanted or 'a number was expected'}"
        return InvalidConfig(stands, text=token[:40])


def _number(text: str) -> Number:
    return int(text) if text.isdigit() and len(text) <= 30 else float(text)  # noqa: PLR2004
