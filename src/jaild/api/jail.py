# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module is ``org.jaild1.Jail``: what one jail shows, and the Manager's methods for it.

Members are named and described in org.jaild1.Jail.xml.
"""

from collections.abc import Callable, Sequence

from jaild.api.face import JailStatus
from jaild.api.manager import Manager
from jaild.dbus.publish import Caller
from jaild.dbus.reply import Deferred

# ruff: noqa: N802, D102 - D-Bus's names, described in the XML

# The properties whose changes are announced with their value or as stale.
ANNOUNCED = (
    "State",
    "StateReason",
    "Filter",
    "JournalMatch",
    "MaxRetry",
    "FindTimeUSec",
    "BanTimeUSec",
    "BannedNow",
    "BannedTotal",
    "IgnoredAddresses",
    "Actions",
)


class Jail:
    """The object at /org/jaild1/jail/NAME; ``status`` returns the jail's present state."""

    def __init__(self, name: str, status: Callable[[], JailStatus], manager: Manager) -> None:
        self._name = name
        self._status = status
        self._manager = manager

    @property
    def Name(self) -> str:
        return self._name

    @property
    def State(self) -> str:
        return self._status().state

    @property
    def StateReason(self) -> str:
        return self._status().reason

    @property
    def Filter(self) -> str:
        return self._status().filter

    @property
    def JournalMatch(self) -> str:
        return self._status().match

    @property
    def MaxRetry(self) -> int:
        return self._status().maxretry

    @property
    def FindTimeUSec(self) -> int:
        return self._status().findtime

    @property
    def BanTimeUSec(self) -> int:
        return self._status().bantime

    @property
    def FailedNow(self) -> int:
        return self._status().failed_now

    @property
    def FailedTotal(self) -> int:
        return self._status().failed_total

    @property
    def BannedNow(self) -> int:
        return self._status().banned_now

    @property
    def BannedTotal(self) -> int:
        return self._status().banned_total

    @property
    def BannedAddresses(self) -> Sequence[str]:
        return self._status().addresses

    @property
    def IgnoredAddresses(self) -> Sequence[str]:
        return self._status().ignored

    @property
    def Actions(self) -> Sequence[str]:
        return self._status().actions

    def Ban(self, address: str, duration_usec: int, reason: str, caller: Caller) -> Deferred:
        return self._manager.Ban(self._name, address, duration_usec, reason, caller)

    def Unban(self, address: str, caller: Caller) -> Deferred:
        return self._manager.Unban(self._name, address, caller)

    def announced(self) -> dict[str, object]:
        """Return the present values of the properties whose changes are announced."""
        return {name: getattr(self, name) for name in ANNOUNCED}
