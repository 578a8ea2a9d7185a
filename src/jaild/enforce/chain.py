# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module asks the kernel how many rules a chain has, which it knows without listing them."""

import socket
import struct

from jaild.enforce import netlink

_NETLINK_NETFILTER = 12
_GET_CHAIN = 10 << 8 | 4
_CHAIN = 10 << 8 | 3
_REQUEST = 1
_FAMILY_HEADER = struct.Struct("=BBH")  # family, version, resource
_TABLE = 1
_NAME = 3
_USE = 6
_WIDTH = struct.calcsize("!I")
_TIMEOUT = 2.0


def use(family: int, table: str, name: str) -> int | None:
    """Return how many rules are in a chain or jump to it; None if the kernel knows no such chain.

    ``family`` is AF_INET or AF_INET6. iptables of the old kind has its chains elsewhere, and those
    of nf_tables may be left from before.
    """
    words = netlink.attribute(_TABLE, _text(table)) + netlink.attribute(_NAME, _text(name))
    try:
        with socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_NETFILTER
        ) as asked:
            asked.settimeout(_TIMEOUT)
            payload = _FAMILY_HEADER.pack(family, 0, 0) + words
            asked.send(netlink.request(_GET_CHAIN, _REQUEST, payload))
            return parse(asked.recv(1 << 16))
    except OSError:
        return None


def parse(data: bytes) -> int | None:
    """Return the number in the kernel's answer; None if there is none."""
    for kind, payload in netlink.messages(data):
        if kind == _CHAIN:
            number = dict(netlink.attributes(payload[_FAMILY_HEADER.size :])).get(_USE, b"")
            return int.from_bytes(number, "big") if len(number) == _WIDTH else None
    return None


def _text(word: str) -> bytes:
    return word.encode() + b"\0"
