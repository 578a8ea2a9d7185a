# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module prints lines that consist of pieces in different styles, coloured on a terminal."""

import sys
from collections.abc import Iterable, Sequence

from jaild.cli.verb import say
from jaild.core.text import printable

# Pieces of a line, each with its style, made harmless before.
Line = Sequence[tuple[str, str]]


def show_lines(lines: Iterable[Line]) -> None:
    """Print lines, coloured on a terminal."""
    if not sys.stdout.isatty():
        for line in lines:
            say("".join(text for _, text in line))
        return
    # Loading rich takes longer than all the rest of jailctl.
    from rich.console import Console  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console(soft_wrap=True, highlight=False)
    for line in lines:
        console.print(Text.assemble(*((text, style) for style, text in line)))


def place(path: str, line: int, column: int = 0) -> str:
    """Return ``path:line:column: `` with what is known of it."""
    known = [printable(path), *(str(number) for number in (line, column) if number)]
    return ":".join(known) + ": " if path else ""


def harmless(text: str) -> str:
    """Return text that is fit for a terminal; tabs stay."""
    return "\t".join(printable(part) for part in text.split("\t"))
