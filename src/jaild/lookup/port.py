# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module defines what the service may ask: questions in, answers by callback."""

from collections.abc import Callable
from typing import Protocol

from jaild.core.address import Address
from jaild.core.errors import JaildError

SparesDone = Callable[[bool | JaildError], None]
ResolveDone = Callable[[tuple[Address, ...] | JaildError], None]


class LookupFailed(JaildError):
    """A question has no answer: the program failed or took too long, or the name is unknown."""


class Lookup(Protocol):
    """Whatever knows what the configuration leaves to programs and to the network."""

    def spares(self, jail: str, address: Address, done: SparesDone) -> None:
        """Ask whether a jail's ignorecommand spares an address or network."""

    def resolve(self, name: str, done: ResolveDone) -> None:
        """Ask for the addresses of a host name that ignoreip lists: at least one, at most 64."""
