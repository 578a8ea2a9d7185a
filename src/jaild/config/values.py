# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module turns the texts of single options into typed values.

Every parser takes the text and returns the value, or raises a JaildError whose sentence says what
is wrong with it; where the text stands is the caller's knowledge.
"""

import re
import socket
from collections.abc import Callable, Iterable
from difflib import get_close_matches

from jaild.core import duration, formula
from jaild.core.ban import FOREVER
from jaild.core.errors import InvalidConfig, InvalidDuration
from jaild.core.formula import Formula
from jaild.core.rule import check_ports

MAX_LIST = 10_000

TRUE = ("1", "on", "true", "yes")
FALSE = ("0", "off", "false", "no")
# How many bans before are tried with a new formula: it must not divide by nothing some day.
_TRIED = 25
_SERVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}")
_LEVELS = {
    "CRITICAL": "CRITICAL",
    "ERROR": "ERROR",
    "WARNING": "WARNING",
    "NOTICE": "INFO",
    "INFO": "INFO",
    "DEBUG": "DEBUG",
    "TRACEDEBUG": "DEBUG",
    "HEAVYDEBUG": "DEBUG",
}


def nearest(word: str, candidates: Iterable[str], likeness: float = 0.7) -> str:
    """Return "did you mean x?" for the likeliest candidate, or "" if none is that much alike."""
    if len(word) > 64:  # noqa: PLR2004 - no name is that long, and the comparison is slow
        return ""
    found = get_close_matches(word, candidates, n=1, cutoff=likeness)
    return f"did you mean {found[0]}?" if found else ""


def text(value: str) -> str:
    """Return the text itself."""
    return value


def lines(value: str) -> tuple[str, ...]:
    """Return the lines that are not empty, one item each."""
    return tuple(line.strip() for line in value.split("\n") if line.strip())


def boolean(value: str) -> bool:
    """Return what a yes or no means; anything that is neither is a mistake, never a silent no."""
    word = value.lower()
    if word in TRUE + FALSE:
        return word in TRUE
    raise InvalidConfig("it has to be true or false", hint=nearest(word, ("true", "false")))


def integer(least: int, most: int) -> Callable[[str], int]:
    """Return a parser for whole numbers of a range."""

    def parse(value: str) -> int:
        if re.fullmatch(r"[0-9]{1,9}", value) and least <= int(value) <= most:
            return int(value)
        raise InvalidConfig(f"it has to be a whole number from {least} to {most}")

    return parse


def choice(*words: str) -> Callable[[str], str]:
    """Return a parser for one of a few words, in any case."""

    def parse(value: str) -> str:
        if value.lower() in words:
            return value.lower()
        listed = f"{', '.join(words[:-1])} or {words[-1]}"
        raise InvalidConfig(f"it has to be {listed}", hint=nearest(value.lower(), words))

    return parse


def backend(value: str) -> str:
    """Return the name of one of fail2ban's ways to read logs; parameters may follow it."""
    name, _, _ = value.partition("[")
    return choice("auto", "systemd", "pyinotify", "polling", "gamin")(name.strip())


def factor(value: str) -> float:
    """Return a number above zero."""
    if re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{0,9})?(?:\s*/\s*[0-9]{1,9}(?:\.[0-9]{0,9})?)?", value):
        over, _, under = value.partition("/")
        if float(over) > 0 and float(under or 1) > 0:
            return float(over) / float(under or 1)
    raise InvalidConfig("it has to be a number above zero, such as 1.5")


def bantime_formula(value: str) -> Formula:
    """Return a formula that has a result for the first bans of an address."""
    found = formula.parse(value)
    for count in range(_TRIED):
        found.evaluate(600, count)
    return found


def multipliers(value: str) -> tuple[int, ...]:
    """Return the whole numbers of a list separated by blanks or commas."""
    one = integer(1, 999_999_999)
    words = value.replace(",", " ").split()
    if len(words) > MAX_LIST:
        raise InvalidConfig(f"it has more than {MAX_LIST} entries")
    try:
        return tuple(one(word) for word in words)
    except InvalidConfig as error:
        message = "it has to be whole numbers above zero, separated by blanks"
        raise InvalidConfig(message) from error


def addition(value: str) -> int:
    """Return a length of time in microseconds that may be nothing."""
    return 0 if not value else _not_for_ever(duration.parse(value))


def longest(value: str) -> int:
    """Return a length of time above zero in microseconds, FOREVER where nothing is said."""
    return length(value) if value else FOREVER


def span(value: str) -> int:
    """Return a length of time above zero, in microseconds."""
    return _not_for_ever(length(value))


def _not_for_ever(usec: int) -> int:
    if usec == FOREVER:
        raise InvalidDuration("it cannot be for ever")
    return usec


def length(value: str) -> int:
    """Return a length of time above zero in microseconds, or FOREVER."""
    usec = duration.parse(value)
    if not usec:
        raise InvalidDuration("it has to be longer than nothing")
    return usec


def ports(value: str) -> str:
    """Return a list of ports, ranges and service names in canonical form; "" is every port.

    Names are those of services(5).
    """
    words = value.replace(",", " ").split()
    if not words:
        raise InvalidConfig("it needs a port, or 0:65535 for all")
    return check_ports(",".join(_port(word) for word in words))


def _port(word: str) -> str:
    if not re.search(r"[A-Za-z]", word):
        return word
    # Port numbers of one service hardly ever differ between protocols: any will do.
    if _SERVICE.fullmatch(word):
        try:
            return str(socket.getservbyname(word))
        except OSError:
            pass
    raise InvalidConfig(f"'{word}' is no service in /etc/services; write the port's number")


def protocol(value: str) -> str:
    """Return tcp, udp or any, which is also what ``tcp,udp`` means."""
    words = value.lower().replace(",", " ").split()
    if words in (["tcp"], ["udp"]):
        return words[0]
    if words in (["any"], ["all"]) or sorted(words) == ["tcp", "udp"]:
        return "any"
    raise InvalidConfig("it has to be tcp or udp, or any together with port = 0:65535")


def loglevel(value: str) -> str:
    """Return the level of Python's logging for one of fail2ban's names or numbers."""
    word = value.upper()
    if word in _LEVELS:
        return _LEVELS[word]
    if re.fullmatch(r"[0-9]{1,2}", word):
        number = int(word)
        return next(name for name, least in _FLOORS if number >= least)
    hint = nearest(word, _LEVELS)
    raise InvalidConfig("it has to be CRITICAL, ERROR, WARNING, INFO or DEBUG", hint=hint)


_FLOORS = (("CRITICAL", 50), ("ERROR", 40), ("WARNING", 30), ("INFO", 20), ("DEBUG", 0))
