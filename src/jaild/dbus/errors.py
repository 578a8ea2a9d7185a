# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module translates between jaild's errors and D-Bus errors, in both directions.

The name on the bus is PREFIX and the class's name; the sentence travels as the message.
"""

from collections.abc import Iterator, Mapping

from jaild.core.errors import JaildError, NotAuthorized

PREFIX = "org.jaild1.Error."
_FREEDESKTOP = "org.freedesktop.DBus.Error."


class BusError(JaildError):
    """A call over D-Bus failed for a reason of D-Bus's own."""


class ServiceUnavailable(BusError):
    """Nobody owns the name and nobody can be started for it, or the bus itself is gone."""


class NoReply(BusError):
    """The service took the call and did not answer in time, or ended meanwhile."""


class NoSuchMember(BusError):
    """The service has no such object, interface, method or property."""


class NameTaken(BusError):
    """Another process owns the name that this one needs."""


class Internal(BusError):
    """The service failed in a way it did not foresee; its journal has the details."""


_OF_DBUS: Mapping[str, type[JaildError]] = {
    "ServiceUnknown": ServiceUnavailable,
    "NameHasNoOwner": ServiceUnavailable,
    "Disconnected": ServiceUnavailable,
    "NoServer": ServiceUnavailable,
    "NoReply": NoReply,
    "TimedOut": NoReply,
    "Timeout": NoReply,
    "UnknownObject": NoSuchMember,
    "UnknownInterface": NoSuchMember,
    "UnknownMethod": NoSuchMember,
    "UnknownProperty": NoSuchMember,
    "AccessDenied": NotAuthorized,
    "AuthFailed": NotAuthorized,
}


def to_name(error: JaildError) -> str:
    """Return the D-Bus name of an expected error."""
    return PREFIX + type(error).__name__


def of_name(name: str, sentence: str) -> JaildError:
    """Return the error that a D-Bus error stands for."""
    if name.startswith(PREFIX):
        wanted = name.removeprefix(PREFIX)
        found = next((kind for kind in _kinds(JaildError) if kind.__name__ == wanted), BusError)
        return found(sentence)
    local = name.removeprefix(_FREEDESKTOP)
    if local.startswith("Spawn."):
        return ServiceUnavailable(sentence)
    return _OF_DBUS.get(local, BusError)(sentence)


def _kinds(root: type[JaildError]) -> Iterator[type[JaildError]]:
    yield root
    for kind in root.__subclasses__():
        yield from _kinds(kind)
