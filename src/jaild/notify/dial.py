# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module reaches hosts of the network within a time: looks them up and connects to them.

The C library's own look-up cannot be given a time, so it runs in a program that can be ended.
"""

import re
import socket
import subprocess
import time
from collections.abc import Callable

from jaild.core.address import Address, parse_host
from jaild.core.errors import InvalidAddress

LOOKUP_SECONDS = 5.0
# Of a host's addresses this many are tried.
MOST_ADDRESSES = 4

_GETENT = "/usr/bin/getent"
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
_CHUNK = 16 * 1024
_LONGEST = 253
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"(?:{_LABEL}\.)*(?=[0-9_-]*[A-Za-z]){_LABEL}")

Allowed = Callable[[Address], bool]


def is_name(text: str) -> bool:
    """Return whether text can be a host's name; what could be taken for an address is none."""
    return len(text) <= _LONGEST and _NAME.fullmatch(text) is not None


def is_host(text: str) -> bool:
    """Return whether text is one address."""
    try:
        parse_host(text)
    except InvalidAddress:
        return False
    return True


def left(end: float) -> float:
    """Return the seconds until end on the monotonic clock; raises TimeoutError if it is over."""
    seconds = end - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("it took too long")
    return seconds


def getent(database: str, key: str, seconds: float = LOOKUP_SECONDS) -> str:
    """Return what the host itself finds of an address or a name, "" for nothing.

    Raises OSError (TimeoutError) if that takes longer, or cannot be done.
    """
    # What it prints fits into an answer of a name server, so it is as short as those are.
    try:
        run = subprocess.run(
            [_GETENT, database, "--", key],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            timeout=seconds, env=_ENVIRONMENT, cwd="/", check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"'{key}' was not looked up within {seconds:.0f} s") from None
    return run.stdout.decode(errors="replace") if run.returncode == 0 else ""


def addresses(name: str, seconds: float = LOOKUP_SECONDS) -> tuple[Address, ...]:
    """Return the addresses of a host's name, each once; raises OSError as getent does."""
    found: dict[Address, None] = {}
    for line in getent("ahosts", name, seconds).splitlines():
        try:
            found[parse_host(line.split(maxsplit=1)[0] if line.strip() else "")] = None
        except InvalidAddress:
            continue
    return tuple(found)


def dial(host: str, port: int, end: float, allowed: Allowed | None = None) -> socket.socket:
    """Return a connection to a host, a name or an address, made before end (monotonic).

    Addresses that are not allowed are not tried. Raises OSError, whose text says why the host
    cannot be reached.
    """
    found = _of(host, left(end))
    found = tuple(a for a in found if allowed is None or allowed(a))[:MOST_ADDRESSES]
    problem = OSError("its name cannot be resolved")
    for place, address in enumerate(found):
        # One address that swallows everything leaves time for the next.
        seconds = left(end) / (len(found) - place)
        try:
            return socket.create_connection((address, port), seconds)
        except TimeoutError:
            problem = TimeoutError("it did not answer in time")
        except OSError as error:
            problem = OSError(error.strerror or str(error))
    raise problem


def receive(connection: socket.socket, end: float, most: int) -> bytes:
    """Return what the other side sends until it ends or until most bytes; raises OSError."""
    data = bytearray()
    while len(data) < most:
        connection.settimeout(left(end))
        more = connection.recv(min(_CHUNK, most - len(data)))
        if not more:
            break
        data += more
    return bytes(data)


def _of(host: str, seconds: float) -> tuple[Address, ...]:
    if is_host(host):
        return (parse_host(host),)
    if not is_name(host.removesuffix(".")):
        return ()
    return addresses(host, min(seconds, LOOKUP_SECONDS))
