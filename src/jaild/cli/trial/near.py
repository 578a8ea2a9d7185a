# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module finds how far a pattern that does not match gets, for people who write patterns.

It tries beginnings of the pattern as it is written. They end between two pieces (a character with
its repetition, a tag, a group), and where a group is to blame, between two pieces of one of its
alternatives.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from jaild.core.errors import InvalidPattern
from jaild.core.pattern import Pattern, compile_pattern
from jaild.service.limit import Limit

_TOKEN = re.compile(
    r"""
      (?P<close></F-[A-Z0-9_-]+>|\))
    | (?P<open><F-[A-Z0-9_-]+>|\((?:\?(?:P<\w+>|[aiLmsux-]*:|<?[=!]))?(?![?]))
    | (?P<bar>\|)
    | (?P<atom><(?:HOST|ADDR|IP[46]|DNS|CIDR|SUBNET|F-[A-Z0-9_-]+/)>
        |\(\?[^)]*\)|\\(?:x..|u.{4}|U.{8}|N\{[^}]*\}|[0-7]{1,3}|.)
        |\[\^?\]?(?:\\.|[^\]\\])*\]|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_REPEAT = re.compile(r"(?:[*+?]|\{\d*,?\d*\})[?+]?")
# One fixed character. A backslash before anything but a letter or digit only takes its meaning.
_LITERAL = re.compile(r"[^\\.^$*+?{}\[\]|()<>]|\\[^A-Za-z0-9]", re.DOTALL)
# Behind "anything" a character or two are found anywhere; so few of a longer text say nothing.
_ANYTHING = re.compile(r"(?<!\\)\.[*+]|\\S[*+]")
_CHANCE = 3
_LONGEST = 4000
_MOST_PATTERNS = 60


class Near(NamedTuple):
    """How far a pattern gets.

    ``place`` is the pattern's, from 0; ``matched`` and ``wanted`` are its text before and after the
    place where it stops; ``read`` is how many characters of the message it had read there.
    """

    place: int
    matched: str
    wanted: str
    read: int


@dataclass(slots=True)
class _Piece:
    """A piece of a pattern and where it ends in its text; a group has alternatives."""

    text: str
    end: int
    begin: str = ""
    close: str = ""
    choices: list[list["_Piece"]] = field(default_factory=list)

    @property
    def fixed(self) -> bool:
        return bool(_LITERAL.fullmatch(self.text))

    @property
    def weight(self) -> int:
        """How many fixed characters every match of it has, at least."""
        if self.choices:
            return min(sum(piece.weight for piece in choice) for choice in self.choices)
        return int(self.fixed)


class _Reach(NamedTuple):
    """A beginning that matches: its fixed characters, where its text ends, how much it reads."""

    weight: int
    end: int
    read: int


class Nearest:
    """Finds the pattern that gets furthest; what it compiles it keeps for the next message."""

    def __init__(self, patterns: Sequence[str], limit: Limit) -> None:
        self._patterns = patterns[:_MOST_PATTERNS]
        self._limit = limit
        self._pieces: dict[str, list[_Piece]] = {}
        self._compiled: dict[str, Pattern | None] = {}

    def find(self, message: str) -> Near | None:
        """Return how far the best pattern gets with a message, None if none gets anywhere.

        Raises TooSlow.
        """
        best, chosen = _Reach(0, 0, 0), 0
        for place, text in enumerate(self._patterns):
            if len(text) > _LONGEST:
                continue
            if text not in self._pieces:
                self._pieces[text] = _parse(text)
            reach = self._reach("", self._pieces[text], "", message, _Reach(0, 0, 0))
            if reach.weight > best.weight:
                best, chosen = reach, place
        if best.weight < _CHANCE:
            return None
        text = self._patterns[chosen]
        return Near(chosen, text[: best.end], text[best.end :], best.read)

    def _reach(
        self, before: str, pieces: list[_Piece], after: str, message: str, start: _Reach
    ) -> _Reach:
        """Return the longest beginning that matches; ``before`` and ``after`` are around it."""
        low, high = 0, len(pieces)
        read = start.read
        # If a beginning matches, so does every shorter one.
        while low < high:
            middle = (low + high + 1) // 2
            found = self._match(before + _joined(pieces[:middle]) + after, message)
            if found is None:
                high = middle - 1
            else:
                low, read = middle, found
        if 0 < low < len(pieces):
            low, read = self._whole_words(before, pieces, after, message, (low, read))
        weight = sum(piece.weight for piece in pieces[:low])
        end = pieces[low - 1].end if low else start.end
        reach = _Reach(start.weight + weight, end, read)
        if low == len(pieces) or not pieces[low].choices:
            return reach
        return self._inside(before + _joined(pieces[:low]), pieces[low], after, message, reach)

    def _inside(
        self, before: str, group: _Piece, after: str, message: str, start: _Reach
    ) -> _Reach:
        """Return the furthest reach into one of the alternatives of a group that does not match."""
        best = start
        for choice in group.choices:
            begin, close = before + group.begin, group.close + after
            reach = self._reach(begin, choice, close, message, start)
            if reach.weight > best.weight and reach.weight - start.weight >= _CHANCE:
                best = reach
        return best

    def _whole_words(
        self, before: str, pieces: list[_Piece], after: str, message: str, found: tuple[int, int]
    ) -> tuple[int, int]:
        """Go back to where a fixed text begins, if hardly any of it was found behind anything."""
        low, read = found
        run = 0
        while run < low and pieces[low - 1 - run].fixed:
            run += 1
        behind = pieces[low - 1 - run].text if run < low else ""
        if not 0 < run < _CHANCE or not pieces[low].fixed or not _ANYTHING.search(behind):
            return found
        again = self._match(before + _joined(pieces[: low - run]) + after, message)
        return (low, read) if again is None else (low - run, again)

    def _match(self, text: str, message: str) -> int | None:
        """Return where a match of a pattern's beginning ends in the message, None for no match."""
        if text not in self._compiled:
            try:
                self._compiled[text] = compile_pattern(text)
            except InvalidPattern:
                self._compiled[text] = None
        pattern = self._compiled[text]
        with self._limit:
            match = pattern.find(message) if pattern else None
        return match.end() if match else None


def _joined(pieces: Sequence[_Piece]) -> str:
    return "".join(piece.text for piece in pieces)


def _parse(text: str) -> list[_Piece]:
    """Return the pieces of a pattern; one with alternatives at the top is a single piece."""
    tokens = _TOKEN.finditer(text)
    choices = [choice for choice, _ in _choices(text, tokens)]
    if len(choices) == 1:
        return choices[0]
    return [_Piece(text, len(text), choices=choices)]


def _choices(
    text: str, tokens: Iterator[re.Match[str]]
) -> Iterator[tuple[list[_Piece], re.Match[str] | None]]:
    """Yield alternatives up to the end of their group, each with the token that ends it."""
    pieces: list[_Piece] = []
    ended = 0
    for token in tokens:
        if token.start() < ended:
            continue  # a repetition, which the piece before has
        if token["close"] or token["bar"]:
            yield pieces, token
            pieces = []
            if token["close"]:
                return
            continue
        piece = _group(text, token, tokens) if token["open"] else _Piece(token[0], token.end())
        repeat = _REPEAT.match(text, piece.end)
        if repeat:
            piece = _Piece(piece.text + repeat[0], repeat.end())
        ended = piece.end
        pieces.append(piece)
    yield pieces, None


def _group(text: str, begin: re.Match[str], tokens: Iterator[re.Match[str]]) -> _Piece:
    found = list(_choices(text, tokens))
    last = found[-1][1]
    end = last.end() if last else len(text)
    # A look-around that fails is to blame as a whole.
    around = begin[0].startswith("(?") and begin[0][-1] in "=!"
    choices = [] if around else [choice for choice, _ in found]
    return _Piece(text[begin.start() : end], end, begin[0], last[0] if last else "", choices)
