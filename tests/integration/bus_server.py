# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This program is org.jaild1 over a service that has no journal and no firewall.

One more object, /test, has what only a test needs. The bus's policy is open: polkit alone decides.
"""

# ruff: noqa: N802 - D-Bus's names

from dataclasses import replace

from bus_fake import NOW, FakeService, FakeStatus

from jaild.api import names
from jaild.api.door import Door
from jaild.core.ban import Ban
from jaild.core.errors import JaildError
from jaild.dbus.bus import Bus
from jaild.dbus.loop import Loop
from jaild.dbus.reply import Deferred

XML = """<node><interface name="org.jaild1.Test">
<method name="Echo"><arg type="s" direction="in"/><arg type="s" direction="out"/></method>
<method name="Late"><arg type="u" direction="in"/><arg type="s" direction="out"/></method>
<method name="Break"/>
<method name="Who"><arg type="u" direction="out"/><arg type="b" direction="out"/></method>
<method name="Flood"><arg type="u" direction="in"/></method>
<method name="AddJail"><arg type="s" direction="in"/></method>
<method name="RemoveJail"><arg type="s" direction="in"/></method>
<method name="FailJail"><arg type="s" direction="in"/><arg type="s" direction="in"/></method>
<method name="BreakConfig"><arg type="s" direction="in"/></method>
</interface></node>"""


class Extra:
    """What a test makes the service do."""

    def __init__(self, bus, loop, service):
        self._bus, self._loop, self._service = bus, loop, service

    def Echo(self, text):
        return text

    def Late(self, milliseconds):
        answer = Deferred()
        self._loop.after(milliseconds, lambda: answer.resolve("late"))
        return answer

    def Break(self):
        raise ZeroDivisionError("a secret")

    def Who(self, caller):
        answer = Deferred()

        def known(uid):
            if isinstance(uid, JaildError):
                answer.reject(uid)
            else:
                answer.resolve(uid, caller.interactive)

        self._bus.uid_of(caller.sender, known)
        return answer

    def Flood(self, count):
        for number in range(count):
            text = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
            ban = Ban("sshd", text, NOW, NOW + 600_000_000, 5, "5 failures\x1b[2J\0\ud800")
            self._service.kept.append(ban)
            for listener in self._service.listeners:
                listener.ban_added(ban)

    def AddJail(self, name):
        self._service.jails[name] = FakeStatus(name)
        self._service.listeners[0].jails_changed()

    def RemoveJail(self, name):
        del self._service.jails[name]
        self._service.listeners[0].jails_changed()

    def FailJail(self, name, reason):
        status = replace(self._service.jails[name], state="failed", reason=reason)
        self._service.jails[name] = status
        self._service.listeners[0].jails_changed()

    def BreakConfig(self, sentence):
        self._service.invalid = sentence


def main():
    loop = Loop()
    bus = Bus.system()
    service = FakeService()
    Door(bus, loop, service)
    bus.publish("/test", Extra(bus, loop, service), XML)
    bus.on_closed(loop.quit)
    bus.own(names.BUS)
    print("ready", flush=True)
    loop.run()


main()
