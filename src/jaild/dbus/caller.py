# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module calls methods and waits for the answer: for command lines, never for a daemon.

A service that is not running is not started: who asks after it wants to know just that.
"""

from typing import Any

import pydbus
from gi.repository import Gio, GLib

from jaild.dbus import errors
from jaild.dbus.call import TIMEOUT_MS, Call, failure

# The service waits two minutes for a password; the caller a little longer, to hear its answer.
INTERACTIVE_TIMEOUT_MS = 130_000


class Caller:
    """A connection to the system bus for one command."""

    def __init__(self, *, interactive: bool = False) -> None:
        """Connect; ``interactive`` lets the service ask the person for a password.

        Raises ServiceUnavailable.
        """
        self._interactive = interactive
        try:
            address = Gio.dbus_address_get_for_bus_sync(Gio.BusType.SYSTEM, None)
            self._bus: Any = pydbus.connect(address)
        except GLib.Error as error:
            raise errors.ServiceUnavailable(
                f"the system bus cannot be reached: {error.message}"
            ) from None

    def call(self, call: Call) -> tuple[Any, ...]:
        """Return the values that a method returned; raises the JaildError that it answered."""
        message = call.message(interactive=self._interactive)
        timeout = INTERACTIVE_TIMEOUT_MS if self._interactive else TIMEOUT_MS
        timeout = call.timeout_ms or timeout
        try:
            reply, _serial = self._bus.con.send_message_with_reply_sync(
                message, Gio.DBusSendMessageFlags.NONE, timeout, None
            )
            reply.to_gerror()
        except GLib.Error as error:
            raise failure(error) from None
        body = reply.get_body()
        return () if body is None else tuple(body.unpack())
