# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module asks the registries of addresses in their own protocol, RFC 3912.

The protocol is a line there and text back. jaild speaks it itself: the ``whois`` program would be
one more thing to be there, to be configured by files of its own, to follow referrals to wherever
an answer says, and to be ended in time.

IANA knows which registry an address belongs to; that one is asked next.
"""

import re
import time

from jaild.core.errors import InvalidConfig
from jaild.notify.dial import dial, is_host, is_name, left, receive

IANA = "whois.iana.org"
PORT = 43
STEP_SECONDS = 5.0
SECONDS = 10.0
LONGEST = 64 * 1024

# An answer may name the next to ask: only these are asked, whatever it says.
_REGISTRIES = ("arin.net", "ripe.net", "apnic.net", "lacnic.net", "afrinic.net", "iana.org")
_STEPS = 3
_HIGHEST_PORT = 65535
_SERVER = re.compile(r"(?:\[(?P<six>[0-9a-f:.]+)\]|(?P<host>[^:\[\]]+))(?::(?P<port>[0-9]{1,5}))?")
_REFERRAL = re.compile(
    r"^(?:refer:|ReferralServer:[ \t]*whois://)[ \t]*([A-Za-z0-9.-]{1,253})(?::43)?/?[ \t]*$",
    re.MULTILINE,
)


def place(server: str) -> tuple[str, int]:
    """Return host and port of a server written as host, host:port or [address]:port.

    Raises InvalidConfig.
    """
    found = _SERVER.fullmatch(server)
    host = (found["six"] or found["host"]) if found else server
    number = int(found["port"] or PORT) if found else PORT
    host = host.removesuffix(".")
    if not 1 <= number <= _HIGHEST_PORT or not (is_name(host) or is_host(host)):
        raise InvalidConfig(f"'{server}' is no whois server", hint="host or host:port")
    return host, number


def inquire(question: str, server: tuple[str, int] | None, seconds: float = SECONDS) -> str:
    """Return what the registry in charge says, or the server given, which is then asked alone.

    Raises OSError.
    """
    end = time.monotonic() + seconds
    if server is not None:
        return _ask(server, question, end)
    host, asked = IANA, set[str]()
    answer = ""
    while host and host not in asked and len(asked) < _STEPS:
        asked.add(host)
        answer = _ask((host, PORT), question, end)
        host = referral(answer)
    return answer


def referral(answer: str) -> str:
    """Return the registry that an answer refers to, "" for none that is to be asked."""
    found = _REFERRAL.search(answer)
    host = found[1].lower() if found else ""
    known = any(host == domain or host.endswith(f".{domain}") for domain in _REGISTRIES)
    return host if known and is_name(host) else ""


def _ask(server: tuple[str, int], question: str, end: float) -> str:
    host, port = server
    end = min(end, time.monotonic() + STEP_SECONDS)
    with dial(host, port, end) as connection:
        connection.settimeout(left(end))
        connection.sendall(f"{question}\r\n".encode("ascii"))
        data = receive(connection, end, LONGEST)
    if not data.strip():
        raise OSError(f"{host} sent nothing")
    try:
        return data.decode()
    except UnicodeDecodeError:
        # Some registries still write it so; every byte means something.
        return data.decode("latin-1")
