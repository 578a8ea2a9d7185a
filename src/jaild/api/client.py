# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module is the caller's side of org.jaild1: one function a method, with jaild's values.

Everything raises the error that the service answered, ServiceUnavailable when jaild does not run.
"""

from dataclasses import dataclass
from typing import Any, Protocol

from jaild.api import path
from jaild.api.explain import Facts
from jaild.api.names import BUS, JAIL, MANAGER, ROOT
from jaild.core.ban import Ban
from jaild.core.errors import NoSuchJail
from jaild.dbus.call import Call
from jaild.dbus.errors import NoSuchMember, ServiceUnavailable

_PROPERTIES = "org.freedesktop.DBus.Properties"
# The properties of org.jaild1.Jail in the order of JailView's fields.
_SHOWN = (
    "Name",
    "State",
    "StateReason",
    "Filter",
    "JournalMatch",
    "MaxRetry",
    "FindTimeUSec",
    "BanTimeUSec",
    "FailedNow",
    "FailedTotal",
    "BannedNow",
    "BannedTotal",
    "BannedAddresses",
    "IgnoredAddresses",
    "Actions",
)


class Caller(Protocol):
    """Whatever brings a call to the service and waits for the answer."""

    def call(self, call: Call) -> tuple[Any, ...]:
        """Return the values that the method returned."""


@dataclass(frozen=True, slots=True)
class JailView:
    """One jail as org.jaild1.Jail shows it; the fields are its properties in their order."""

    name: str
    state: str
    state_reason: str
    filter: str
    journal_match: str
    max_retry: int
    find_time_usec: int
    ban_time_usec: int
    failed_now: int
    failed_total: int
    banned_now: int
    banned_total: int
    banned_addresses: tuple[str, ...]
    ignored_addresses: tuple[str, ...]
    actions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JailRow:
    """One jail in the list of all."""

    name: str
    state: str
    path: str


class Client:
    """org.jaild1 as an object."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    @property
    def caller(self) -> Caller:
        """What brings the calls, for the interfaces of the other processes."""
        return self._caller

    def ban(self, jail: str, address: str, duration_usec: int, reason: str) -> None:
        """Ban an address or network; 0 for the jail's bantime, FOREVER for ever."""
        self._manager("Ban", "ssts", jail, address, duration_usec, reason)

    def unban(self, jail: str, address: str) -> int:
        """Lift an address's bans in a jail, or in all for "", and return how many there were."""
        return int(self._manager("Unban", "ss", jail, address)[0])

    def unban_all(self, jail: str) -> int:
        """Lift all bans of a jail, or of all for "", and return how many there were."""
        return int(self._manager("UnbanAll", "s", jail)[0])

    def bans(self, jail: str = "") -> list[Ban]:
        """Return the bans of a jail, or all of them."""
        return [Ban(*row) for row in self._manager("ListBans", "s", jail)[0]]

    def jails(self) -> list[JailRow]:
        """Return every jail."""
        return [JailRow(*row) for row in self._manager("ListJails", "")[0]]

    def explain(self, address: str) -> Facts:
        """Return what is known of an address or network."""
        facts: Facts = self._manager("Explain", "s", address)[0]
        return facts

    def jail(self, name: str) -> JailView:
        """Return one jail."""
        at = path.encode(name)
        try:
            (values,) = self._call(Call(BUS, at, _PROPERTIES, "GetAll", "s", (JAIL,)))
        except NoSuchMember:
            raise NoSuchJail(f"there is no jail '{name}'") from None
        facts: Any = (_frozen(values[name]) for name in _SHOWN)
        return JailView(*facts)

    def start_jail(self, name: str) -> None:
        """Let a jail watch again."""
        self._manager("StartJail", "s", name)

    def stop_jail(self, name: str) -> None:
        """Let a jail watch no more."""
        self._manager("StopJail", "s", name)

    def reload(self) -> None:
        """Let jaild read its configuration again."""
        self._manager("Reload", "")

    def version(self) -> str:
        """Return the version of the running jaild."""
        return str(self._property("Version"))

    def ban_count(self) -> int:
        """Return how many bans there are."""
        return int(self._property("BanCount"))

    def _property(self, name: str) -> Any:  # noqa: ANN401 - as the XML says
        return self._call(Call(BUS, ROOT, _PROPERTIES, "Get", "ss", (MANAGER, name)))[0]

    def _manager(self, method: str, signature: str, *args: object) -> tuple[Any, ...]:
        return self._call(Call(BUS, ROOT, MANAGER, method, signature, args))

    def _call(self, call: Call) -> tuple[Any, ...]:
        try:
            return self._caller.call(call)
        except ServiceUnavailable:
            raise ServiceUnavailable(
                "jaild is not running; start it with: systemctl start jaild"
            ) from None


def _frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value
