# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module looks up in the journal who wrote the entries that count against an address.

Times and messages come from the service; the journal, where it still has the entries and the caller
may read it, adds the unit and the process.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from jaild.core.entry import Entry
from jaild.journal import lookup
from jaild.journal.source import History, Place, UnreadableJournal

HOST = Place()


@dataclass(frozen=True, slots=True)
class Evidence:
    """Entries by cursor; ``gone`` are the cursors that the whole journal does not have."""

    entries: dict[str, Entry] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()

    def origin(self, cursor: str) -> str:
        """Return which unit and process wrote an entry, as ``ssh[713]``, or ""."""
        entry = self.entries.get(cursor)
        return "" if entry is None else lookup.origin(entry)


def look_up(cursors: Iterable[str], most: int) -> Evidence:
    """Return the first ``most`` entries, as far as the caller may read this host's journal."""
    wanted = [*filter(None, cursors)]
    if not wanted:
        return Evidence()
    try:
        history = History(HOST)
    except UnreadableJournal:
        return Evidence()
    try:
        found = lookup.find(history, wanted, most)
    finally:
        history.close()
    entries = {cursor: entry for cursor, entry in found.items() if entry is not None}
    # What is in files that this caller may not read is not gone.
    gone = frozenset(found) - frozenset(entries) if not history.unread else frozenset()
    return Evidence(entries, gone)
