# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module shows the published objects below a root as an ObjectManager."""

from typing import Any

from jaild.dbus.publish import Registration

INTERFACE = "org.freedesktop.DBus.ObjectManager"
XML = f"""<node><interface name="{INTERFACE}">
  <method name="GetManagedObjects">
    <arg name="objects" type="a{{oa{{sa{{sv}}}}}}" direction="out"/>
  </method>
  <signal name="InterfacesAdded">
    <arg name="object" type="o"/><arg name="interfaces" type="a{{sa{{sv}}}}"/>
  </signal>
  <signal name="InterfacesRemoved">
    <arg name="object" type="o"/><arg name="interfaces" type="as"/>
  </signal>
</interface></node>"""


class Published(Registration):
    """An object on the bus that its ObjectManager, if there is one above it, knows of."""

    def __init__(self, connection: Any, path: str, target: object, xml: str) -> None:  # noqa: ANN401
        super().__init__(connection, path, target, xml)
        self.manager: ObjectManager | None = None

    def withdraw(self) -> None:
        """Take the object off the bus and forget it; doing so twice does no harm."""
        super().withdraw()
        manager, self.manager = self.manager, None
        if manager is not None:
            manager.remove(self)


class ObjectManager:
    """``org.freedesktop.DBus.ObjectManager`` at a root path."""

    def __init__(self, connection: Any, root: str) -> None:  # noqa: ANN401 - GLib's own
        self.root = root
        self._members: list[Published] = []
        self._door = Registration(connection, root, self, XML)

    def covers(self, path: str) -> bool:
        """Return whether an object at path belongs to this manager."""
        return path.startswith(self.root.rstrip("/") + "/")

    def add(self, member: Published) -> None:
        """Announce an object below the root."""
        self._members.append(member)
        member.manager = self
        self._door.emit("InterfacesAdded", member.path, member.properties())

    def remove(self, member: Published) -> None:
        """Announce that an object is gone."""
        self._members.remove(member)
        self._door.emit("InterfacesRemoved", member.path, member.interfaces)

    def GetManagedObjects(self) -> dict[str, dict[str, dict[str, Any]]]:  # noqa: N802 - D-Bus's name
        """Return every object below the root with its interfaces and properties."""
        found: dict[str, dict[str, dict[str, Any]]] = {}
        for member in self._members:
            found.setdefault(member.path, {}).update(member.properties())
        return found
