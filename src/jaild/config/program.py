# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module reads command lines that no shell ever sees, as in ignorecommand."""

import re
import shlex
from collections.abc import Iterator

from jaild.config import call, values
from jaild.config.model import IgnoreCache
from jaild.core.address import Address
from jaild.core.errors import InvalidConfig

TAGS = ("ip", "family", "fid", "jail", "name")
MAX_WORDS = 100

_CACHE = ("key", "max-count", "max-time")
_TAG = re.compile(r"<([A-Za-z][\w/.?=-]{0,99})>")
_NO_SHELL = "no shell runs this command; put it into a script and name that"
_OPERATORS = frozenset("|&;<>()`\n")
# What a shell also puts in between double quotes.
_EXPANSION = re.compile(r"`|\$[A-Za-z_({]")


def command(value: str) -> tuple[str, ...]:
    """Return the words of a command line, tags such as ``<ip>`` left in; () for none."""
    if not value:
        return ()
    _check_tags(value)
    _check_shell(value)
    try:
        words = tuple(shlex.split(value))
    except ValueError as error:
        raise InvalidConfig("it has an unclosed quote") from error
    if not words or not words[0].startswith("/") or _TAG.search(words[0]):
        example = "such as /usr/local/bin/spare <ip>"
        raise InvalidConfig(f"it has to begin with the absolute path of a program, {example}")
    if len(words) > MAX_WORDS or "\0" in value:
        raise InvalidConfig(f"it has more than {MAX_WORDS} words, or a NUL character")
    return words


def cache(value: str) -> IgnoreCache:
    """Return what ``key="<ip>", max-count=100, max-time=5m`` means, whatever of it is there."""
    given = call.parse_one(f"ignorecache[{value}]").parameters
    for name in given:
        if name not in _CACHE:
            hint = values.nearest(name, _CACHE)
            raise InvalidConfig(f"it has no parameter '{name}'", hint=hint, text=name)
    usual = IgnoreCache()
    key = given.get("key", usual.key)
    _check_tags(key)
    if not key:
        raise InvalidConfig("its key is empty; the usual one is <ip>")
    try:
        most = (
            values.integer(1, 100_000)(given["max-count"]) if "max-count" in given else usual.most
        )
    except InvalidConfig as error:
        raise InvalidConfig(f"max-count: {error.message}", text=given["max-count"]) from error
    age = values.span(given["max-time"]) if "max-time" in given else usual.age
    return IgnoreCache(key, most, age)


def fill(text: str, jail: str, address: Address) -> str:
    """Return a text with the values in place of ``<ip>``, ``<jail>`` and so on."""
    values = {
        "ip": address,
        "fid": address,
        "family": "inet6" if ":" in address else "inet4",
        "jail": jail,
        "name": jail,
    }
    return _TAG.sub(lambda tag: values.get(tag[1], tag[0]), text)


def names_address(text: str) -> bool:
    """Return whether a text has a tag that stands for the address."""
    return "<ip>" in text or "<fid>" in text


def _check_tags(text: str) -> None:
    for tag in _TAG.finditer(text):
        if tag[1] not in TAGS:
            known = ", ".join(f"<{name}>" for name in TAGS)
            hint = values.nearest(tag[1].lower(), TAGS)
            message = f"'{tag[0]}' is not one of its tags, which are {known}"
            raise InvalidConfig(message, hint=hint, text=tag[0])


def _check_shell(text: str) -> None:
    for quote, piece in _pieces(_TAG.sub("-", text)):
        operator = next((sign for sign in piece if sign in _OPERATORS), "") if not quote else ""
        expansion = _EXPANSION.search(piece) if quote != "'" else None
        if operator or expansion:
            sign = operator or (expansion[0] if expansion else "")
            told = f"'{sign}' would be for a shell" if sign.strip() else "it has several lines"
            raise InvalidConfig(f"{told}: {_NO_SHELL}", text=sign.strip())


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """Yield the quoted and unquoted pieces of a command line, each with its quote or ""."""
    for piece in re.finditer(
        r"'([^']*)'?|\"((?:\\.|[^\"\\])*)\"?|((?:\\.|[^'\"\\])+)|\\$", text, re.S
    ):
        if piece[1] is not None:
            yield "'", piece[1]
        elif piece[2] is not None:
            yield '"', re.sub(r"\\.", "", piece[2], flags=re.S)
        else:
            yield "", re.sub(r"\\.", "", piece[3] or "", flags=re.S)
