# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module is the caller's side of org.jaild1.Notify, which jaild-notify answers."""

from jaild.api.client import Caller
from jaild.core.errors import NotAuthorized
from jaild.dbus.call import Call
from jaild.dbus.errors import NoReply, ServiceUnavailable
from jaild.notify.bus_names import INTERFACE, NAME, PATH, TIMEOUT_MS


class Notifier:
    """org.jaild1.Notify as an object."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def test(self, jail: str) -> str:
        """Send a sample as the jail would, or each jail that mails for "".

        Returns what happened, in lines of untrusted text; raises what the notifier answers,
        ServiceUnavailable when it does not run.
        """
        call = Call(NAME, PATH, INTERFACE, "Test", "s", (jail,), TIMEOUT_MS)
        try:
            (told,) = self._caller.call(call)
        except ServiceUnavailable:
            raise ServiceUnavailable(
                "jaild-notify is not running; start it with: systemctl start jaild-notify"
            ) from None
        except NotAuthorized:
            # The bus says it first, with many words about messages.
            raise NotAuthorized("only root may send a test") from None
        except NoReply:
            raise NoReply(
                "jaild-notify has not answered in time; it goes on, and its journal tells: "
                "journalctl -u jaild-notify"
            ) from None
        return str(told)
