# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module turns text into addresses and networks, and back.

Inside jaild an address is its canonical text (``192.0.2.7``, ``2001:db8::/64``): equal addresses
are equal strings, in memory, in the store, on D-Bus and in ufw. A host is written without a prefix
length.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_network
from socket import AF_INET, AF_INET6, inet_pton
from typing import NewType

from jaild.core.errors import InvalidAddress

Address = NewType("Address", str)
Network = IPv4Network | IPv6Network

# Wider bans are mistakes: they would shut out a whole continent, and the administrator with it.
WIDEST = {4: 8, 6: 32}


def parse_host(text: str) -> Address:
    """Return the canonical form of one host address, as captured from a log line.

    IPv4 in IPv6 (``::ffff:192.0.2.1``) becomes IPv4. Raises InvalidAddress for names, leading
    zeros, scope ids, brackets and networks.
    """
    if ":" not in text:
        try:
            # Stricter and ten times faster than ipaddress; a dotted quad has one form only.
            inet_pton(AF_INET, text)
        except (OSError, ValueError):
            raise InvalidAddress(f"'{text}' is not an IP address") from None
        return Address(text)
    try:
        host = IPv6Address(text)
    except ValueError:
        raise InvalidAddress(f"'{text}' is not an IP address") from None
    if host.scope_id is not None:
        raise InvalidAddress(f"'{text}' has a scope id and cannot be banned")
    return Address(str(host.ipv4_mapped or host))


def parse(text: str) -> Address:
    """Return the canonical form of an address or network to ban.

    Raises InvalidAddress for anything else and for networks wider than /8 (IPv4) or /32 (IPv6).
    """
    text = text.strip()
    if "/" not in text:
        return parse_host(text)
    try:
        network: Network = ip_network(text, strict=False)
    except ValueError:
        raise InvalidAddress(f"'{text}' is not an address or network") from None
    if network.prefixlen < WIDEST[network.version]:
        raise InvalidAddress(
            f"'{text}' is wider than /{WIDEST[network.version]}, the widest network jaild bans"
        )
    return of_network(network)


def parse_network(text: str) -> Network:
    """Return a network of any width, as in ignoreip; raises InvalidAddress."""
    try:
        network: Network = ip_network(text.strip(), strict=False)
    except ValueError:
        raise InvalidAddress(f"'{text}' is not an address or network") from None
    return network


def of_network(network: Network) -> Address:
    """Return a network's canonical text; a network of one host is that host."""
    if network.prefixlen == network.max_prefixlen:
        return parse_host(str(network.network_address))
    return Address(str(network))


def to_network(address: Address) -> Network:
    """Return the network that a canonical address stands for."""
    return ip_network(address)


def covering(address: Address) -> list[Address]:
    """Return an address and all networks that hold it and could be banned, narrowest first."""
    network = to_network(address)
    lengths = range(network.prefixlen, WIDEST[network.version] - 1, -1)
    return [of_network(network.supernet(new_prefix=length)) for length in lengths]


class Networks:
    """A set of networks that answers quickly whether an address lies in it."""

    def __init__(self, networks: Iterable[Network] = ()) -> None:
        # By IP version, then by the number of host bits: a look-up for each length in use.
        self._starts: dict[int, dict[int, dict[int, Network]]] = {4: {}, 6: {}}
        # For what lies inside a network: where members begin, in order; made when first asked for.
        self._order: dict[int, list[int]] = {}
        for network in networks:
            self.add(network)

    def __bool__(self) -> bool:
        return any(self._starts.values())

    def add(self, network: Network) -> None:
        """Put a network into the set."""
        bits = network.max_prefixlen - network.prefixlen
        starts = self._starts[network.version].setdefault(bits, {})
        starts[int(network.network_address)] = network
        self._order.pop(network.version, None)

    def discard(self, network: Network) -> None:
        """Take a network out of the set, if it is in it."""
        bits = network.max_prefixlen - network.prefixlen
        starts = self._starts[network.version].get(bits, {})
        starts.pop(int(network.network_address), None)
        if not starts:
            self._starts[network.version].pop(bits, None)
        self._order.pop(network.version, None)

    def find(self, address: Address) -> Network | None:
        """Return a member that covers the whole of address, or None."""
        return next(self.around(address), None)

    def around(self, address: Address) -> Iterator[Network]:
        """Yield the members that cover the whole of address."""
        version, value, bits = _numbers(address)
        for host_bits, starts in self._starts[version].items():
            if host_bits >= bits:
                found = starts.get(value >> host_bits << host_bits)
                if found is not None:
                    yield found

    def touches(self, address: Address) -> Network | None:
        """Return a member that covers address or lies inside it: banning address would hit it."""
        if not self:
            return None
        found = self.find(address)
        if found is not None or "/" not in address:
            return found
        version, first, bits = _numbers(address)
        order = self._order.get(version)
        if order is None:
            order = self._order[version] = sorted(
                start for starts in self._starts[version].values() for start in starts
            )
        place = bisect_left(order, first)
        if place == len(order) or order[place] >= first + (1 << bits):
            return None
        return next(s[order[place]] for s in self._starts[version].values() if order[place] in s)


def _numbers(address: Address) -> tuple[int, int, int]:
    """Return an address's version, its number, and how many of its bits are free."""
    if "/" in address:
        network = to_network(address)
        bits = network.max_prefixlen - network.prefixlen
        return network.version, int(network.network_address), bits
    if ":" in address:
        return 6, int.from_bytes(inet_pton(AF_INET6, address), "big"), 0
    return 4, int.from_bytes(inet_pton(AF_INET, address), "big"), 0
