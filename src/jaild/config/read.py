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
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from jaild.core.errors import InvalidConfig

MAX_FILE = 1024 * 1024

_HEADER = re.compile(r"\s*\[([^\]]+)\]")


@dataclass(frozen=True, slots=True)
class Assignment:
    """One ``option = value``; ``line`` (from 1) is where the option's name stands."""

    section: str
    option: str
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Source:
    """What one file says, in its order; ``headers`` has the line of each section's first header."""

    path: str
    assignments: tuple[Assignment, ...]
    headers: Mapping[str, int]


class _Parser(configparser.RawConfigParser):
    """The standard parser, made to tell where each option stands and what came before it.

    Option names are kept as ``<line> <name>``, by the one hook that sees every name as it is read.
    All of a section's assignments survive that way, not only the last one of each name.
    """

    # Text behind a header is refused instead of lost, and no line can make the matching slow.
    SECTCRE = re.compile(r"\[(?P<header>[^\]]+)\]$")
    OPTCRE = re.compile(r"(?P<option>[^=:]*)(?P<vi>[=:])(?P<value>.*)$")

    def __init__(self) -> None:
        # No header can name the empty section, so [DEFAULT] is read like any other.
        super().__init__(strict=False, inline_comment_prefixes=(";",), default_section="")
        self._line = 0

    def numbered(self, lines: Iterable[str]) -> Iterator[str]:
        for self._line, line in enumerate(lines, start=1):
            yield line

    def optionxform(self, optionstr: str) -> str:
        return f"{self._line} {optionstr.lower()}"

    def assignments(self) -> Iterator[Assignment]:
        for section in self.sections():
            for key, text in self.items(section, raw=True):
                line, _, option = key.partition(" ")
                yield Assignment(section.strip(), option, text, int(line))


def read(path: Path) -> Source:
    """Return what a file says; raises InvalidConfig if it is unreadable or of no known syntax."""
    # A file's name may be any bytes; what is shown on D-Bus is text.
    return parse(_content(path), os.fsencode(path).decode(errors="replace"))


def parse(content: bytes, path: str) -> Source:
    """Return what a file with this content says; raises InvalidConfig with ``path`` and line."""
    lines = _decoded(content, path).split("\n")
    parser = _Parser()
    try:
        parser.read_file(parser.numbered(lines), path)
    except configparser.MissingSectionHeaderError as error:
        message = "this line stands before the first [section] header"
        raise InvalidConfig(message, path, error.lineno) from error
    except configparser.ParsingError as error:
        message = "this line is no [section], no 'option = value' and no comment"
        raise InvalidConfig(message, path, error.errors[0][0]) from error
    except configparser.Error as error:
        raise InvalidConfig("this file is not in the configuration syntax", path) from error
    return Source(path, tuple(parser.assignments()), _headers(lines, parser.sections()))


def _decoded(content: bytes, path: str) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
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


def _content(path: Path) -> bytes:
    try:
        with open(path, "rb", opener=_open_without_waiting) as file:
            # A link to /dev/null stands for an empty file, as with systemd's units.
            regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            content = file.read(MAX_FILE + 1) if regular or path.samefile(os.devnull) else None
    except OSError as error:
        raise InvalidConfig(f"this file cannot be read: {error.strerror}", str(path)) from error
    if content is None:
        raise InvalidConfig("this is not a regular file", str(path))
    if len(content) > MAX_FILE:
        raise InvalidConfig("this file is larger than 1 MiB", str(path))
    return content


def _open_without_waiting(path: str, flags: int) -> int:
    # A named pipe would block for ever.
    return os.open(path, flags | os.O_NONBLOCK)
