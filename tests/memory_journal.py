# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A journal in memory: for tests with thousands of entries and restarts."""

import os


class MemoryJournal:
    """Entries in order, each with a cursor; the oldest can be vacuumed away."""

    def __init__(self, entries=()):
        self._entries = []
        self._first = 0
        self.extend(entries)

    def extend(self, entries):
        self._entries += entries

    def vacuum(self, most):
        """Keep at most this many entries."""
        gone = max(0, len(self._entries) - most)
        del self._entries[:gone]
        self._first += gone

    def __len__(self):
        return self._first + len(self._entries)

    def __iter__(self):
        """Yield number and entry of all that are left."""
        return iter(enumerate(self._entries, self._first))

    def after(self, number):
        """Yield number and entry of all that are left behind one, which may be gone."""
        first = max(0, number + 1 - self._first)
        for index in range(first, len(self._entries)):
            yield self._first + index, self._entries[index]


class MemoryReader:
    """Stands in for JournalReader; ``journal`` is a MemoryJournal in place of a directory."""

    def __init__(self, match, journal):
        self._match = match
        self._journal = journal
        self._at = -1
        self._fd = os.open(os.devnull, os.O_RDONLY)
        self.time = 0

    def fileno(self):
        return self._fd

    def process(self):
        pass

    @property
    def cursor(self):
        return f"m={self._at}"

    def seek_time(self, time):
        self._at = len(self._journal) - 1
        for number, entry in self._journal:
            if entry.time >= time:
                self._at = number - 1
                break

    def seek(self, position):
        for number, _ in self._chosen(-1):
            if f"m={number}" == position.cursor:
                self._at = number
                return True
        oldest = next((entry.time for _, entry in self._journal), 0)
        self.seek_time(position.entry_time + 1)
        return oldest <= position.seen

    def read(self, limit):
        for number, entry in self._chosen(self._at):
            if limit <= 0:
                return
            limit -= 1
            self._at = number
            self.time = entry.time
            yield entry

    def close(self):
        os.close(self._fd)

    def _chosen(self, after):
        for number, entry in self._journal.after(after):
            if self._match.accepts(entry.fields):
                yield number, entry
