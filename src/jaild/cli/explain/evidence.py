# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module looks up the journal entries that count against an address."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from jaild.core.entry import Entry
from jaild.journal.source import History, Place, UnreadableJournal

HOST = Place()


@dataclass(frozen=True, slots=True)
class Evidence:
    """Entries by cursor; ``problem`` says why some could not be looked up, "" if none is missed."""

    entries: dict[str, Entry] = field(default_factory=dict)
    problem: str = ""


def look_up(cursors: Iterable[str], most: int) -> Evidence:
    """Return the first ``most`` entries, as far as the caller may read this host's journal."""
    wanted = list(dict.fromkeys(filter(None, cursors)))[:most]
    if not wanted:
        return Evidence()
    try:
        history = History(HOST)
    except UnreadableJournal as error:
        return Evidence(problem=str(error))
    try:
        found = {cursor: history.find(cursor) for cursor in wanted}
    finally:
        history.close()
    entries = {cursor: entry for cursor, entry in found.items() if entry is not None}
    if len(entries) == len(wanted):
        return Evidence(entries)
    gone = "some entries are no longer in the journal"
    return Evidence(entries, history.unread or gone)
