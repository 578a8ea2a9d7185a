# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module finds out of which range an answer of whois is, so that neighbours may share it.

A provider's /24 can have many customers, each with a record of its own.
"""

import re
from collections.abc import Iterator
from ipaddress import ip_address, summarize_address_range
from itertools import islice

from jaild.core.address import Network, parse_network
from jaild.core.errors import InvalidAddress

# Whatever is said: wider, an answer is not taken to be of all.
WIDTHS = {4: 24, 6: 48}
# An answer has one or two.
_MOST = 50
_STATED = re.compile(r"^(?:inetnum|inet6num|NetRange|CIDR):[ \t]*(.{1,500})$", re.MULTILINE)


def of_answer(answer: str, asked: Network) -> Network:
    """Return the smallest range in an answer that holds the network asked for, else that itself."""
    found = (
        network
        for match in islice(_STATED.finditer(answer), _MOST)
        for network in _networks(match[1])
        if _holds(network, asked)
    )
    smallest = max(found, key=lambda network: network.prefixlen, default=asked)
    width = min(WIDTHS[asked.version], asked.prefixlen)
    return smallest if smallest.prefixlen >= width else asked.supernet(new_prefix=width)


def around(network: Network) -> Iterator[Network]:
    """Yield what an answer about a network may have been kept for, the smallest first."""
    yield network
    for width in range(network.prefixlen - 1, WIDTHS[network.version] - 1, -1):
        yield network.supernet(new_prefix=width)


def _networks(text: str) -> Iterator[Network]:
    first, dash, last = text.partition("-")
    try:
        if dash:
            yield from summarize_address_range(ip_address(first.strip()), ip_address(last.strip()))
            return
        for part in text.split(","):
            yield parse_network(part)
    except (ValueError, TypeError, InvalidAddress):
        # Some registries have forms of their own.
        return


def _holds(network: Network, asked: Network) -> bool:
    return network.version == asked.version and asked.subnet_of(network)  # type: ignore[arg-type]
