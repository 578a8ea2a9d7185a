# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module asks systemd-logind where a session comes from."""

from jaild.api.client import Caller
from jaild.core.errors import JaildError
from jaild.dbus.call import Call

_NAME = "org.freedesktop.login1"
_PATH = "/org/freedesktop/login1"
_MANAGER = "org.freedesktop.login1.Manager"
_SESSION = "org.freedesktop.login1.Session"
_PROPERTIES = "org.freedesktop.DBus.Properties"
# It answers from memory; nobody is to wait for one that hangs.
_TIMEOUT_MS = 2_000


def remote_host(caller: Caller, pid: int, session: str) -> str | None:
    """Return the host that a process's session comes from, "" for a local one, None if unknown.

    ``session`` is the number that the kernel's audit knows the session by, "" for none: processes
    that have left it for the user's services, as a terminal multiplexer may, still have it.
    """
    found = _host(caller, "GetSessionByPID", "u", pid)
    if found is None and session:
        found = _host(caller, "GetSession", "s", session)
    return found


def _host(caller: Caller, method: str, signature: str, argument: int | str) -> str | None:
    find = Call(_NAME, _PATH, _MANAGER, method, signature, (argument,), _TIMEOUT_MS)
    try:
        (path,) = caller.call(find)
        asked = (_SESSION, "RemoteHost")
        (host,) = caller.call(Call(_NAME, path, _PROPERTIES, "Get", "ss", asked, _TIMEOUT_MS))
    except JaildError:
        # There is no logind, or no session.
        return None
    return str(host)
