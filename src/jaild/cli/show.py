# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module holds the verbs that only show: status, bans, banned, get, ping, version."""

import shutil
import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from jaild import __version__
from jaild.cli import render
from jaild.cli.lines import show_lines
from jaild.cli.table import HEAD
from jaild.cli.verb import Exit, UsageError, Verbs, add, complain, say, say_json
from jaild.core import address
from jaild.core.address import Address
from jaild.core.ban import FOREVER, Ban
from jaild.core.text import printable

if TYPE_CHECKING:
    from jaild.api.client import Client, JailRow

_SECOND = 1_000_000
_GETTABLE = ("banip", "bantime", "findtime", "maxretry")
_WITH_TIME = "--with-time"
# fail2ban's end of time
_END = "9999-12-31 23:59:59"


def register(verbs: Verbs) -> None:
    """Add the verbs of this module."""
    parser = add(verbs, "status", _status, "show the jails, or one of them")
    parser.add_argument("jail", nargs="?", metavar="JAIL")
    parser.add_argument("--all", action="store_true", help="show every jail")
    parser = add(verbs, "bans", _bans, "list the present bans")
    parser.add_argument("jail", nargs="?", default="", metavar="JAIL")
    parser = add(verbs, "banned", _banned, "list banned addresses by jail, or jails by address")
    parser.add_argument("addresses", nargs="*", metavar="ADDRESS")
    parser = add(verbs, "get", _get, "show one thing of a jail")
    parser.add_argument("jail", metavar="JAIL")
    parser.add_argument("option", choices=_GETTABLE, metavar=f"{{{','.join(_GETTABLE)}}}")
    parser.add_argument("separator", nargs="?", default=" ", metavar="SEPARATOR")
    parser.add_argument(_WITH_TIME, action="store_true", help="with banip: show when and how long")
    add(verbs, "ping", _ping, "see whether jaild answers")
    add(verbs, "version", _version, "show the version of the running jaild")


def _status(client: "Client", options: Namespace) -> int:
    if options.jail and options.all:
        raise UsageError("status takes a jail or --all, not both")
    if options.jail or options.all:
        names = [options.jail] if options.jail else [row.name for row in client.jails()]
        return _status_of(client, names, options)
    rows = client.jails()
    if options.json:
        jails = [{"name": row.name, "state": row.state} for row in rows]
        facts = {"version": client.version(), "ban_count": client.ban_count(), "jails": jails}
        say_json(facts)
    else:
        say(render.overview([row.name for row in rows]))
        _mention(rows)
    return Exit.DONE


def _status_of(client: "Client", names: Sequence[str], options: Namespace) -> int:
    views = [client.jail(name) for name in names]
    if options.json:
        objects = [render.jail_object(view) for view in views]
        say_json(objects if options.all else objects[0])
        return Exit.DONE
    most = render.MOST_ADDRESSES if sys.stdout.isatty() else None
    for view in views:
        say(render.jail(view, most))
        if view.state != "running":
            reason = f": {view.state_reason}" if view.state_reason else ""
            complain(f"jail '{view.name}' is {view.state}{reason}")
    return Exit.DONE


def _mention(rows: Sequence["JailRow"]) -> None:
    for row in rows:
        if row.state != "running":
            complain(
                f"jail '{row.name}' is {row.state}; more is told by: jailctl status {row.name}"
            )


def _bans(client: "Client", options: Namespace) -> int:
    bans = client.bans(options.jail)
    if options.json:
        say_json([render.ban_object(ban) for ban in bans])
        return Exit.DONE
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    head, *lines = render.columns(render.rows(bans), width)
    show_lines([[(HEAD, head)]])
    # The lines are harmless already, and there may be a hundred thousand.
    if lines:
        say("\n".join(lines))
    return Exit.DONE


def _banned(client: "Client", options: Namespace) -> int:
    bans = client.bans()
    result: list[object]
    if options.addresses:
        wanted = [set(address.covering(address.parse(text))) for text in options.addresses]
        result = [_jails_of(bans, names) for names in wanted]
    else:
        jails = [row.name for row in client.jails()]
        result = [{jail: [b.address for b in bans if b.jail == jail]} for jail in jails]
    if options.json:
        say_json(result)
    else:
        say(printable(repr(result)))
    return Exit.DONE


def _jails_of(bans: Sequence[Ban], names: set[Address]) -> list[str]:
    """Return the jails that ban one of some addresses and networks, each once."""
    return list(dict.fromkeys(ban.jail for ban in bans if ban.address in names))


def _get(client: "Client", options: Namespace) -> int:
    if options.option == "banip":
        return _get_bans(client, options)
    view = client.jail(options.jail)
    value = {
        "bantime": -1 if view.ban_time_usec == FOREVER else view.ban_time_usec // _SECOND,
        "findtime": view.find_time_usec // _SECOND,
        "maxretry": view.max_retry,
    }[options.option]
    say(str(value))
    return Exit.DONE


def _get_bans(client: "Client", options: Namespace) -> int:
    bans = client.bans(options.jail)
    if options.json:
        say_json([ban.address for ban in bans])
    elif options.with_time:
        for ban in bans:
            say(_with_time(ban))
    else:
        say(options.separator.join(printable(ban.address) for ban in bans))
    return Exit.DONE


def _with_time(ban: Ban) -> str:
    forever = ban.until == FOREVER
    seconds = -1 if forever else (ban.until - ban.since) // _SECOND
    end = _END if forever else render.moment(ban.until)
    return f"{printable(ban.address)} \t{render.moment(ban.since)} + {seconds} = {end}"


def _ping(client: "Client", options: Namespace) -> int:
    client.version()
    if options.json:
        say_json({"reply": "pong"})
    else:
        say("Server replied: pong")
    return Exit.DONE


def _version(client: "Client", options: Namespace) -> int:
    running = client.version()
    if options.json:
        say_json({"version": running, "jailctl": __version__})
    else:
        say(printable(running))
    return Exit.DONE
