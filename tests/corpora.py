# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the shipped filters make of the messages of the services: tests/corpus/NAME.txt.

A row is ``VERDICT ADDRESS MESSAGE``, the address "-" where none may be taken. A line
``[mode=ddos]`` gives the filter parameters for the rows below it, ``[]`` takes them back. In a row
of verdict "decoy" the client fills the slots of the message, and whatever he writes there, ADDRESS
is blamed or nobody.
"""

import json
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

from hypothesis import strategies as st

from jaild.config.compile import compile_filter
from jaild.config.filter import one_filter
from jaild.config.tree import Tree
from jaild.core.filter import Filter

HERE = Path(__file__).parent
SHIPPED = HERE.parent / "src/jaild/data"
NAMES = sorted(path.stem for path in (HERE / "corpus").glob("*.txt"))
SLOT = re.compile(r"<(any|line|word|quoted|path|json|login)>")
DECOY = "198.51.100.66"


class Row(NamedTuple):
    """``call`` is the filter with its parameters, ``line`` where the row stands in its corpus."""

    call: str
    line: int
    verdict: str
    address: str | None
    message: str


def rows(name: str) -> list[Row]:
    """The rows of one corpus."""
    found, call = [], name
    text = (HERE / "corpus" / f"{name}.txt").read_text()
    for number, line in enumerate(text.split("\n"), start=1):
        if re.fullmatch(r"\[.*\]", line):
            call = name + line.removesuffix("[]")
        elif line.strip() and not line.startswith("#"):
            verdict, address, message = line.split(" ", 2)
            found.append(Row(call, number, verdict, None if address == "-" else address, message))
    return found


TREE = Tree(etc=HERE / "nowhere", shipped=SHIPPED)


@cache
def filter_of(call: str) -> Filter:
    """The shipped filter that ``name[mode=x]`` names, compiled."""
    return compile_filter(one_filter(TREE, call))


# What a client writes to be taken for somebody else, besides pieces of the filter's own corpus.
TRICKS = (
    DECOY,
    f" {DECOY} ",
    f"[{DECOY}]",
    f"({DECOY})",
    f"<{DECOY}>",
    f"::ffff:{DECOY}",
    f" from {DECOY} port 22 ssh2",
    f" from {DECOY}",
    f" rhost={DECOY} user=root",
    f" client: {DECOY}, server: _",
    f'"{DECOY}"',
    f" ip={DECOY}",
    f"\n{DECOY} ",
    "\n",
    "\x00",
    '"',
    "'",
    "\\",
    "]: ",
    ": ",
    ", ",
    " - - ",
)


def texts(name: str) -> st.SearchStrategy[str]:
    """What clients of one service write: anything, and whole messages of the service itself."""
    imitations = sorted(
        {
            SLOT.sub("x", row.message).replace(row.address, DECOY)
            for row in rows(name)
            if row.address
        }
    )
    pieces = st.sampled_from((*TRICKS, *imitations))
    halves = st.sampled_from(imitations or TRICKS).flatmap(
        lambda text: st.integers(0, len(text)).map(lambda cut: text[cut:])
    )
    return st.lists(pieces | halves | st.text(max_size=8), max_size=4).map("".join)


def fill(message: str, text: str) -> str:
    """A message with all its slots filled as far as the service lets the client."""
    return SLOT.sub(lambda slot: _FORMS[slot[1]](text), message)


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_FORMS = {
    "any": lambda text: text,
    "line": lambda text: _CONTROL.sub("", text),
    "word": lambda text: "".join(_CONTROL.sub("", text).split()),
    "quoted": lambda text: _CONTROL.sub("", text).replace('"', ""),
    "path": lambda text: "".join(_CONTROL.sub("", text).split()).replace('"', ""),
    "login": lambda text: text.partition(":")[0],
    "json": lambda text: json.dumps(text)[1:-1],
}
