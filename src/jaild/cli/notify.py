# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module holds the verb about notifications: notify test."""

from argparse import Namespace
from typing import TYPE_CHECKING

from jaild.cli.verb import Exit, Verbs, add, say, say_json
from jaild.core.text import printable

if TYPE_CHECKING:
    from jaild.api.client import Client


def register(verbs: Verbs) -> None:
    """Add the verb of this module."""
    parser = add(verbs, "notify", _notify, "send a sample mail and show what happens")
    parser.add_argument("what", choices=("test",), metavar="test")
    parser.add_argument("jail", nargs="?", default="", metavar="JAIL")


def _notify(client: "Client", options: Namespace) -> int:
    # The bus takes longer to load than all the rest.
    from jaild.api.notifier import Notifier  # noqa: PLC0415

    told = [printable(line) for line in Notifier(client.caller).test(options.jail).splitlines()]
    # The last line is about the whole.
    failed = not told or told[-1].startswith("failed")
    if options.json:
        say_json({"jail": options.jail or None, "delivered": not failed, "told": told})
    else:
        for line in told:
            say(line)
    return Exit.FAILED if failed else Exit.DONE
