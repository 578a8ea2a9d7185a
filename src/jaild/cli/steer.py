# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module holds the verbs that steer the service: reload, start, stop, add."""

from argparse import Namespace
from typing import TYPE_CHECKING

from jaild.cli.verb import Exit, UsageError, Verbs, add, say, say_json
from jaild.core.text import printable

if TYPE_CHECKING:
    from jaild.api.client import Client


def register(verbs: Verbs) -> None:
    """Add the verbs of this module."""
    add(verbs, "reload", _reload, "read the configuration again")
    parser = add(verbs, "start", _start, "let a stopped jail watch again")
    parser.add_argument("jail", nargs="?", metavar="JAIL")
    parser = add(verbs, "stop", _stop, "let a jail watch no more")
    parser.add_argument("jail", nargs="?", metavar="JAIL")
    parser = add(verbs, "add", _add, "let a configured jail watch")
    parser.add_argument("jail", metavar="JAIL")
    parser.add_argument("backend", nargs="?", metavar="BACKEND", help="accepted and not needed")


def _reload(client: "Client", options: Namespace) -> int:
    client.reload()
    if options.json:
        say_json({"reloaded": True})
    else:
        say("OK")
    return Exit.DONE


def _start(client: "Client", options: Namespace) -> int:
    if options.jail:
        client.start_jail(options.jail)
        return _say_state(options, "running")
    # Without a jail it is the service that is meant; if it does not run, this says how to start it.
    version = client.version()
    if options.json:
        say_json({"version": version})
    else:
        say("Server ready")
    return Exit.DONE


def _stop(client: "Client", options: Namespace) -> int:
    if not options.jail:
        raise UsageError("stop takes a jail; to stop jaild itself: systemctl stop jaild")
    client.stop_jail(options.jail)
    return _say_state(options, "stopped")


def _add(client: "Client", options: Namespace) -> int:
    client.start_jail(options.jail)
    return _say_state(options, "running")


def _say_state(options: Namespace, state: str) -> int:
    if options.json:
        say_json({"jail": options.jail, "state": state})
    else:
        say(f"jail {printable(options.jail)} is {state}")
    return Exit.DONE
