# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module finds what ``jailctl test`` tests, a filter, and what it is tested on, entries."""

import sys
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from typing import cast

from jaild.cli.history import close, open_history, place, told
from jaild.cli.verb import UsageError, complain
from jaild.config.filter import Filters, one_filter
from jaild.config.jails import Jails
from jaild.config.model import FilterConfig
from jaild.config.tree import Tree
from jaild.core import match
from jaild.core.entry import Entry
from jaild.core.errors import InvalidConfig, InvalidMatch
from jaild.core.match import Match
from jaild.journal.export import EntryStream
from jaild.journal.source import History


@dataclass(frozen=True, slots=True)
class Chosen:
    """The filter to test and the entries that it is meant for; None for all.

    ``instead`` is what a jail would look at where the filter itself does not say, "" if unknown.
    """

    filter: FilterConfig
    match: Match | None
    instead: str = ""


def choose(tree: Tree, text: str) -> Chosen:
    """Return the filter that a text such as ``sshd[mode=ddos]`` names, or else that jail's filter.

    Raises InvalidConfig, and UsageError for a filter that looks at no entries.
    """
    chosen = _of_jail(tree, text) or _of_filter(tree, text)
    if chosen.filter.source != "journal":
        instead = "the bans of other jails" if chosen.filter.source == "bans" else "nothing"
        raise UsageError(
            f"filter '{chosen.filter.name}' looks at {instead}, not at the journal: "
            "there are no messages to test"
        )
    if not chosen.filter.failregex:
        message = f"filter '{chosen.filter.name}' has no failregex: it could find nothing"
        raise InvalidConfig(message, *_place(chosen.filter, "failregex"))
    return chosen


def _of_filter(tree: Tree, text: str) -> Chosen:
    config = one_filter(tree, text, derive=False)
    if not config.journalmatch.strip():
        # Its author has read log files; in the journal its lines may come from anywhere.
        return Chosen(config, None, one_filter(tree, text).journalmatch)
    try:
        return Chosen(config, match.parse(config.journalmatch))
    except InvalidMatch as error:
        raise InvalidConfig(str(error), *_place(config, "journalmatch")) from error


def _of_jail(tree: Tree, text: str) -> Chosen | None:
    """Return a jail's filter as the jail uses it, if no filter has this name."""
    if "[" in text or Filters(tree).exists(text):
        return None
    jails = Jails(tree)
    if text not in jails.layers.sections:
        return None
    jail = jails.jail(text).build()
    return Chosen(jail.filter, jail.match)


def _place(config: FilterConfig, option: str) -> tuple[str, int]:
    return config.places.get(option, (config.path, 0))


class Source:
    """The entries to test on.

    ``told`` says what they are, ``matched`` whether the filter's journal match has chosen them;
    ``span`` is from when to when they are, in microseconds since the epoch, None if not known.
    """

    def __init__(self, options: Namespace, wanted: Match | None) -> None:
        """Open what the command line names; raises UsageError and UnreadableJournal."""
        self.matched = wanted is not None and not options.all_entries
        self._match = wanted if self.matched else None
        self._history: History | None = None
        self._stream: EntryStream | None = None
        self.span: tuple[int, int] | None = None
        if options.stdin:
            self._open_stream()
        else:
            self._open_journal(options)

    def __iter__(self) -> Iterator[Entry]:
        """Yield the entries; raises UnreadableJournal and BrokenExport."""
        if self._history is not None:
            return iter(self._history)
        if self._stream is None:
            return iter(())
        chosen = self._match
        return (e for e in self._stream if chosen is None or chosen.accepts(e.fields))

    def close(self) -> None:
        """Close the journal's files."""
        if self._history is not None:
            close(self._history)

    def _open_stream(self) -> None:
        if sys.stdin is None:
            raise UsageError("there is no standard input to read")
        if sys.stdin.isatty():
            complain("type messages, one a line; Ctrl-D ends")
        self._stream = EntryStream(cast("BufferedReader", sys.stdin.buffer))
        self.told = "standard input, an export stream"
        if not self._stream.exported:
            # Bare messages have no fields that a match could look at.
            self.told = "standard input, one bare message a line"
            self._match, self.matched = None, False

    def _open_journal(self, options: Namespace) -> None:
        self._history = open_history(place(options), self._match)
        self.span = self._history.span()
        self.told = told(options)
