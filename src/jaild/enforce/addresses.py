# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module knows the host's own addresses, from the kernel, and notices when they change."""

import ipaddress
import logging
import socket
import struct
from collections.abc import Callable

from jaild.core.address import Address, parse_host
from jaild.core.errors import InvalidAddress, JaildError
from jaild.dbus.loop import Loop
from jaild.enforce import netlink

logger = logging.getLogger(__name__)

SETTLE_MS = 200
_GETADDR = 22
_NEWADDR = 20
_REQUEST_DUMP = 0x301
_GROUP_IPV4 = 5
_GROUP_IPV6 = 9
_IFADDRMSG = struct.Struct("=BBBBI")  # family, prefix length, flags, scope, interface
_ADDRESS = 1
_LOCAL = 2
_TIMEOUT = 2.0
_LENGTHS: dict[int, int] = {socket.AF_INET: 4, socket.AF_INET6: 16}
_MOST_DATAGRAMS = 1_000


class UnknownAddresses(JaildError):
    """The kernel does not tell the host's addresses."""


def parse(payload: bytes) -> Address | None:
    """Return the host's own address that an RTM_NEWADDR message tells of, if it is IP."""
    if len(payload) < _IFADDRMSG.size:
        return None
    values = dict(netlink.attributes(payload[_IFADDRMSG.size :]))
    # On a point-to-point link IFA_ADDRESS is the other end and IFA_LOCAL this one.
    packed = values.get(_LOCAL) or values.get(_ADDRESS, b"")
    if _LENGTHS.get(payload[0]) != len(packed):
        return None
    try:
        return parse_host(str(ipaddress.ip_address(packed)))
    except InvalidAddress:
        return None


def read() -> tuple[Address, ...]:
    """Return the addresses of all interfaces, ascending as text; raises UnknownAddresses."""
    try:
        with socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE
        ) as asked:
            asked.settimeout(_TIMEOUT)
            asked.send(netlink.request(_GETADDR, _REQUEST_DUMP, _IFADDRMSG.pack(0, 0, 0, 0, 0)))
            return _collect(asked)
    except OSError as error:
        raise UnknownAddresses(f"the host's addresses cannot be read: {error}") from error


def _collect(asked: socket.socket) -> tuple[Address, ...]:
    found: set[Address] = set()
    for _ in range(_MOST_DATAGRAMS):
        for kind, payload in netlink.messages(asked.recv(1 << 17)):
            if kind == netlink.DONE:
                return tuple(sorted(found))
            if kind == netlink.ERROR:
                raise UnknownAddresses("the kernel refuses to tell the host's addresses")
            address = parse(payload) if kind == _NEWADDR else None
            if address is not None:
                found.add(address)
    raise UnknownAddresses("the kernel's list of addresses has no end")


class HostAddresses:
    """The host's own addresses, kept up to date."""

    def __init__(self, loop: Loop, changed: Callable[[], None]) -> None:
        """Read them and listen, calling changed after each change; raises UnknownAddresses."""
        self._loop = loop
        self._changed = changed
        self._settling = False
        try:
            self._heard = netlink.listen(socket.NETLINK_ROUTE, _GROUP_IPV4, _GROUP_IPV6)
        except OSError as error:
            raise UnknownAddresses(f"changes of addresses cannot be heard: {error}") from error
        self.current = read()
        self._watch = loop.watch_fd(self._heard.fileno(), self._hear)

    def close(self) -> None:
        """Stop listening."""
        self._watch.cancel()
        self._heard.close()

    def _hear(self) -> None:
        for _ in netlink.drain(self._heard, _MOST_DATAGRAMS):
            pass
        if not self._settling:
            self._settling = True
            self._loop.after(SETTLE_MS, self._look)

    def _look(self) -> None:
        self._settling = False
        try:
            now = read()
        except UnknownAddresses as error:
            logger.warning("%s", error)
            return
        if now != self.current:
            self.current = now
            self._changed()
