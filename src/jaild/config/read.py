# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module reads one configuration file: bytes in, assignments with their line numbers out.

The syntax is that of the standard library's configparser, with ``#`` comments, `` ;`` comments
behind a value, and indented lines that continue one.
"""

import configparser
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from jaild.core.errors import InvalidConfig

MAX_FILE = 1024 * 1024

# Takes one mistake: raises it, or keeps it and lets the reading go on.
Report = Callable[[InvalidConfig], None]

_SHOWN = 60
_COMMENT = re.compile(r"(?:^|\s);.*")
_SIGN = re.compile(r"[=:]")
_HEADER = re.compile(r"\s*\[([^\]]+)\]")


@dataclass(frozen=True, slots=True)
class Assignment:
    """One ``option = value``; ``line`` (from 1) is where the option's name stands.

    ``lines`` has the place of every line of a value that goes over several.
    """

    section: str
    option: str
    text: str
    line: int
    lines: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """What one file says, in its order; ``headers`` has the line of each section's first header."""

    path: str
    assignments: tuple[Assignment, ...]
    headers: Mapping[str, int]


def refuse(error: InvalidConfig) -> None:
    """Raise the mistake: the first one is enough."""
    raise error


class _Parser(configparser.RawConfigParser):
    """The standard parser, made to tell where each option stands and what came before it.

    Option names are kept as ``<line> <name>``, by the one hook that sees every name as it is read.
    All of a section's assignments survive that way, not only the last one of each name.
    """

    # Text behind a header is refused instead of lost, and no line can make the matching slow. Lines
    # that are no assignment match as well: the parser's own list of them takes quadratic time.
    SECTCRE = re.compile(r"\[(?P<header>[^\]]+)\]$")
    OPTCRE = re.compile(r"(?P<option>[=:]|[^=:]+)(?P<vi>[=:]?)(?P<value>.*)$")

    def __init__(self) -> None:
        # No header can name the empty section, so [DEFAULT] is read like any other.
        super().__init__(strict=False, inline_comment_prefixes=(";",), default_section="")
        self.refused: dict[int, str] = {}
        self._line = 0
        self._text = ""

    def numbered(self, lines: Iterable[str]) -> Iterator[str]:
        for self._line, self._text in enumerate(lines, start=1):
            yield self._text

    def optionxform(self, optionstr: str) -> str:
        name, *rest = _SIGN.split(_COMMENT.sub("", self._text), maxsplit=1)
        if not (rest and name.strip()):
            self.refused[self._line] = self._text
        return f"{self._line} {optionstr.lower()}"

    def assignments(self) -> Iterator[Assignment]:
        for section in self.sections():
            for key, text in self.items(section, raw=True):
                line, _, option = key.partition(" ")
                if int(line) not in self.refused:
                    yield Assignment(section.strip(), option, text, int(line))


def read(path: Path, report: Report = refuse) -> Source:
    """Return what a file says; raises InvalidConfig if it cannot be read."""
    # A file's name may be any bytes; what is shown on D-Bus is text.
    shown = os.fsencode(path).decode(errors="replace")
    try:
        found = _content(path)
    except InvalidConfig as error:
        report(error)
        found = b""
    return parse(found, shown, report)


def parse(written: bytes, path: str, report: Report = refuse) -> Source:
    """Return what a file says that has these bytes in it.

    ``report`` is called for each mistake, with ``path`` and line: it raises it, or takes it, and
    then the line at fault is passed over.
    """
    try:
        lines = _decoded(written, path).split("\n")
    except InvalidConfig as error:
        report(error)
        lines = []
    for mistake in _before_headers(lines, path):
        report(mistake)
    parser = _Parser()
    parser.read_file(parser.numbered(lines), path)
    for number, text in parser.refused.items():
        message = "this line is no [section], no 'option = value' and no comment"
        report(InvalidConfig(message, path, number, text=_shown(text)))
    assignments = (replace(item, lines=_places(lines, item)) for item in parser.assignments())
    return Source(path, tuple(assignments), _headers(lines, parser.sections()))


def _before_headers(lines: list[str], path: str) -> Iterator[InvalidConfig]:
    """Yield one mistake for whatever stands before the first header, and make it blank."""
    start = _first_header(lines)
    for number, line in enumerate(lines[:start], 1):
        text = _COMMENT.sub("", line).strip()
        if text and not text.startswith("#"):
            message = "this line stands before the first [section] header"
            yield InvalidConfig(message, path, number, text=_shown(line))
            break
    lines[:start] = [""] * start


def _first_header(lines: list[str]) -> int:
    """Return the index of the first line that is a header."""
    for number, line in enumerate(lines):
        if _Parser.SECTCRE.match(_COMMENT.sub("", line).strip()):
            return number
    return len(lines)


def _shown(text: str) -> str:
    return text.strip()[:_SHOWN]


def _places(lines: list[str], item: Assignment) -> tuple[int, ...]:
    """Return for each line of a value the number of the line in the file that it was read from."""
    found: list[int] = []
    number = item.line
    for text in item.text.split("\n"):
        # Comments between the lines of a value are no part of it; blank lines are found anywhere.
        while number < len(lines) and not _holds(lines[number - 1], text):
            number += 1
        found.append(number)
        number += 1
    return tuple(found)


def _holds(line: str, text: str) -> bool:
    return text in line and not (text and line.lstrip().startswith(("#", ";")))


def _decoded(written: bytes, path: str) -> str:
    try:
        text = written.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = written.count(b"\n", 0, error.start) + 1
        raise InvalidConfig("this line is not UTF-8 text", path, line) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise InvalidConfig("this line has a NUL character in it", path, line)
    return text


def _headers(lines: Iterable[str], sections: Iterable[str]) -> dict[str, int]:
    first: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        header = _HEADER.match(line)
        if header:
            first.setdefault(header[1].strip(), number)
    return {section.strip(): first.get(section.strip(), 0) for section in sections}


def content(path: Path, most: int = MAX_FILE) -> bytes:
    """Return the bytes of a regular file; raises OSError, and InvalidConfig without a place."""
    with open(path, "rb", opener=_open_without_waiting) as file:
        # A link to /dev/null stands for an empty file, as with systemd's units.
        regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
        if not regular and not path.samefile(os.devnull):
            raise InvalidConfig("this is not a regular file")
        found = file.read(most + 1)
    if len(found) > most:
        raise InvalidConfig(f"this file is larger than {most // 1024**2} MiB")
    return found


def _content(path: Path) -> bytes:
    try:
        return content(path)
    except OSError as error:
        raise InvalidConfig(f"this file cannot be read: {error.strerror}", str(path)) from error
    except InvalidConfig as error:
        raise InvalidConfig(error.message, str(path)) from error


def _open_without_waiting(path: str, flags: int) -> int:
    # A named pipe would block for ever.
    return os.open(path, flags | os.O_NONBLOCK)
