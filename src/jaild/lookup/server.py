# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module answers jaild's questions: it checks who asks, and each word of a question.

It trusts jaild with nothing but the choice: what is run, and which names are resolved, is what the
root-owned configuration says.
"""

import logging
from collections.abc import Callable, Collection
from typing import Protocol, TypeVar

from jaild.core.address import Address, parse
from jaild.core.errors import JaildError, NotAuthorized
from jaild.dbus.loop import Loop
from jaild.dbus.publish import Caller
from jaild.dbus.reply import Deferred
from jaild.lookup import names
from jaild.lookup.command import Command, environment, fill
from jaild.lookup.idle import Idle
from jaild.lookup.lane import Done, Lane
from jaild.lookup.settings import Settings

logger = logging.getLogger(__name__)

MOST_COMMANDS = 8
MOST_NAMES = 8

T = TypeVar("T")


class Identify(Protocol):
    """The bus's word about who calls."""

    def __call__(self, sender: str, done: Callable[[int | JaildError], None]) -> None:
        """Call done with the uid behind a connection."""


class Looker:
    """``org.jaild1.Lookup``."""

    def __init__(
        self, loop: Loop, settings: Settings, identify: Identify, uids: Collection[int], idle: Idle
    ) -> None:
        """Serve only ``uids``; ``idle`` hears of each question and of its answer."""
        self._loop = loop
        self._settings = settings
        self._identify = identify
        self._uids = frozenset(uids)
        self._idle = idle
        self._commands: Lane[bool] = Lane(MOST_COMMANDS)
        self._names: Lane[tuple[Address, ...]] = Lane(MOST_NAMES)

    def Spares(self, jail: str, address: str, caller: Caller) -> Deferred:  # noqa: N802 - D-Bus's
        """Answer whether a jail's ignorecommand spares an address or network."""

        def ask(done: Done[bool]) -> None:
            target = parse(address)
            argv = fill(self._settings.command(jail), jail, target)
            variables = environment(jail, target)
            self._commands.add(lambda ended: _run(self._loop, argv, variables, ended), done)

        return self._serve(caller, ask)

    def Resolve(self, name: str, caller: Caller) -> Deferred:  # noqa: N802 - D-Bus's name
        """Answer with the addresses of a host name that ignoreip lists."""

        def ask(done: Done[tuple[Address, ...]]) -> None:
            wanted = self._settings.name(name)
            self._names.add(lambda ended: names.resolve(self._loop, wanted, ended), done)

        return self._serve(caller, ask)

    def _serve(self, caller: Caller, ask: Callable[[Done[T]], None]) -> Deferred:
        deferred = Deferred()

        def done(answer: T | JaildError) -> None:
            self._idle.ended()
            if isinstance(answer, JaildError):
                logger.debug("%s", answer)
                deferred.reject(answer)
            else:
                deferred.resolve(answer)

        def identified(uid: int | JaildError) -> None:
            try:
                self._admit(uid)
                ask(done)
            except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets an answer
                self._idle.ended()
                deferred.reject(error)

        self._idle.began()
        self._identify(caller.sender, identified)
        return deferred

    def _admit(self, uid: int | JaildError) -> None:
        if isinstance(uid, JaildError):
            raise NotAuthorized(f"the caller is unknown: {uid}")
        if uid not in self._uids:
            raise NotAuthorized("only jaild itself and root may ask")


def _run(loop: Loop, argv: list[str], variables: dict[str, str], ended: Done[bool]) -> None:
    Command(loop, argv, variables, ended)
