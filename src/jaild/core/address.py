# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module turns text into addresses and networks, and back.

Inside jaild an address is its canonical text (``192.0.2.7``, ``2001:db8::/64``): equal addresses
are equal strings, in memory, in the store, on D-Bus and in ufw. A host is written without a prefix
length.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
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
    try:
        host: IPv4Address | IPv6Address = ip_address(text)
    except ValueError:
        raise InvalidAddress(f"'{text}' is not an IP address") from None
    if isinstance(host, IPv6Address):
        if host.scope_id is not None:
            raise InvalidAddress(f"'{text}' has a scope id and cannot be banned")
        if host.ipv4_mapped is not None:
            host = host.ipv4_mapped
    return Address(str(host))


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


class Networks:
    """A fixed set of networks that answers quickly whether an address lies in it."""

    def __init__(self, networks: Iterable[Network] = ()) -> None:
        self._starts: dict[tuple[int, int], dict[int, Network]] = {}
        for network in networks:
            starts = self._starts.setdefault((network.version, network.prefixlen), {})
            starts[int(network.network_address)] = network

    def __bool__(self) -> bool:
        return bool(self._starts)

    def find(self, address: Address) -> Network | None:
        """Return the member that covers the whole of address, or None."""
        wanted = to_network(address)
        start = int(wanted.network_address)
        for (version, length), starts in self._starts.items():
            if version == wanted.version and length <= wanted.prefixlen:
                shift = wanted.max_prefixlen - length
                found = starts.get(start >> shift << shift)
                if found is not None:
                    return found
        return None

    def touches(self, address: Address) -> Network | None:
        """Return a member that covers address or lies inside it: banning address would hit it."""
        found = self.find(address)
        if found is not None:
            return found
        wanted = to_network(address)
        for starts in self._starts.values():
            for network in starts.values():
                if network.version == wanted.version and network.overlaps(wanted):
                    return network
        return None
