# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module lists what no remote attacker can have, or a host cannot do without: never banned."""

from ipaddress import ip_network

from jaild.core.address import Network

# Each network, and why, as part of a sentence.
NEVER: dict[Network, str] = {
    ip_network(text): reason
    for text, reason in {
        "127.0.0.0/8": "it is a loopback address",
        "::1/128": "it is the loopback address",
        "0.0.0.0/8": "it is the unspecified address",
        "::/128": "it is the unspecified address",
        "224.0.0.0/4": "it is a multicast address",
        "ff00::/8": "it is a multicast address",
        "255.255.255.255/32": "it is the broadcast address",
        "169.254.0.0/16": "it is a link-local address",
        "fe80::/10": "it is a link-local address",
        "::ffff:0:0/96": "it is an IPv4 address written as IPv6",
    }.items()
}
