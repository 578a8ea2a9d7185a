# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module puts the service on the bus as org.jaild1 and keeps what is shown there up to date.

It listens to the service. Bans are announced one by one, properties at most a few times a second.
"""

from collections.abc import Callable

from jaild.api import path
from jaild.api.face import JailStatus, Service
from jaild.api.gate import Gate
from jaild.api.jail import Jail
from jaild.api.manager import Manager
from jaild.api.names import JAIL, MANAGER, ROOT, xml
from jaild.api.throttle import Throttle
from jaild.core.ban import Ban
from jaild.dbus.bus import Bus
from jaild.dbus.loop import Loop
from jaild.dbus.publish import Registration

PAUSE_MS = 200


class Door:
    """org.jaild1 on the bus; make it, then let the bus own the name."""

    def __init__(self, bus: Bus, loop: Loop, service: Service) -> None:
        self._bus = bus
        self._loop = loop
        self._service = service
        self._manager = Manager(service, Gate(bus.authorise))
        bus.manage(ROOT)
        self._registration = bus.publish(ROOT, self._manager, xml(MANAGER))
        self._announced = self._present()
        self._jails: dict[str, _Shown] = {}
        self._stale: set[str] = set()
        self._refresh = Throttle(loop, PAUSE_MS, self._announce)
        self._follow_jails()
        service.listeners.append(self)

    def ban_added(self, ban: Ban) -> None:
        """Tell everybody of a ban."""
        facts = (ban.jail, ban.address, ban.since, ban.until, ban.failures)
        self._emit(ban.jail, "BanAdded", facts)

    def ban_removed(self, ban: Ban, reason: str) -> None:
        """Tell everybody of the end of a ban."""
        self._emit(ban.jail, "BanRemoved", (ban.jail, ban.address, reason))

    def reloaded(self) -> None:
        """Tell everybody that another configuration is in use, and show its jails."""
        self.jails_changed()
        self._registration.emit("ConfigurationReloaded")

    def jails_changed(self) -> None:
        """Show the jails that there are now."""
        self._follow_jails()
        self._stale.update(self._jails)
        self._refresh.poke()

    def _emit(self, jail: str, signal: str, facts: tuple[object, ...]) -> None:
        self._registration.emit(signal, *facts)
        shown = self._jails.get(jail)
        if shown is not None:
            shown.registration.emit(signal, *facts)
            self._stale.add(jail)
        self._refresh.poke()

    def _follow_jails(self) -> None:
        wanted = self._service.jail_names
        for name in self._jails.keys() - set(wanted):
            self._jails.pop(name).registration.withdraw()
        for name in wanted:
            if name not in self._jails:
                self._jails[name] = self._show(name)

    def _show(self, name: str) -> "_Shown":
        status = _Remembered(lambda: self._service.jail_status(name), self._loop)
        jail = Jail(name, status, self._manager)
        registration = self._bus.publish(path.encode(name), jail, xml(JAIL))
        return _Shown(jail, status, registration)

    def _present(self) -> dict[str, object]:
        return {"Jails": self._manager.Jails, "BanCount": self._manager.BanCount}

    def _announce(self) -> None:
        present = self._present()
        self._registration.changed(_difference(self._announced, present))
        self._announced = present
        stale, self._stale = self._stale & self._jails.keys(), set()
        for name in stale:
            self._jails[name].announce()


class _Remembered:
    """A jail's state, computed once a turn of the loop however many properties are read."""

    def __init__(self, status: Callable[[], JailStatus], loop: Loop) -> None:
        self._compute = status
        self._loop = loop
        self._status: JailStatus | None = None

    def __call__(self) -> JailStatus:
        if self._status is None:
            self._status = self._compute()
            self._loop.soon(self.forget)
        return self._status

    def forget(self) -> None:
        self._status = None


class _Shown:
    """One jail on the bus."""

    def __init__(self, jail: Jail, status: _Remembered, registration: Registration) -> None:
        self._jail = jail
        self._status = status
        self.registration = registration
        self._announced = jail.announced()

    def announce(self) -> None:
        """Announce the properties that differ from what was announced last."""
        self._status.forget()
        present = self._jail.announced()
        changed = _difference(self._announced, present)
        self._announced = present
        if changed.keys() & {"BannedNow", "BannedTotal"}:
            changed["BannedAddresses"] = ()
        self.registration.changed(changed)


def _difference(before: dict[str, object], now: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in now.items() if before[name] != value}
