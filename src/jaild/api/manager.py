# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module is ``org.jaild1.Manager``: it checks, and hands on to the service.

Members are named and described in org.jaild1.Manager.xml.
"""

from jaild.api import gate, path
from jaild.api.explain import pack, tell
from jaild.api.face import Counted, Finished, Service
from jaild.api.gate import Gate
from jaild.api.names import Action
from jaild.core.errors import JaildError
from jaild.core.text import printable
from jaild.dbus.publish import Caller
from jaild.dbus.reply import Deferred

# ruff: noqa: N802, D102 - D-Bus's names, described in the XML


class Manager:
    """The object at /org/jaild1."""

    def __init__(self, service: Service, entrance: Gate) -> None:
        self._service = service
        self._gate = entrance

    @property
    def Version(self) -> str:
        return self._service.version

    @property
    def Jails(self) -> list[str]:
        return list(self._service.jail_names)

    @property
    def BanCount(self) -> int:
        return self._service.ban_count

    @property
    def EntriesRead(self) -> int:
        return self._service.entries_read

    @property
    def Cursor(self) -> str:
        return self._service.cursor

    def Ban(
        self, jail: str, address: str, duration_usec: int, reason: str, caller: Caller
    ) -> Deferred:
        def act(answer: Deferred) -> None:
            self._service.ban(
                gate.check_jail(jail),
                gate.check_address(address),
                gate.check_duration(duration_usec),
                gate.clean_reason(reason),
                finish(answer),
            )

        return self._gate.enter(caller, Action.BAN, act)

    def Unban(self, jail: str, address: str, caller: Caller) -> Deferred:
        def act(answer: Deferred) -> None:
            name = gate.check_jail_or_all(jail)
            self._service.unban(name, gate.check_address(address), count(answer))

        return self._gate.enter(caller, Action.UNBAN, act)

    def UnbanAll(self, jail: str, caller: Caller) -> Deferred:
        def act(answer: Deferred) -> None:
            self._service.unban_all(gate.check_jail_or_all(jail), count(answer))

        return self._gate.enter(caller, Action.UNBAN, act)

    def ListBans(self, jail: str, caller: Caller) -> Deferred:
        def act(answer: Deferred) -> None:
            bans = self._service.bans(gate.check_jail_or_all(jail))
            answer.resolve(
                [
                    (b.jail, b.address, b.since, b.until, b.failures, printable(b.reason))
                    for b in bans
                ]
            )

        return self._gate.enter(caller, Action.INSPECT, act)

    def ListJails(self, caller: Caller) -> Deferred:
        def act(answer: Deferred) -> None:
            states = self._service.jail_states()
            answer.resolve([(s.name, s.state, path.encode(s.name)) for s in states])

        return self._gate.enter(caller, Action.INSPECT, act)

    def Explain(self, address: str, caller: Caller) -> Deferred:
        def act(answer: Deferred) -> None:
            explanation = self._service.explain(gate.check_address(address))
            answer.resolve(pack(tell(explanation)))

        return self._gate.enter(caller, Action.INSPECT, act)

    def StartJail(self, name: str, caller: Caller) -> Deferred:
        def act(answer: Deferred) -> None:
            self._service.start_jail(gate.check_jail(name))
            answer.resolve()

        return self._gate.enter(caller, Action.MANAGE, act)

    def StopJail(self, name: str, caller: Caller) -> Deferred:
        def act(answer: Deferred) -> None:
            self._service.stop_jail(gate.check_jail(name), finish(answer))

        return self._gate.enter(caller, Action.MANAGE, act)

    def Reload(self, caller: Caller) -> Deferred:
        def act(answer: Deferred) -> None:
            self._service.reload()
            answer.resolve()

        return self._gate.enter(caller, Action.MANAGE, act)


def finish(answer: Deferred) -> Finished:
    """Return the end of a change whose result, if it has one, is of no interest."""

    def done(outcome: int | JaildError | None) -> None:
        if isinstance(outcome, JaildError):
            answer.reject(outcome)
        else:
            answer.resolve()

    return done


def count(answer: Deferred) -> Counted:
    """Return the end of a change whose result is a number."""

    def done(outcome: int | JaildError) -> None:
        if isinstance(outcome, JaildError):
            answer.reject(outcome)
        else:
            answer.resolve(outcome)

    return done
