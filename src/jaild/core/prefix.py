# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module turns an address into the network that is counted and banned in its place.

Whoever has one address of IPv6 has a whole /64 of them, and some attackers have a whole /24 of
IPv4.
"""

from dataclasses import dataclass

from jaild.core.address import Address, of_network, parse_network

_HOST_V4 = 32
_HOST_V6 = 128


@dataclass(frozen=True, slots=True)
class Prefixes:
    """How many leading bits of an address of IPv4 and of IPv6 make one attacker."""

    v4: int = 32
    v6: int = 64

    def of(self, address: Address) -> Address:
        """Return the network that address is counted and banned as; itself if it is that wide."""
        if self.v4 == _HOST_V4 and ":" not in address:
            return address
        return _widened(address, self.v4, self.v6) or address


@dataclass(frozen=True, slots=True)
class Aggregate:
    """When a whole network is banned: when ``least`` different addresses in it are.

    ``v4`` and ``v6`` are the prefix lengths of such networks.
    """

    least: int
    v4: int = 24
    v6: int = 48

    def of(self, address: Address) -> Address | None:
        """Return the network to ban in place of address, None if address is that wide itself."""
        return _widened(address, self.v4, self.v6)


def _widened(address: Address, v4: int, v6: int) -> Address | None:
    """Return the network of v4 or v6 bits that address lies in, None if it is no narrower."""
    start, _, length = address.partition("/")
    wanted, most = (v6, _HOST_V6) if ":" in start else (v4, _HOST_V4)
    if int(length or most) <= wanted:
        return None
    return of_network(parse_network(f"{start}/{wanted}"))
