# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module lays out the tables of the longer reports."""

from collections.abc import Iterable, Iterator, Sequence

from jaild.cli.lines import Line
from jaild.core.text import printable

HEAD = "bold"
# A last column that has no room at all is left this much.
_NARROWEST = 8

Row = tuple[str, Sequence[str]]


def table(title: str, head: Sequence[str], rows: Iterable[Row], width: int) -> Iterator[Line]:
    """Yield a table; nothing without rows.

    Columns are to the right, the last one is to the left and cut to the ``width`` of a line, 0 for
    any. A row is its style and its cells.
    """
    shown = [(style, [printable(cell) for cell in cells]) for style, cells in rows]
    if not shown:
        return
    everything = [head, *(cells for _, cells in shown)]
    widths = [max(map(len, column)) for column in zip(*everything, strict=True)][:-1]
    yield []
    yield [(HEAD, title)]
    for style, cells in (("dim", head), *shown):
        before = "".join(
            cell.rjust(wide) + "  " for cell, wide in zip(cells[:-1], widths, strict=True)
        )
        last = _cut(cells[-1], width - len(before)) if width else cells[-1]
        yield [(style, before + last)]


def facts(rows: Iterable[tuple[str, str]]) -> Iterator[Line]:
    """Yield lines of a label and a text."""
    for label, text in rows:
        yield [(HEAD, f"{label:<10}"), ("", printable(text))]


def count(number: int, noun: str) -> str:
    """Return a number of things in words."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: max(room - 1, _NARROWEST)] + "…"
