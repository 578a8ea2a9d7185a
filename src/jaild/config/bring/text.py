# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module takes a configuration file apart and writes it again with less in it.

What stays keeps its words and its comments; a file of which all stays is the same to the byte.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from jaild.config import read
from jaild.config.layers import DEFAULT

_HEADER = re.compile(r"\s*\[[^\]]+\]")


class Fate(Enum):
    """What becomes of a piece: it stays, is left out, or stays as a comment."""

    STAYS = 1
    LEFT_OUT = 2
    REFUSED = 3


@dataclass(slots=True)
class Piece:
    """A header (``option`` is "") or an assignment, with the comments above it.

    ``line`` is where it stands in the file that it is from, ``text`` its value; ``why`` is the
    reason for a refusal.
    """

    section: str
    option: str
    text: str
    line: int
    above: list[str]
    lines: list[str]
    fate: Fate = Fate.STAYS
    why: str = ""

    def refuse(self, why: str) -> None:
        """Make it a comment."""
        self.fate, self.why = Fate.REFUSED, why

    def rewrite(self, text: str) -> None:
        """Give the option another value."""
        self.text, self.lines = text, [f"{self.option} = {text}"]


class Draft:
    """One file to be written: its ``path`` below the configuration directory, and its pieces.

    ``origin`` is the file it is made from, "" if it is made up.
    """

    def __init__(self, path: str, origin: str = "") -> None:
        self.path = path
        self.origin = origin
        self.pieces: list[Piece] = []
        self._rest: list[str] = []

    @classmethod
    def of(cls, path: str, origin: Path) -> "Draft":
        """Return the draft of an existing file; raises InvalidConfig if it cannot be read."""
        draft = cls(path, str(origin))
        source = read.read(origin)
        draft._take_apart(origin.read_text("utf-8-sig").split("\n"), source)
        return draft

    def add(self, section: str, option: str, text: str, *, why: str = "") -> None:
        """Add an option at the end of a section, with a comment that says why."""
        places = [n for n, piece in enumerate(self.pieces) if piece.section == section]
        if not places:
            above = [""] if self.pieces else []
            self.pieces.append(Piece(section, "", "", 0, above, [f"[{section}]"]))
        lines = f"{option} = {text}".replace("\n", "\n    ").split("\n")
        piece = Piece(section, option, text, 0, _said(why), lines)
        self.pieces.insert(places[-1] + 1 if places else len(self.pieces), piece)

    def assignments(self, section: str | None = None) -> Iterator[Piece]:
        """Yield the assignments, of all sections or of one."""
        for piece in self.pieces:
            if piece.option and section in (None, piece.section):
                yield piece

    def is_empty(self) -> bool:
        """Return whether nothing of the file is left."""
        return all(piece.fate is Fate.LEFT_OUT for piece in self.assignments())

    def piece_at(self, line: int) -> Piece | None:
        """Return the piece that a line (from 1) of the written file belongs to."""
        lines = self._rendered()
        return lines[line - 1][0] if 0 < line <= len(lines) else None

    def content(self) -> str:
        """Return the file."""
        text = "\n".join(line for _, line in self._rendered())
        return text if text.endswith("\n") else text + "\n"

    def _rendered(self) -> list[tuple[Piece | None, str]]:
        """Return the lines, each with the piece that it belongs to."""
        found: list[tuple[Piece | None, str]] = [
            (piece, line) for piece in self._written() for line in self._lines(piece)
        ]
        if self._is_whole():
            return [*found, *((None, line) for line in self._rest)]
        while found and not found[0][1]:
            found.pop(0)
        return found

    def _written(self) -> Iterator[Piece]:
        """Yield the pieces that are written: headers only if something follows below them."""
        header: Piece | None = None
        for piece in self.pieces:
            if not piece.option:
                header = piece
                if self._is_whole():
                    yield piece
            elif piece.fate is not Fate.LEFT_OUT:
                if header and not self._is_whole():
                    yield header
                header = None
                yield piece

    def _is_whole(self) -> bool:
        return all(piece.fate is not Fate.LEFT_OUT for piece in self.pieces)

    def _lines(self, piece: Piece) -> list[str]:
        above = piece.above if self._is_whole() else _touching(piece)
        if piece.fate is Fate.REFUSED:
            return [*above, *_said(piece.why), *(f"# {line}".rstrip() for line in piece.lines)]
        return [*above, *piece.lines]

    def _take_apart(self, lines: list[str], source: read.Source) -> None:
        starts = {item.line: item for item in source.assignments}
        headers = [n for n, line in enumerate(lines, 1) if _HEADER.match(line) and n not in starts]
        marks = sorted({*starts, *self._real(headers, lines, starts)})
        section, rest = DEFAULT, lines[: marks[0] - 1] if marks else lines
        for start, end in zip(marks, [*marks[1:], len(lines) + 1], strict=False):
            own = lines[start - 1 : end - 1]
            size = _size(own)
            item = starts.get(start)
            section = item.section if item else own[0].strip()[1:].partition("]")[0].strip()
            option, text = (item.option, item.text) if item else ("", "")
            self.pieces.append(Piece(section, option, text, start, rest, own[:size]))
            rest = own[size:]
        self._rest = rest

    @staticmethod
    def _real(headers: list[int], lines: list[str], starts: dict[int, read.Assignment]) -> set[int]:
        """Leave out what looks like a header and continues a value."""
        return {
            number
            for number in headers
            if not lines[number - 1][:1].isspace() or not any(start < number for start in starts)
        }


def _size(lines: list[str]) -> int:
    """Return how many of the lines belong to a piece: not the comments and blanks at its end."""
    size = len(lines)
    while size > 1 and (not lines[size - 1].strip() or lines[size - 1].lstrip()[0] in "#;"):
        size -= 1
    return size


def _said(why: str) -> list[str]:
    return [f"# jaild: {' '.join(why.split())}"] if why else []


def _touching(piece: Piece) -> list[str]:
    """Return the comments that touch the piece, and a blank line before them or a header."""
    first = len(piece.above)
    while first and piece.above[first - 1].strip():
        first -= 1
    blank = [""] if first < len(piece.above) or not piece.option else []
    return [*blank, *piece.above[first:]]
