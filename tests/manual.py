# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The manual's examples, as a reader types them: files to write and commands to give, in order.

In a code block a line ``# /path`` begins a file, which goes on to the next such line or to the end
of the block. Elsewhere the prompt says who gives the command: ``#`` root, ``$`` anybody, ``other$``
somebody on another machine. What stands below a command is what it prints.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PAGES = Path(__file__).parents[1] / "man"

_FILE = re.compile(r"# (/\S+)")
_COMMAND = re.compile(r"(#|\$|other\$) (.+)")
_PROMPTS = {"#": "root", "$": "anybody", "other$": "other"}


@dataclass(frozen=True, slots=True)
class File:
    """A file that the example tells to write."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command line for a shell; ``who`` is root, anybody or other; ``printed`` may be ""."""

    who: str
    line: str
    printed: str


def examples(page: str, section: str = "") -> list[File | Command]:
    """The files and commands of a page such as "jaild-filter.5", or of one of its sections."""
    text = (PAGES / f"{page}.scd").read_text()
    if section:
        parts = re.split(r"^# ([A-Z].*)\n", text, flags=re.MULTILINE)
        text = dict(zip(parts[1::2], parts[2::2], strict=True))[section]
    blocks = re.findall(r"^```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    # In a code block scdoc reads two backslashes as one.
    return [step for block in blocks for step in _steps(block.replace("\\\\", "\\"))]


def _steps(block: str) -> Iterator[File | Command]:
    lines = block.splitlines()
    starts = _FILE if _FILE.fullmatch(lines[0]) else _COMMAND
    heads = [place for place, line in enumerate(lines) if starts.fullmatch(line)]
    for head, end in zip(heads, [*heads[1:], len(lines)], strict=True):
        found = starts.fullmatch(lines[head])
        below = "".join(f"{line}\n" for line in lines[head + 1 : end])
        if starts is _FILE:
            yield File(found[1], below.rstrip("\n") + "\n")
        else:
            yield Command(_PROMPTS[found[1]], found[2], below)
