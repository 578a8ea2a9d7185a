# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module refuses bans that would harm the host itself, whoever asks for them."""

from collections.abc import Iterable
from ipaddress import ip_network

from jaild.core.address import Address, Network, Networks
from jaild.core.never import NEVER


class Veto:
    """Knows which addresses must not be banned, and why."""

    def __init__(self, ignored: Iterable[Network] = (), hosts: Iterable[Address] = ()) -> None:
        self._never = Networks(NEVER)
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
            return NEVER[never]
        host = _hit(self._hosts, address)
        if host is not None:
            own = host.network_address
            return "it is this host's own" if str(own) == address else f"{own} is this host's own"
        ignored = _hit(self._ignored, address)
        return "" if ignored is None else f"{ignored} is in ignoreip of /etc/jaild"


def _hit(networks: Networks, address: Address) -> Network | None:
    # A single host can only be covered; looking for what lies inside it would cost a walk.
    return networks.touches(address) if "/" in address else networks.find(address)
