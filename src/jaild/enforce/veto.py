# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module refuses bans that would harm the host itself, whoever asks for them."""

from collections.abc import Iterable
from ipaddress import ip_network

from jaild.core.address import Address, Network, Networks

# What an address may be that no remote attacker can have, or that the host cannot do without.
_NEVER = {
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
}
_REASONS = {ip_network(text): reason for text, reason in _NEVER.items()}


class Veto:
    """Knows which addresses must not be banned, and why."""

    def __init__(self, ignored: Iterable[Network] = (), hosts: Iterable[Address] = ()) -> None:
        self._never = Networks(_REASONS)
        self.set_ignored(ignored)
        self.set_hosts(hosts)

    def set_ignored(self, ignored: Iterable[Network]) -> None:
        """Take the networks that the root-owned configuration lists in ignoreip."""
        self._ignored = Networks(ignored)

    def set_hosts(self, hosts: Iterable[Address]) -> None:
        """Take the host's own addresses."""
        self._hosts = Networks(ip_network(host) for host in hosts)

    def reason(self, address: Address) -> str:
        """Return why this address or network must not be banned, "" when it may be."""
        never = _hit(self._never, address)
        if never is not None:
            return _REASONS[never]
        host = _hit(self._hosts, address)
        if host is not None:
            own = host.network_address
            return "it is this host's own" if str(own) == address else f"{own} is this host's own"
        ignored = _hit(self._ignored, address)
        return "" if ignored is None else f"{ignored} is in ignoreip of /etc/jaild"


def _hit(networks: Networks, address: Address) -> Network | None:
    # A single host can only be covered; looking for what lies inside it would cost a walk.
    return networks.touches(address) if "/" in address else networks.find(address)
