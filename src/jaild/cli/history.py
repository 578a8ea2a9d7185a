# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module opens the journal that a command line names, for the verbs that read history."""

import time
from argparse import Namespace
from pathlib import Path

from jaild.cli import when
from jaild.cli.verb import complain
from jaild.core.match import Match
from jaild.journal.source import History, Place

_NANOSECONDS_A_MICROSECOND = 1000


def place(options: Namespace) -> Place:
    """Return where to read; without --file and --directory that is the host's journal."""
    now = time.time_ns() // _NANOSECONDS_A_MICROSECOND
    since, until = (
        None if text is None else when.moment(text, now) for text in (options.since, options.until)
    )
    return Place(tuple(options.file or ()), options.directory, since, until)


def open_history(where: Place, match: Match | None) -> History:
    """Open a journal, and complain of files that are left out; raises UnreadableJournal."""
    history = History(where, match)
    if history.unread:
        complain(history.unread)
    return history


def close(history: History) -> None:
    """Close a journal, and complain of what was damaged in it."""
    if history.damaged:
        complain(f"damaged entries of the journal are passed over: {history.damaged:,}")
    history.close()


def told(options: Namespace) -> str:
    """Return what is read, in a few words."""
    spans = (
        f", {word} {getattr(options, word)}"
        for word in ("since", "until")
        if getattr(options, word) is not None
    )
    return _named(tuple(options.file or ()), options.directory) + "".join(spans)


def _named(files: tuple[Path, ...], directory: Path | None) -> str:
    if files:
        return str(files[0]) if len(files) == 1 else f"{files[0]} and {len(files) - 1} more"
    return str(directory) if directory else "this host's journal"
