# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module holds the verb that plays history to jails; it needs no service: replay."""

from argparse import Namespace
from pathlib import Path

from jaild.cli.places import add_places
from jaild.cli.verb import UsageError, Verbs, add_local
from jaild.config.command_line import add_tree
from jaild.config.tree import Tree


def register(verbs: Verbs) -> None:
    """Add the verb of this module."""
    sentence = "show who would have been banned, when and why"
    parser = add_local(verbs, "replay", _replay, sentence)
    parser.add_argument(
        "jails", nargs="*", metavar="JAIL", help="only these, also if they are not enabled"
    )
    add_places(parser)
    parser.add_argument(
        "--against", type=Path, metavar="DIR", help="compare with this configuration"
    )
    add_tree(parser)


def _replay(options: Namespace) -> int:
    if options.file and options.directory:
        raise UsageError("replay takes one of --file and --directory")
    for folder in (options.config, options.against):
        # One that is not there was misspelled; /etc's may be missing.
        if folder and folder != Tree().etc and not folder.is_dir():
            raise UsageError(f"there is no directory {folder}")
    # Loaded here, since the other verbs need neither filters nor the journal.
    from jaild.cli.replay import verb  # noqa: PLC0415

    return verb.run(options)
