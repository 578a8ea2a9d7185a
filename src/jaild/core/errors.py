# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module names everything that can go wrong in jaild.

A class name here is also the D-Bus error name (``org.jaild1.Error.<class>``) and decides jailctl's
exit status; the message is one sentence for a person.
"""

from dataclasses import dataclass


class JaildError(Exception):
    """The root of all expected errors; its text is one sentence for a person."""


class NoSuchJail(JaildError):
    """The named jail is not configured, or not enabled."""


class InvalidAddress(JaildError):
    """The text is no address or network, or a network too wide to ban."""


class InvalidDuration(JaildError):
    """The text is no duration."""


class InvalidMatch(JaildError):
    """The text is no journal match."""


class InvalidPattern(JaildError):
    """The text is no pattern of the filter language."""


class TooSlow(JaildError):
    """A pattern took longer on one message than any honest one does."""


class AddressIgnored(JaildError):
    """The address is protected by ignoreip, ignoreself or the enforcer's own rules."""


class AddressDenied(JaildError):
    """The address is banned for ever by the configuration, and only there can that be changed."""


class NotAuthorized(JaildError):
    """The caller may not do this."""


class FirewallFailed(JaildError):
    """The change is recorded but not in force: the firewall refused it or is not active."""


class StoreFailed(JaildError):
    """The state could not be saved."""


@dataclass
class InvalidConfig(JaildError):
    """One mistake in the configuration.

    ``path`` and ``line`` (from 1, 0 when unknown) locate it; ``hint`` is the likely intention,
    ``text`` the piece of the line at fault, "" for all of it.
    """

    message: str
    path: str = ""
    line: int = 0
    hint: str = ""
    text: str = ""

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}: " if self.line else f"{self.path}: " if self.path else ""
        return where + self.message + (f" ({self.hint})" if self.hint else "")
