# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module puts Python objects on the bus, on top of pydbus's own registration.

A published object has a method for each method of its XML and an attribute for each property. A
method may return a Deferred; one with an argument named ``caller`` is told who calls. A JaildError
becomes the D-Bus error of its name and is not logged, so that no caller can flood the journal.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from inspect import signature
from typing import Any

from gi.repository import Gio, GLib
from pydbus.registration import ObjectRegistration, ObjectWrapper

from jaild.dbus import errors, variant
from jaild.dbus.reply import HAS_CLOSURES2, Answer, Deferred, forget

PROPERTIES = "org.freedesktop.DBus.Properties"
_ANNOUNCE = "org.freedesktop.DBus.Property.EmitsChangedSignal"
_OF_PROPERTIES = {"Get": "(v)", "GetAll": "(a{sv})", "Set": "()"}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the connection's unique name, and whether it allows a password prompt."""

    sender: str
    interactive: bool = False


@dataclass(frozen=True, slots=True)
class _Plan:
    """How to call one method."""

    method: Callable[..., object]
    signature: str
    returns: int
    wants_caller: bool


class Registration:
    """One object on the bus."""

    def __init__(self, connection: Any, path: str, target: object, xml: str) -> None:  # noqa: ANN401
        self.path = path
        self._connection = connection
        self._interfaces = _parse(xml)
        self._signals = _signals(xml)
        self._wrapper = _Wrapper(target, self._interfaces)
        self._registration: Any = ObjectRegistration(
            _Shim(connection), path, self._interfaces, self._wrapper, own_wrapper=True
        )

    @property
    def interfaces(self) -> list[str]:
        """The names of its interfaces."""
        return [interface.name for interface in self._interfaces]

    def properties(self) -> dict[str, dict[str, Any]]:
        """Return the present value of every property, by interface."""
        return {name: self._wrapper.GetAll(name) for name in self.interfaces}

    def emit(self, name: str, *values: object) -> None:
        """Send a signal of the XML to everybody."""
        for interface, kinds in self._signals[name]:
            self._send(interface, name, kinds, values)

    def changed(self, values: Mapping[str, object]) -> None:
        """Announce new values of properties, each as its EmitsChangedSignal annotation says."""
        for interface in self._interfaces:
            news, stale = _sort(interface, values)
            if news or stale:
                self._send(
                    PROPERTIES, "PropertiesChanged", "sa{sv}as", (interface.name, news, stale)
                )

    def withdraw(self) -> None:
        """Take the object off the bus and forget it; doing so twice does no harm."""
        self._registration.unregister()
        # pydbus keeps every wrapper that was ever registered as a key of this map.
        ObjectWrapper.SignalEmitted.map.pop(self._wrapper, None)

    def _send(self, interface: str, name: str, signature: str, values: tuple[object, ...]) -> None:
        body = variant.build(f"({signature})", values)
        # Nobody hears a signal after the bus has gone, and who sends it need not care.
        with suppress(GLib.Error):
            self._connection.emit_signal(None, self.path, interface, name, body)


@dataclass(frozen=True, slots=True)
class _Silent:
    """An interface without its signals: pydbus would want a signal object of its own for each."""

    name: str
    methods: list[Any]
    properties: list[Any]
    signals: tuple[()] = ()


