# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module writes many bans as a table: a line for each, then addresses, then how many more."""

import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from jaild.core.ban import FOREVER
from jaild.core.text import printable
from jaild.journal.record import MessageId
from jaild.notify.ban_text import NEVER, WIDTH, moment
from jaild.notify.model import Notice

MOST_ROWS = 2000
_GAP = "  "
_YEAR = len("2000-")


class Paper(Protocol):
    """What the table is written on."""

    def add(self, lines: Iterable[str], keep: int = 0) -> int:
        """Add lines until no more than ``keep`` bytes are left; return how many found no room."""


def add(paper: Paper, bans: Sequence[Notice], keep: int) -> None:
    """Write as many bans as there is room for."""
    lines = [*_lines(bans[:MOST_ROWS])]
    left_out = paper.add(lines, keep)
    untold = bans[min(MOST_ROWS, len(bans)) - left_out :]
    if not untold:
        return
    paper.add(["", f"And {len(untold):,} more:", ""], 0)
    packed = [*_packed(printable(one.address) for one in untold)]
    missing = paper.add(packed, keep)
    unnamed = sum(len(line.split()) for line in packed[len(packed) - missing :])
    if unnamed:
        # They may have ended by the time that this is read; their records stay.
        query = f"JAILD_JAIL={untold[-1].jail}"
        paper.add(
            [
                f"… and {unnamed:,} that there is no room for, but in the journal:",
                f"  journalctl MESSAGE_ID={MessageId.BANNED} {printable(shlex.quote(query))}",
            ]
        )


def _lines(bans: Sequence[Notice]) -> Iterator[str]:
    """Yield the head and a line for each ban; a column that says the same in all is left out."""
    jails = len({one.jail for one in bans}) > 1
    year = moment(bans[-1].since, zone=False)[:_YEAR]
    cells = [("Address", *(["Jail"] if jails else []), "Banned", "Fails", "Until")]
    for one in bans:
        jail = [printable(one.jail)] if jails else []
        until = NEVER if one.until == FOREVER else _short(one.until, year)
        banned = _short(one.since, year)
        cells.append((printable(one.address), *jail, banned, str(one.failures), until))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    numbers = len(widths) - 2
    for row in cells:
        shown = (
            cell.rjust(width) if place == numbers else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield _GAP.join(shown).rstrip()


def _packed(words: Iterable[str]) -> Iterator[str]:
    """Yield lines with as many words as have room in each."""
    line = ""
    for word in words:
        if line and len(line) + len(word) >= WIDTH:
            yield line
            line = ""
        line += f" {word}" if line else word
    if line:
        yield line


def _short(usec: int, year: str) -> str:
    return moment(usec, zone=False).removeprefix(year)
