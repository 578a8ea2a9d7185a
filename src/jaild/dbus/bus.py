# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module is one connection to the system bus: its names, objects, calls and signals.

Nothing here waits, except connecting and own(), which belong to the start of a process.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pydbus
from gi.repository import Gio, GLib

from jaild.core.errors import JaildError
from jaild.dbus import errors
from jaild.dbus.authorise import Authority, Verdict
from jaild.dbus.call import TIMEOUT_MS, Call, Done, Outcome, failure
from jaild.dbus.loop import Callback, Handle
from jaild.dbus.objects import ObjectManager, Published

logger = logging.getLogger(__name__)

DBUS = "org.freedesktop.DBus"
DBUS_PATH = "/org/freedesktop/DBus"
# A unique name is never given to another connection, so its uid can be remembered.
REMEMBERED_UIDS = 512

_DO_NOT_QUEUE = 4
_PRIMARY_OWNER = 1


class Bus:
    """A connection to a message bus; make it with Bus.system() or Bus.at()."""

    def __init__(self, bus: Any) -> None:  # noqa: ANN401 - pydbus's own
        self._bus = bus  # keeps the connection
        self._con: Any = bus.con
        self._authority = Authority(self)
        self._managers: list[ObjectManager] = []
        self._uids: OrderedDict[str, int] = OrderedDict()

    @classmethod
    def system(cls) -> "Bus":
        """Connect to the system bus ($DBUS_SYSTEM_BUS_ADDRESS); raises ServiceUnavailable."""
        try:
            return cls.at(Gio.dbus_address_get_for_bus_sync(Gio.BusType.SYSTEM, None))
        except GLib.Error as error:
            raise errors.ServiceUnavailable(f"there is no system bus: {error.message}") from None

    @classmethod
    def at(cls, address: str) -> "Bus":
        """Connect to the bus at a D-Bus address; raises ServiceUnavailable."""
        # Not pydbus.SystemBus(): GLib's shared connection kills the process when the bus ends.
        try:
            return cls(pydbus.connect(address))
        except GLib.Error as error:
            raise errors.ServiceUnavailable(
                f"the system bus cannot be reached: {error.message}"
            ) from None

    @property
    def unique_name(self) -> str:
        """The connection's own name on the bus."""
        return str(self._con.get_unique_name())

    def close(self) -> None:
        """End the connection; on_closed callbacks are called."""
        self._con.close(None, None)

    def on_closed(self, callback: Callback) -> None:
        """Call callback when the connection ends; there is no way back for this process."""
        self._con.connect("closed", lambda *_: callback())

    def own(self, name: str, lost: Callback | None = None) -> None:
        """Take a well-known name for as long as the connection lives; nobody can take it over.

        Publish the objects first: callers come at once. ``lost`` is called should the name go all
        the same. Raises NameTaken, NotAuthorized (the bus policy forbids it) or another BusError.
        """
        if lost is not None:
            self.subscribe(DBUS, DBUS, "NameLost", lambda gone: lost() if gone == name else None)
        request = Call(DBUS, DBUS_PATH, DBUS, "RequestName", "su", (name, _DO_NOT_QUEUE))
        (result,) = self._call_and_wait(request)
        if result != _PRIMARY_OWNER:
            raise errors.NameTaken(f"{name} is already on the bus: another one is running")

    def manage(self, root: str) -> None:
        """Show the objects published below root from now on as an ObjectManager at root."""
        self._managers.append(ObjectManager(self._con, root))

    def publish(self, path: str, target: object, xml: str) -> Published:
        """Put an object on the bus; ``xml`` is its introspection data, see the module publish.

        Raises BusError when something is already there.
        """
        try:
            published = Published(self._con, path, target, xml)
        except GLib.Error as error:
            raise errors.BusError(f"{path} cannot be published: {error.message}") from None
        for manager in self._managers:
            if manager.covers(path):
                manager.add(published)
        return published

    def call(self, call: Call, done: Done, *, timeout_ms: int = TIMEOUT_MS) -> None:
        """Call a method; done gets the tuple of returned values or a JaildError, in a later turn.

        A service that is not running is started if the bus knows how. An error
        ``org.jaild1.Error.X`` arrives as the class X with its sentence.
        """

        def answered(con: Any, result: Any) -> None:  # noqa: ANN401 - GLib's own
            done(_outcome(con, result))

        self._con.call(*_arguments(call, timeout_ms), answered)

    def subscribe(
        self, sender: str, interface: str, signal: str, callback: Callable[..., None]
    ) -> Handle:
        """Call callback with the values of every such signal from sender, whatever its path."""

        def received(*event: Any) -> None:  # noqa: ANN401 - GLib's own
            callback(*event[-1].unpack())

        identifier = self._con.signal_subscribe(
            sender, interface, signal, None, None, Gio.DBusSignalFlags.NONE, received
        )
        return Handle(lambda: self._con.signal_unsubscribe(identifier))

    def watch_name(self, name: str, appeared: Callable[[str], None], vanished: Callback) -> Handle:
        """Call appeared(unique name) or vanished() now and whenever the name changes hands."""
        identifier = Gio.bus_watch_name_on_connection(
            self._con,
            name,
            Gio.BusNameWatcherFlags.NONE,
            lambda _con, _name, owner: appeared(owner),
            lambda _con, _name: vanished(),
        )
        return Handle(lambda: Gio.bus_unwatch_name(identifier))

    def uid_of(self, sender: str, done: Callable[[int | JaildError], None]) -> None:
        """Call done with the uid behind a connection, by the bus's word."""
        known = self._uids.get(sender)
        if known is not None:
            self._uids.move_to_end(sender)
            done(known)
            return

        def answered(outcome: Outcome) -> None:
            done(outcome if isinstance(outcome, JaildError) else self._remember(sender, outcome[0]))

        self.call(Call(DBUS, DBUS_PATH, DBUS, "GetConnectionUnixUser", "s", (sender,)), answered)

    def authorise(
        self, sender: str, action: str, done: Verdict, *, interactive: bool = False
    ) -> None:
        """Call done(True) when sender may do a polkit action, else done(False); see authorise."""
        self._authority.check(sender, action, done, interactive=interactive)

    def _remember(self, sender: str, uid: int) -> int:
        self._uids[sender] = uid
        if len(self._uids) > REMEMBERED_UIDS:
            self._uids.popitem(last=False)
        return uid

    def _call_and_wait(self, call: Call) -> tuple[Any, ...]:
        try:
            reply = self._con.call_sync(*_arguments(call, TIMEOUT_MS))
        except GLib.Error as error:
            raise failure(error) from None
        return tuple(reply.unpack())


def _arguments(call: Call, timeout_ms: int) -> tuple[object, ...]:
    """Return what GLib wants to know of a call, in its order."""
    target = (call.dest, call.path, call.interface, call.method)
    return (*target, call.body(), None, Gio.DBusCallFlags.NONE, timeout_ms, None)


def _outcome(con: Any, result: Any) -> Outcome:  # noqa: ANN401 - GLib's own
    try:
        return tuple(con.call_finish(result).unpack())
    except GLib.Error as error:
        return failure(error)
