# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is counted and banned as one."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from jaild.core.address import Address, of_network, parse, to_network
from jaild.core.prefix import Aggregate, Prefixes


def is_itself(host: IPv4Address | IPv6Address) -> bool:
    return not (isinstance(host, IPv6Address) and host.ipv4_mapped)


V4 = st.builds(
    lambda start, length: of_network(IPv4Network((start, length), strict=False)),
    st.ip_addresses(v=4).map(int),
    st.integers(8, 32),
)
V6 = st.builds(
    lambda start, length: of_network(IPv6Network((start, length), strict=False)),
    st.ip_addresses(v=6).filter(is_itself).map(int),
    st.integers(32, 128),
)
ADDRESSES = V4 | V6
PREFIXES = st.builds(Prefixes, st.integers(8, 32), st.integers(32, 128))
AGGREGATES = st.builds(Aggregate, st.just(3), st.integers(16, 31), st.integers(32, 63))


def length(rule: Prefixes | Aggregate, address: Address) -> int:
    return rule.v6 if ":" in address else rule.v4


@pytest.mark.parametrize(
    ("address", "usual", "wide"),
    [
        ("192.0.2.77", "192.0.2.77", "192.0.2.0/24"),
        ("192.0.2.64/28", "192.0.2.64/28", "192.0.2.0/24"),
        ("192.0.0.0/16", "192.0.0.0/16", "192.0.0.0/16"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64", "2001:db8:1::/48"),
        ("2001:db8:1:2:3::/80", "2001:db8:1:2::/64", "2001:db8:1::/48"),
        ("2001:db8::/32", "2001:db8::/32", "2001:db8::/32"),
    ],
)
def test_addresses_become_networks(address, usual, wide):
    assert Prefixes().of(Address(address)) == usual
    assert Prefixes(24, 48).of(Address(address)) == wide
    assert Aggregate(3).of(Address(address)) == (wide if wide != address else None)


def test_hosts_stay_hosts():
    exact = Prefixes(32, 128)
    assert exact.of(Address("192.0.2.77")) == "192.0.2.77"
    assert exact.of(Address("2001:db8::1")) == "2001:db8::1"


@given(PREFIXES, ADDRESSES)
def test_a_prefix_holds_what_it_stands_for(prefixes, address):
    found = prefixes.of(address)
    assert to_network(found).supernet_of(to_network(address))
    assert to_network(found).prefixlen <= length(prefixes, address)
    assert found == parse(found)
    assert prefixes.of(found) == found


@given(PREFIXES, V4 | V6)
def test_what_is_as_wide_stays(prefixes, address):
    if to_network(address).prefixlen <= length(prefixes, address):
        assert prefixes.of(address) is address


@given(PREFIXES, st.ip_addresses().filter(is_itself), st.integers(0, 2**120))
def test_neighbours_are_one(prefixes, host, noise):
    bits = host.max_prefixlen - (prefixes.v4 if host.version == 4 else prefixes.v6)
    kind = IPv4Address if host.version == 4 else IPv6Address
    other = kind(int(host) ^ noise % 2**bits)
    assume(is_itself(other))
    assert prefixes.of(parse(str(host))) == prefixes.of(parse(str(other)))


@given(AGGREGATES, ADDRESSES)
def test_an_aggregate_is_wider_or_none(aggregate, address):
    found = aggregate.of(address)
    if to_network(address).prefixlen <= length(aggregate, address):
        assert found is None
    else:
        assert found is not None
        assert to_network(found).prefixlen == length(aggregate, address)
        assert to_network(found).supernet_of(to_network(address))
        assert aggregate.of(found) is None
