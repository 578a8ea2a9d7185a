# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module finds the addresses of a host name, by the host's own ways to look one up."""

import re
from collections.abc import Callable

from jaild.core.address import Address, parse_host, to_network
from jaild.core.errors import InvalidAddress
from jaild.dbus.loop import Loop
from jaild.lookup.bus_names import MOST_ADDRESSES
from jaild.lookup.port import LookupFailed

TIMEOUT_MS = 10_000

# A program: the C library's own call waits, and neither its modules nor a thread belong in here.
_GETENT = "/usr/bin/getent"
_KILLED = -9
_LONGEST = 253
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}\.?")

Done = Callable[[tuple[Address, ...] | LookupFailed], None]


def is_name(text: str) -> bool:
    """Return whether text can be a host name."""
    return len(text) <= _LONGEST and _NAME.fullmatch(text) is not None


def resolve(loop: Loop, name: str, done: Done) -> None:
    """Call done, in a later turn, with a name's addresses or why there are none."""

    def ended(status: int, output: str) -> None:
        if status == _KILLED:
            limit = TIMEOUT_MS // 1000
            done(LookupFailed(f"the host name '{name}' was not resolved within {limit} s"))
            return
        found = read(output) if status == 0 else ()
        done(found or LookupFailed(f"the host name '{name}' cannot be resolved"))

    loop.spawn([_GETENT, "ahosts", "--", name], ended, timeout_ms=TIMEOUT_MS)


def read(output: str) -> tuple[Address, ...]:
    """Return the addresses in getent's answer, each once, without those that no host comes from."""
    found: dict[Address, None] = {}
    for line in output.splitlines():
        try:
            address = parse_host(line.split(maxsplit=1)[0] if line.strip() else "")
        except InvalidAddress:
            continue
        if _is_a_hosts(address):
            found[address] = None
        if len(found) == MOST_ADDRESSES:
            break
    return tuple(found)


def _is_a_hosts(address: Address) -> bool:
    network = to_network(address)
    return not (
        network.is_loopback
        or network.is_unspecified
        or network.is_multicast
        or network.is_link_local
    )
