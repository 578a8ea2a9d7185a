# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module stands before every method: who may call it, and with which arguments."""

from collections.abc import Callable
from typing import Protocol

from jaild.api.names import Action
from jaild.core import address
from jaild.core.address import Address
from jaild.core.ban import FOREVER
from jaild.core.duration import LONGEST
from jaild.core.errors import InvalidAddress, InvalidDuration, NoSuchJail, NotAuthorized
from jaild.core.rule import JAIL_NAME
from jaild.core.text import printable
from jaild.dbus.publish import Caller
from jaild.dbus.reply import Deferred

# The longest form of an address (IPv4 inside IPv6) and its prefix length.
ADDRESS_MAX = 49
REASON_MAX = 200
BY_HAND = "by hand"


class Authorise(Protocol):
    """How the bus is asked whether a caller may do something."""

    def __call__(
        self, sender: str, action: str, done: Callable[[bool], None], *, interactive: bool
    ) -> None:
        """Call done with the verdict, now or later."""


class Gate:
    """Lets authorised callers through."""

    def __init__(self, authorise: Authorise) -> None:
        self._authorise = authorise

    def enter(self, caller: Caller, action: Action, act: Callable[[Deferred], None]) -> Deferred:
        """Call act with the answer-to-be if the caller may do action, else answer NotAuthorized.

        What act raises becomes the answer.
        """
        answer = Deferred()

        def judged(allowed: bool) -> None:  # noqa: FBT001 - the verdict is all there is
            if not allowed:
                answer.reject(NotAuthorized(f"you are not authorised to do this ({action})"))
                return
            try:
                act(answer)
            except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets an answer
                answer.reject(error)

        self._authorise(caller.sender, action, judged, interactive=caller.interactive)
        return answer


def check_jail(name: str) -> str:
    """Return the name of a jail that may exist; raises NoSuchJail."""
    if not JAIL_NAME.fullmatch(name):
        raise NoSuchJail("there is no jail of that name: it is empty, too long or malformed")
    return name


def check_jail_or_all(name: str) -> str:
    """Return the name of a jail that may exist, or "" for all; raises NoSuchJail."""
    return check_jail(name) if name else ""


def check_address(text: str) -> Address:
    """Return the canonical form of an address or network to ban; raises InvalidAddress."""
    # The sentences of errors repeat the text, so it must be short and harmless to look at.
    if len(text) > ADDRESS_MAX or not (text.isascii() and text.isprintable()):
        raise InvalidAddress("what was given is not an address or network")
    return address.parse(text)


def check_duration(duration_usec: int) -> int:
    """Return a duration in microseconds or FOREVER; raises InvalidDuration."""
    if LONGEST < duration_usec < FOREVER:
        raise InvalidDuration("the duration is too long; all ones stand for ever")
    return duration_usec


def clean_reason(text: str) -> str:
    """Return a reason that is short, not empty, and harmless to look at."""
    return printable(text[:REASON_MAX]).strip() or BY_HAND
