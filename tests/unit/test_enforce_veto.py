# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

from ipaddress import ip_network

import pytest

from jaild.core.address import Address
from jaild.enforce.veto import Veto

HOSTS = [Address(text) for text in ("127.0.0.1", "192.0.2.10", "2001:db8:1::10", "fe80::1")]
IGNORED = [ip_network("10.0.0.0/8"), ip_network("2001:db8:9::/48"), ip_network("203.0.113.5/32")]


@pytest.fixture
def veto():
    return Veto(IGNORED, HOSTS)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("127.0.0.1", "loopback"),
        ("127.9.9.9", "loopback"),
        ("127.0.0.0/16", "loopback"),
        ("::1", "loopback"),
        ("::/32", "unspecified"),
        ("0.0.0.0", "unspecified"),
        ("0.0.0.0/8", "unspecified"),
        ("::", "unspecified"),
        ("224.0.0.1", "multicast"),
        ("ff02::1", "multicast"),
        ("255.255.255.255", "broadcast"),
        ("169.254.169.254", "link-local"),
        ("fe80::1", "link-local"),
        ("fe80::/64", "link-local"),
        ("::ffff:192.0.2.0/120", "IPv4"),
        ("192.0.2.10", "it is this host's own"),
        ("192.0.2.0/24", "192.0.2.10 is this host's own"),
        ("2001:db8:1::/64", "2001:db8:1::10 is this host's own"),
        ("10.1.2.3", "10.0.0.0/8 is in ignoreip"),
        ("10.1.0.0/16", "10.0.0.0/8 is in ignoreip"),
        ("203.0.0.0/16", "203.0.113.5/32 is in ignoreip"),
        ("2001:db8::/32", "2001:db8:1::10 is this host's own"),
    ],
)
def test_refused(veto, address, why):
    assert why in veto.reason(Address(address))


@pytest.mark.parametrize(
    "address", ["192.0.2.11", "192.0.2.128/25", "203.0.113.6", "2001:db8:2::/48", "9.255.255.255"]
)
def test_allowed(veto, address):
    assert veto.reason(Address(address)) == ""


def test_new_lists_replace_the_old(veto):
    veto.set_hosts([Address("192.0.2.11")])
    veto.set_ignored([])
    assert veto.reason(Address("192.0.2.10")) == ""
    assert veto.reason(Address("10.1.2.3")) == ""
    assert veto.reason(Address("192.0.2.11")) == "it is this host's own"
