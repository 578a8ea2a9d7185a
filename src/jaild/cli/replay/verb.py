# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module carries out ``jailctl replay``: history in, the bans it would have led to out."""

import logging
import shutil
import sys
import time
from argparse import Namespace
from collections.abc import Generator
from contextlib import closing
from dataclasses import replace

from jaild.cli.history import close, open_history, place, told
from jaild.cli.lines import show_lines
from jaild.cli.replay.choice import Choice, choose, known
from jaild.cli.replay.numbers import Numbers, missing
from jaild.cli.replay.report import Difference, Report
from jaild.cli.trial.progress import interruptible, watched
from jaild.cli.verb import Exit, UsageError, complain, say_json
from jaild.config.command_line import tree
from jaild.config.tree import Tree
from jaild.core.ban import FOREVER, Ban
from jaild.core.entry import Entry
from jaild.core.match import union
from jaild.journal.source import History, Place
from jaild.service.guard import Guard
from jaild.service.limit import Limit
from jaild.service.replay import Audience, Replay

_NANOSECONDS_A_MICROSECOND = 1000


class _Sentences(logging.Handler):
    """Tells what the service's own code warns of; jails that it has to stop are told otherwise."""

    def emit(self, record: logging.LogRecord) -> None:
        """Complain of a warning."""
        if record.levelno == logging.WARNING:
            complain(record.getMessage())


def run(options: Namespace) -> int:
    """Replay as the command line says; returns the exit status."""
    choice = choose(tree(options), options.jails)
    if not choice.names:
        raise UsageError("no jail is enabled in this configuration: name those to replay")
    limit, sentences = Limit(), _Sentences()
    logging.getLogger("jaild").addHandler(sentences)
    limit.start()
    try:
        if options.against is not None:
            return _compare(options, choice, limit)
        numbers, status = _play(choice, place(options), limit)
    finally:
        limit.stop()
        logging.getLogger("jaild").removeHandler(sentences)
    _show(options, numbers, None)
    return status


def _compare(options: Namespace, choice: Choice, limit: Limit) -> int:
    other = _other(options)
    # Both are to see the same entries.
    where = _until_now(place(options))
    numbers, status = _play(choice, where, limit)
    if not status:
        others, status = _play(other, where, limit, f"{options.against}: ")
    if status:
        complain("there is nothing to compare: one of the two has not come to its end")
        return status
    gained, lost = missing(numbers.found, others.found), missing(others.found, numbers.found)
    _show(options, numbers, Difference(str(options.against), gained, lost))
    return status


def _other(options: Namespace) -> Choice:
    """Return what to compare with; of the named jails those that are there."""
    other = Tree(etc=options.against, shipped=options.shipped)
    names = known(other, options.jails)
    return Choice((), ()) if options.jails and not names else choose(other, names)


def _until_now(where: Place) -> Place:
    if where.until is not None or where.files or where.directory:
        return where
    return replace(where, until=time.time_ns() // _NANOSECONDS_A_MICROSECOND)


def _play(choice: Choice, where: Place, limit: Limit, whose: str = "") -> tuple[Numbers, int]:
    """Return what history comes to with these jails, and the exit status.

    Complaints begin with ``whose`` jails they are.
    """
    for sentence in choice.unknown():
        complain(whose + sentence)
    match = union(jail.match for jail in choice.jails)
    history = open_history(where, match)
    numbers = Numbers(choice.names)
    audience = Audience(numbers.see, lambda guard: _complain_of(guard, whose))
    replay = Replay(choice.jails, limit, lambda: history.cursor, audience, choice.ignored)
    status: int = Exit.DONE
    begun = time.perf_counter()
    try:
        # Without a match it would be the whole journal, and nobody looks at it.
        with interruptible(), closing(_entries(history if match.groups else None)) as entries:
            replay.run(entries)
    except KeyboardInterrupt:
        complain("interrupted; the numbers are of the entries so far")
        status = Exit.INTERRUPTED
    finally:
        close(history)
    numbers.entries, numbers.seconds = replay.taken, time.perf_counter() - begun
    if choice.jails and not numbers.entries and not status:
        complain(f"{whose}the journal has no entries that these jails look at")
    return numbers, status


def _entries(history: History | None) -> Generator[Entry, None, None]:
    """Return the entries, with a bar at a terminal."""
    if history is not None and sys.stderr.isatty():
        return watched(history, history.span())
    return (entry for entry in history or ())


def _complain_of(guard: Guard, whose: str) -> None:
    reason = f"jail '{guard.name}' is stopped here, as the service would stop it: {guard.reason}"
    complain(whose + reason)


def _show(options: Namespace, numbers: Numbers, difference: Difference | None) -> None:
    if options.json:
        say_json(_object(numbers, difference))
        return
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    jails = ", ".join(numbers.jails)
    replayed = [("Config", str(options.config)), ("Jails", jails), ("Journal", told(options))]
    show_lines(Report(numbers, difference, width).lines(replayed))


def _object(numbers: Numbers, difference: Difference | None) -> dict[str, object]:
    found: dict[str, object] = {
        "entries": numbers.entries,
        "failures": numbers.failures.total(),
        "bans": [_ban_object(ban) for ban in numbers.bans],
        "seconds": round(numbers.seconds, 6),
    }
    if difference is not None:
        found["gained"] = [_ban_object(one.ban) for one in difference.gained]
        found["lost"] = [_ban_object(one.ban) for one in difference.lost]
    return found


def _ban_object(ban: Ban) -> dict[str, object]:
    return {
        "jail": ban.jail,
        "address": ban.address,
        "at": ban.since,
        "until": None if ban.until == FOREVER else ban.until,
        "failures": ban.failures,
        "evidence": list(ban.cursors),
    }