class _Wrapper(ObjectWrapper):  # type: ignore[misc]
    """pydbus's wrapper with answers of our own."""

    def __init__(self, target: object, interfaces: list[Any]) -> None:
        self._plans: dict[str, _Plan] = {}
        super().__init__(target, [_Silent(i.name, i.methods, i.properties) for i in interfaces])

    def call_method(
        self,
        _connection: object,
        sender: str,
        _path: str,
        interface: str,
        member: str,
        parameters: Any,  # noqa: ANN401 - GLib's own
        invocation: Any,  # noqa: ANN401 - GLib's own
    ) -> None:
        answer = Answer(invocation, "()")
        try:
            plan = self._plan(interface, member)
            answer = Answer(invocation, plan.signature)
            values = variant.unpack(parameters)
            if plan.wants_caller:
                result = plan.method(*values, caller=_caller(sender, invocation))
            else:
                result = plan.method(*values)
            _deliver(answer, plan, result)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets an answer
            answer.error(error)
        finally:
            forget(invocation)

    def Get(self, interface: str, name: str) -> Any:  # noqa: ANN401, N802 - D-Bus's name
        kind = self.readable_properties.get(f"{interface}.{name}")
        if kind is None:
            raise errors.BusError(f"there is no property {interface}.{name} to read")
        return variant.build(kind, getattr(self.object, name))

    def GetAll(self, interface: str) -> dict[str, Any]:  # noqa: N802 - D-Bus's name
        readable = (key.rpartition(".") for key in self.readable_properties)
        return {name: self.Get(interface, name) for of, _, name in readable if of == interface}

    def Set(self, interface: str, name: str, _value: object) -> None:  # noqa: N802 - D-Bus's name
        # A write carries no caller to authorise, so what changes something is a method.
        raise errors.BusError(f"the property {interface}.{name} is read-only")

    def _plan(self, interface: str, member: str) -> _Plan:
        key = f"{interface}.{member}"
        plan = self._plans.get(key)
        if plan is None:
            if interface == PROPERTIES:
                plan = _Plan(getattr(self, member), _OF_PROPERTIES[member], 1, wants_caller=False)
            else:
                plan = _plan(getattr(self.object, member), self.outargs[key])
            self._plans[key] = plan
        return plan


class _Connection:
    """What pydbus uses of a connection, with GLib's sound way to register where there is one."""

    def __init__(self, connection: Any) -> None:  # noqa: ANN401 - GLib's own
        register = "register_object_with_closures2" if HAS_CLOSURES2 else "register_object"
        self.register_object = getattr(connection, register)
        self.unregister_object = connection.unregister_object


class _Shim:
    """What pydbus takes for a bus."""

    def __init__(self, connection: Any) -> None:  # noqa: ANN401 - GLib's own
        self.con = _Connection(connection)


@cache
def _parse(xml: str) -> list[Any]:
    return list(Gio.DBusNodeInfo.new_for_xml(xml).interfaces)


@cache
def _signals(xml: str) -> dict[str, list[tuple[str, str]]]:
    """Return the interface and the signature of each signal, by name."""
    found: dict[str, list[tuple[str, str]]] = {}
    for interface in _parse(xml):
        for info in interface.signals:
            signature = "".join(arg.signature for arg in info.args)
            found.setdefault(info.name, []).append((interface.name, signature))
    return found


def _plan(method: Callable[..., object], returned: list[str]) -> _Plan:
    caller = "caller" in signature(method).parameters
    return _Plan(method, f"({''.join(returned)})", len(returned), caller)


def _deliver(answer: Answer, plan: _Plan, result: Any) -> None:  # noqa: ANN401 - as the XML says
    if isinstance(result, Deferred):
        result.bind(answer)
    elif plan.returns == 1:
        answer.values((result,))
    else:
        answer.values(result if plan.returns else ())


def _caller(sender: str, invocation: Any) -> Caller:  # noqa: ANN401 - GLib's own
    flags = invocation.get_message().get_flags()
    return Caller(sender, bool(flags & Gio.DBusMessageFlags.ALLOW_INTERACTIVE_AUTHORIZATION))


def _sort(interface: Any, values: Mapping[str, object]) -> tuple[dict[str, object], list[str]]:  # noqa: ANN401
    """Return the values to announce and the names that are only to be read again."""
    news: dict[str, object] = {}
    stale: list[str] = []
    for info, annotation in _announcements(interface):
        if info.name in values and annotation == "true":
            news[info.name] = variant.build(info.signature, values[info.name])
        elif info.name in values and annotation == "invalidates":
            stale.append(info.name)
    return news, stale


def _announcements(interface: Any) -> Iterator[tuple[Any, str]]:  # noqa: ANN401 - GLib's own
    whole = Gio.DBusAnnotationInfo.lookup(interface.annotations, _ANNOUNCE) or "true"
    for info in interface.properties:
        yield info, Gio.DBusAnnotationInfo.lookup(info.annotations, _ANNOUNCE) or whole
