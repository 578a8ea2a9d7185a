# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module asks the kernel's netfilter for a number."""

import socket
import struct
from dataclasses import dataclass

from jaild.enforce import netlink

_NETLINK_NETFILTER = 12
_TABLES = 10 << 8  # the subsystem nf_tables, in the upper half of a message's kind
_REQUEST = 1
_FAMILY_HEADER = struct.Struct("=BBH")  # family, version, resource
_WIDTH = struct.calcsize("!I")
_TIMEOUT = 2.0


@dataclass(frozen=True, slots=True)
class Question:
    """What to ask of nf_tables: kinds of message, and the attribute that has the number."""

    kind: int
    answer: int
    number: int

    def ask(self, family: int = 0, attributes: bytes = b"") -> int | None:
        """Return the number; None if the kernel does not tell."""
        try:
            with socket.socket(
                socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_NETFILTER
            ) as asked:
                asked.settimeout(_TIMEOUT)
                payload = _FAMILY_HEADER.pack(family, 0, 0) + attributes
                asked.send(netlink.request(_TABLES | self.kind, _REQUEST, payload))
                return self.parse(asked.recv(1 << 16))
        except OSError:
            return None

    def parse(self, data: bytes) -> int | None:
        """Return the number in the kernel's answer; None if there is none."""
        for kind, payload in netlink.messages(data):
            if kind == _TABLES | self.answer:
                found = dict(netlink.attributes(payload[_FAMILY_HEADER.size :]))
                number = found.get(self.number, b"")
                return int.from_bytes(number, "big") if len(number) == _WIDTH else None
        return None
