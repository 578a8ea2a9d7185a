# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module lays the wire between the attackers and the lab, and says who the attackers are.

All addresses are of the documentation and benchmark ranges. The attackers' namespace owns whole
ranges by local routes, so that a thousand sources cost as much as one. No other way leads out of
either side.
"""

import ipaddress
import subprocess
from collections.abc import Iterable, Sequence
from itertools import chain, islice
from pathlib import Path

from tests.lab.place import LabError

HOST_V4 = "198.19.0.1"
HOST_V6 = "2001:db8:ffff::1"
GATE_V4 = "198.19.0.2"
GATE_V6 = "2001:db8:ffff::2"
RANGES = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/16", "2001:db8::/33")
_NETWORKS = tuple(ipaddress.ip_network(text) for text in RANGES)


def host_for(source: str) -> str:
    """Return the lab's address of the same family as the source."""
    return HOST_V6 if ":" in source else HOST_V4


def sources(text: str) -> tuple[str, ...]:
    """Read ``5``, ``5v6``, addresses or a comma separated list of those; raises LabError."""
    return tuple(chain.from_iterable(_sources(part.strip()) for part in text.split(",")))


def _sources(part: str) -> Iterable[str]:
    if part.isdecimal():
        return first_v4(int(part))
    if part.endswith("v6") and part[:-2].isdecimal():
        return first_v6(int(part[:-2]))
    return (checked(part),)


def first_v4(count: int) -> tuple[str, ...]:
    """Return so many attackers' addresses: 198.51.100.1 and on, then 198.18.0.0/16."""
    hosts = chain(_NETWORKS[1].hosts(), _NETWORKS[3].hosts())
    return tuple(str(address) for address in islice(hosts, count))


def first_v6(count: int) -> tuple[str, ...]:
    """Return so many attackers' addresses, each in a /64 of its own."""
    base = int(_NETWORKS[-1].network_address) + 1
    return tuple(
        str(ipaddress.IPv6Address(base + (number << 64))) for number in range(1, count + 1)
    )


def banned_as(address: str) -> str:
    """Return what jaild bans for an attacker's address: of IPv6 its /64."""
    if ":" not in address:
        return address
    return str(ipaddress.IPv6Network(f"{address}/64", strict=False))


def checked(text: str) -> str:
    """Return the address in canonical form; raises LabError if it is not the attackers'."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise LabError(f"'{text}' is neither an address nor a number of sources") from None
    if not any(address in network for network in _NETWORKS):
        raise LabError(f"{address} is outside the attackers' ranges: {', '.join(RANGES)}")
    return str(address)


def open_attackers() -> None:
    """Prepare the namespace this process is in as the attackers' one."""
    # An IPv6 source that is only a local route may be bound to with this switch alone.
    Path("/proc/sys/net/ipv6/ip_nonlocal_bind").write_text("1")
    _batch(["link set lo up", *(f"route add local {range_} dev lo" for range_ in RANGES)])


def connect(leader: int) -> None:
    """Join this namespace with that of the lab's PID 1 by a pair of virtual interfaces."""
    _batch(
        [
            f"link add gate0 type veth peer name host0 netns {leader}",
            f"address add {GATE_V4}/30 dev gate0",
            f"address add {GATE_V6}/64 dev gate0 nodad",
            "link set gate0 up",
        ]
    )
    lines = [
        f"address add {HOST_V4}/30 dev host0",
        f"address add {HOST_V6}/64 dev host0 nodad",
        "link set lo up",
        "link set host0 up",
        *(f"route add {range_} via {_gate(range_)}" for range_ in RANGES),
    ]
    _batch(lines, ["nsenter", "--target", str(leader), "--net", "--"])


def _gate(range_: str) -> str:
    return GATE_V6 if ":" in range_ else GATE_V4


def _batch(lines: Sequence[str], through: Sequence[str] = ()) -> None:
    text = "".join(f"{line}\n" for line in lines)
    command = [*through, "ip", "-batch", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"the lab's network cannot be set up: {done.stderr.strip()}")
