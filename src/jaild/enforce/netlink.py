# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module reads the kernel's netlink messages: the little of it that two watchers share.

Lengths inside a message are the sender's; each is checked before it is used.
"""

import socket
import struct
from collections.abc import Iterator

Socket = socket.socket

DONE = 3
ERROR = 2
_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_ATTRIBUTE = struct.Struct("=HH")  # length, type
_TYPE_MASK = 0x3FFF  # the two upper bits of an attribute's type are flags
# From linux/netlink.h; Python has no names for them.
_SOL_NETLINK = 270
_ADD_MEMBERSHIP = 1
_DROP_MEMBERSHIP = 2


def listen(protocol: int, *groups: int) -> Socket:
    """Return a non-blocking socket that hears the kernel's announcements; raises OSError."""
    heard = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
    try:
        heard.bind((0, 0))
        for group in groups:
            join(heard, group)
        heard.setblocking(False)  # noqa: FBT003 - the call takes it so
    except OSError:
        heard.close()
        raise
    return heard


def join(heard: Socket, group: int) -> None:
    """Hear a group's announcements; raises OSError."""
    heard.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, group)


def leave(heard: Socket, group: int) -> None:
    """Hear no more of a group; raises OSError."""
    heard.setsockopt(_SOL_NETLINK, _DROP_MEMBERSHIP, group)


def request(kind: int, flags: int, payload: bytes) -> bytes:
    """Return one message to the kernel."""
    return _HEADER.pack(_HEADER.size + len(payload), kind, flags, 1, 0) + payload


def attribute(kind: int, value: bytes) -> bytes:
    """Return one attribute of a message to the kernel."""
    length = _ATTRIBUTE.size + len(value)
    return (_ATTRIBUTE.pack(length, kind) + value).ljust(_aligned(length), b"\0")


def messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield type and payload of each whole message in a datagram."""
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, *_ = _HEADER.unpack_from(data, offset)
        if not _HEADER.size <= length <= len(data) - offset:
            return
        yield kind, data[offset + _HEADER.size : offset + length]
        offset += _aligned(length)


def attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield type and value of each whole attribute."""
    offset = 0
    while offset + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if not _ATTRIBUTE.size <= length <= len(data) - offset:
            return
        yield kind & _TYPE_MASK, data[offset + _ATTRIBUTE.size : offset + length]
        offset += _aligned(length)


def drain(heard: Socket, most: int) -> Iterator[bytes]:
    """Yield what a listening socket has got, at most some datagrams; an overflow yields b""."""
    for _ in range(most):
        try:
            yield heard.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            # ENOBUFS: announcements were lost, so the listener must look for itself.
            yield b""


def _aligned(length: int) -> int:
    return (length + 3) & ~3
