# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module reads lists of addresses, as in ignoreip: networks, host names, further files."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPV4LENGTH, IPV6LENGTH, IPv4Network, IPv6Network
from pathlib import Path
from socket import AF_INET, AF_INET6, inet_pton

from jaild.core import address
from jaild.core.address import WIDEST, Network
from jaild.core.errors import InvalidAddress, InvalidConfig

MAX_ITEMS = 10_000
MAX_NAMES = 100
MAX_FILES = 10

# Returns what one item means, a network or a host name; raises a JaildError.
Parse = Callable[[str], Network | str]

_FILE = "file:"
# The bits before the IPv4 address in an IPv6 one.
_MAPPED = 96
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_NAME = re.compile(rf"(?=.{{1,253}}$)(?:{_LABEL}\.)*(?P<last>{_LABEL})")
# A name server would never be asked for these: the C library takes them for addresses.
_NUMBER = re.compile(r"[0-9]+|0[Xx][0-9A-Fa-f]*")
_LIKE_ADDRESS = re.compile(r"[0-9./]+|[0-9A-Fa-f.:/]*:[0-9A-Fa-f.:/]*")


@dataclass(frozen=True, slots=True)
class Listed:
    """What a list says, each item once; ``names`` are host names in lower case.

    ``files`` are the lists that it names, with ``file:`` as they are written.
    """

    networks: tuple[Network, ...] = ()
    names: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


def spared(item: str) -> Network | str:
    """Return an item of ignoreip: a network, or a host name in lower case; raises JaildError."""
    try:
        return _network(item)
    except InvalidAddress:
        if ":" in item or _LIKE_ADDRESS.fullmatch(item):
            raise
        return _name(item)


def denied(item: str) -> Network:
    """Return an item of denyip, a network that may be banned; raises JaildError."""
    try:
        network = _network(item)
    except InvalidAddress:
        if ":" in item or not _is_name(item):
            raise
        message = f"'{item}' is a host name, and names are never banned; write its addresses"
        raise InvalidAddress(message) from None
    widest = WIDEST[network.version]
    if network.prefixlen < widest:
        message = f"'{item}' is wider than /{widest}, the widest network jaild bans"
        raise InvalidAddress(message)
    return network


def parser(parse: Parse) -> Callable[[str], Listed]:
    """Return a parser of lists, separated by blanks, commas or line ends, of such items."""

    def read(value: str) -> Listed:
        words = value.replace(",", " ").split()
        if len(words) > MAX_ITEMS:
            raise InvalidConfig(f"it has more than {MAX_ITEMS} entries; write them into a file:")
        files = dict.fromkeys(word for word in words if word.startswith(_FILE))
        if len(files) > MAX_FILES:
            raise InvalidConfig(f"it names more than {MAX_FILES} files")
        for file in files:
            path_of(file, Path())
        return sorted_out((parse(word) for word in words if word not in files), files)

    return read


def sorted_out(items: Iterable[Network | str], files: Iterable[str] = ()) -> Listed:
    """Return a list of items that have been parsed; raises InvalidConfig for too many names."""
    unique = dict.fromkeys(items)
    names = tuple(item for item in unique if isinstance(item, str))
    if len(names) > MAX_NAMES:
        raise InvalidConfig(f"it has more than {MAX_NAMES} host names", text=names[MAX_NAMES])
    networks = tuple(item for item in unique if not isinstance(item, str))
    return Listed(networks, names, tuple(files))


def path_of(file: str, folder: Path) -> Path:
    """Return the path of ``file:PATH`` or ``file:///PATH``, below folder unless it is absolute."""
    path = file.removeprefix(_FILE)
    if path.startswith("//"):
        path = path.removeprefix("//")
        if not path.startswith("/"):
            hint = f"write file:///{path} or file:{path}"
            raise InvalidConfig(f"'{file}' names another host", hint=hint, text=file)
    if not path.strip("/") or "\0" in path:
        raise InvalidConfig(f"'{file}' names no file", text=file)
    return folder / path


def _network(item: str) -> Network:
    if "%" in item:
        raise InvalidAddress(f"'{item}' has a scope id; write the address without it")
    network = _quickly(item) or address.parse_network(item)
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    if mapped and network.prefixlen >= _MAPPED:
        # Entries name such a peer by its IPv4 address.
        return IPv4Network((mapped, network.prefixlen - _MAPPED), strict=False)
    return network


def _quickly(item: str) -> Network | None:
    """Return the network that an item in the usual form is, None for any other item.

    A list can be long: this is several times as fast as ipaddress is with text.
    """
    start, slash, length = item.partition("/")
    if slash and not (length.isascii() and length.isdecimal()):
        return None
    try:
        if ":" in start:
            packed = inet_pton(AF_INET6, start)
            return IPv6Network((packed, int(length or IPV6LENGTH)), strict=False)
        return IPv4Network((inet_pton(AF_INET, start), int(length or IPV4LENGTH)), strict=False)
    except (OSError, ValueError):
        return None


def _name(item: str) -> str:
    if not _is_name(item):
        raise InvalidAddress(f"'{item}' is not an address, network or host name")
    return item.lower().removesuffix(".")


def _is_name(item: str) -> bool:
    found = _NAME.fullmatch(item.removesuffix("."))
    return found is not None and not _NUMBER.fullmatch(found["last"])
