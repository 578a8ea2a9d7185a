# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module holds the verbs that ban and unban: ban, unban, set JAIL banip, set JAIL unbanip."""

from argparse import Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING

from jaild.cli import session
from jaild.cli.verb import Exit, UsageError, Verbs, add, complain, say, say_json, status_of
from jaild.core import address, duration
from jaild.core.address import Address
from jaild.core.errors import AddressDenied, InvalidAddress, JaildError

if TYPE_CHECKING:
    from jaild.api.client import Client

_FORCE = "ban it although it is the address of your own ssh session"


class OwnSession(JaildError):
    """The ban would shut out the person who asks for it."""


def register(verbs: Verbs) -> None:
    """Add the verbs of this module."""
    parser = add(verbs, "ban", _ban, "ban an address or network")
    parser.add_argument("jail", metavar="JAIL")
    parser.add_argument("address", metavar="ADDRESS")
    parser.add_argument(
        "--for",
        dest="duration",
        metavar="DURATION",
        help="how long (10m, 1d, -1 for ever); by default the jail's bantime",
    )
    parser.add_argument("--reason", default="", metavar="TEXT", help="a few words for the record")
    parser.add_argument("--force", action="store_true", help=_FORCE)
    parser = add(verbs, "unban", _unban, "lift bans, and print how many")
    parser.add_argument("words", nargs="*", metavar="[JAIL] ADDRESS")
    parser.add_argument("--all", action="store_true", help="lift every ban, or every ban of a JAIL")
    parser = add(verbs, "set", _set, "ban or unban addresses, and print how many were changed")
    parser.add_argument("jail", metavar="JAIL")
    parser.add_argument("option", choices=("banip", "unbanip"), metavar="{banip,unbanip}")
    parser.add_argument("addresses", nargs="+", metavar="ADDRESS")
    parser.add_argument("--force", action="store_true", help="with banip: " + _FORCE)


def _ban(client: "Client", options: Namespace) -> int:
    target = _Guard(client, force=options.force).admit(options.address)
    length = _length(options.duration)
    client.ban(options.jail, target, length, options.reason)
    if options.json:
        say_json({"jail": options.jail, "address": target})
    return Exit.DONE


def _length(text: str | None) -> int:
    """Return the duration for D-Bus, where 0 stands for the jail's own."""
    if text is None:
        return 0
    length = duration.parse(text)
    if not length:
        raise UsageError("--for needs a duration that is longer than nothing")
    return length


def _unban(client: "Client", options: Namespace) -> int:
    if options.all:
        if len(options.words) > 1:
            raise UsageError("unban --all takes at most one jail")
        lifted = client.unban_all(options.words[0] if options.words else "")
        _say_count(lifted, options)
        return Exit.DONE
    jail, targets = _split(options.words)
    lifted, status = 0, Exit.NOT_FOUND
    for target in targets:
        try:
            lifted += client.unban(jail, target)
        except AddressDenied as error:
            complain(str(error))
            status = Exit.FAILED
    _say_count(lifted, options)
    return Exit.DONE if lifted and status is not Exit.FAILED else status


def _split(words: list[str]) -> tuple[str, list[Address]]:
    """Return the jail ("" for all) and the addresses; a first word that is no address is a jail."""
    if not words:
        raise UsageError("unban needs an address, or --all")
    jail = "" if len(words) == 1 or _is_address(words[0]) else words[0]
    return jail, [address.parse(word) for word in (words[1:] if jail else words)]


def _is_address(word: str) -> bool:
    try:
        address.parse(word)
    except InvalidAddress:
        return False
    return True


def _set(client: "Client", options: Namespace) -> int:
    if options.option == "unbanip":
        return _each(lambda text: client.unban(options.jail, address.parse(text)), options)
    guard = _Guard(client, force=options.force)

    def ban(text: str) -> int:
        client.ban(options.jail, guard.admit(text), 0, "")
        return 1

    return _each(ban, options)


def _each(change: Callable[[str], int], options: Namespace) -> int:
    """Change one after the other, print the number changed; the first failure is the status."""
    changed = 0
    status = Exit.DONE
    for text in options.addresses:
        try:
            changed += change(text)
        except JaildError as error:
            complain(str(error))
            status = status or status_of(error)
    _say_count(changed, options)
    return status


def _say_count(count: int, options: Namespace) -> None:
    if options.json:
        say_json({"changed": count})
    else:
        say(str(count))


class _Guard:
    """Keeps people from banning themselves, unless by force."""

    def __init__(self, client: "Client", *, force: bool) -> None:
        self._own = session.Own(frozenset()) if force else session.find(client.caller)
        if not self._own.is_known:
            complain(
                "it is not known whether you come over ssh, and from where: that is not checked"
            )

    def admit(self, text: str) -> Address:
        """Return an address that may be banned by hand."""
        target = address.parse(text)
        own = session.hit(target, self._own.clients)
        if own is not None:
            raise OwnSession(
                f"your own ssh session comes from {own}; add --force to ban it all the same"
            )
        return target
