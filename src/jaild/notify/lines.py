# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module finds the log lines that led to bans: the journal has them, by their cursors.

What the journal no longer has is told as jaild's record of the ban has it.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing

from jaild.core.ban import Evidence
from jaild.core.entry import Entry
from jaild.core.text import printable
from jaild.journal import lookup
from jaild.journal.source import History, Place, UnreadableJournal
from jaild.notify.model import Line, Notice

# Of one ban, and of all at once: each line is looked for in all files of the journal.
MOST_OF_BAN = 100
MOST = 2000
# A mail's line has at most 998 bytes.
LONGEST = 500

_HOST = Place()
_CUT = "…"
_GONE = "(the journal no longer has this entry)"


def of_notices(
    notices: Iterable[Notice], open_journal: Callable[[], History] = lambda: History(_HOST)
) -> dict[str, tuple[Line, ...]]:
    """Return the log lines behind each ban, oldest first, by the notice's cursor."""
    chosen = {notice.cursor: notice.evidence[-MOST_OF_BAN:] for notice in notices}
    cursors = [one.cursor for evidence in chosen.values() for one in evidence if one.cursor]
    entries = _look_up(cursors, open_journal)
    return {cursor: tuple(_lines(evidence, entries)) for cursor, evidence in chosen.items()}


def text_of(moment: int, origin: str, message: str) -> str:
    """Return "Nov 22 10:01:02 unit[pid]: message" of a time in microseconds: local, printable."""
    text = f"{_clock(moment)}{' ' + origin if origin else ''}: {message}"
    shown = text if len(text) <= LONGEST else text[: LONGEST - 1] + _CUT
    return printable(shown.replace("\t", " "))


def _look_up(cursors: list[str], open_journal: Callable[[], History]) -> Mapping[str, Entry | None]:
    if not cursors:
        return {}
    try:
        history = open_journal()
    except UnreadableJournal:
        return {}
    with closing(history):
        return lookup.find(history, cursors, MOST)


def _lines(evidence: tuple[Evidence, ...], entries: Mapping[str, Entry | None]) -> Iterator[Line]:
    told = set()
    for one in evidence:
        # One entry may count more than once.
        if one.cursor and one.cursor in told:
            continue
        told.add(one.cursor)
        entry = entries.get(one.cursor)
        if entry is not None:
            text = text_of(entry.time, lookup.origin(entry), entry.get("MESSAGE"))
            yield Line(entry.time, text)
        else:
            yield Line(one.time, text_of(one.time, "", one.message or _GONE))


def _clock(moment: int) -> str:
    return time.strftime("%b %e %H:%M:%S", time.localtime(moment // 1_000_000))
