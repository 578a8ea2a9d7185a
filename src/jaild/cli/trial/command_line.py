# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module holds the verb that tries a filter on a journal; it needs no service: test."""

from argparse import Namespace

from jaild.cli.places import add_places
from jaild.cli.verb import UsageError, Verbs, add_local
from jaild.config.command_line import add_tree

_SOURCES = "--file, --directory, --since (the host's journal) or --stdin"


def register(verbs: Verbs) -> None:
    """Add the verb of this module."""
    parser = add_local(verbs, "test", _test, "show what a filter makes of each entry of a journal")
    parser.add_argument("filter", metavar="FILTER", help="such as sshd or 'sshd[mode=aggressive]'")
    add_places(parser)
    parser.add_argument(
        "--stdin", action="store_true", help="bare messages, one a line, or an export stream"
    )
    parser.add_argument(
        "--all-entries", action="store_true", help="also entries outside the filter's journal match"
    )
    parser.add_argument("--explain", action="store_true", help="tell step by step how and why")
    parser.add_argument("--missed", action="store_true", help="show every missed message")
    add_tree(parser)


def _test(options: Namespace) -> int:
    given = [bool(options.file), bool(options.directory), options.stdin]
    if sum(given) > 1:
        raise UsageError("test takes one of --file, --directory and --stdin")
    if not any(given) and options.since is None:
        raise UsageError(f"test needs something to read: {_SOURCES}")
    if options.stdin and (options.since or options.until):
        raise UsageError("--since and --until choose from a journal; --stdin is read whole")
    # Loaded here, since the other verbs need neither filters nor the journal.
    from jaild.cli.trial import verb  # noqa: PLC0415

    return verb.run(options)
