# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module describes one method call to another service and translates its failure."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gi.repository import Gio, GLib

from jaild.core.errors import JaildError
from jaild.dbus import errors, variant

# The values a method returned, or why it did not.
Outcome = tuple[Any, ...] | JaildError
Done = Callable[[Outcome], None]

TIMEOUT_MS = 25_000


@dataclass(frozen=True, slots=True)
class Call:
    """A method and its arguments; ``signature`` lists their types without outer brackets.

    ``timeout_ms`` is how long a command waits for the answer, 0 for as long as usual.
    """

    dest: str
    path: str
    interface: str
    method: str
    signature: str = ""
    args: tuple[object, ...] = ()
    timeout_ms: int = 0

    def message(self, *, interactive: bool = False) -> Gio.DBusMessage:
        """Return it as a message that starts no service.

        ``interactive`` allows the service to ask the person for a password.
        """
        message = Gio.DBusMessage.new_method_call(self.dest, self.path, self.interface, self.method)
        body = self.body()
        if body is not None:
            message.set_body(body)
        flags = Gio.DBusMessageFlags.NO_AUTO_START
        if interactive:
            flags |= Gio.DBusMessageFlags.ALLOW_INTERACTIVE_AUTHORIZATION
        message.set_flags(flags)
        return message

    def body(self) -> GLib.Variant | None:
        """Return the arguments; raises TypeError or ValueError when they do not fit."""
        return variant.build(f"({self.signature})", self.args) if self.signature else None


def failure(error: GLib.Error) -> JaildError:
    """Return what a GLib error of a call stands for, with the other side's own sentence."""
    name = Gio.DBusError.get_remote_error(error)
    if name is not None:
        Gio.DBusError.strip_remote_error(error)
        # GLib's binding copies the error, so the prefix may still be there.
        sentence = error.message.removeprefix(f"GDBus.Error:{name}: ")
        return errors.of_name(name, sentence)
    if error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.TIMED_OUT):
        return errors.NoReply("no answer came in time")
    return errors.ServiceUnavailable(f"the bus cannot be reached: {error.message}")
