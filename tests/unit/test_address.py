# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from jaild.core.address import Address, Networks, parse, parse_host, parse_network
from jaild.core.errors import InvalidAddress
from jaild.core.rule import InvalidRule, Rule, check_ports, from_tuple


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("192.0.2.7", "192.0.2.7"),
        (" 192.0.2.7 ", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:DB8:0::7", "2001:db8::7"),
        ("192.0.2.7/24", "192.0.2.0/24"),
        ("192.0.2.7/32", "192.0.2.7"),
        ("2001:db8::7/128", "2001:db8::7"),
        ("10.0.0.0/8", "10.0.0.0/8"),
    ],
)
def test_parse(text, canonical):
    assert parse(text) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "",
        "host",
        "192.0.2.300",
        "192.030.0.6",
        "fe80::1%eth0",
        "10.0.0.0/7",
        "2001::/31",
        "1",
        "a/b",
    ],
)
def test_refused(text):
    with pytest.raises(InvalidAddress) as raised:
        parse(text)
    assert repr(text)[1:-1] in str(raised.value)


def test_networks():
    networks = Networks(map(parse_network, ("127.0.0.1/8", "2001:db8::/32", "192.0.2.7")))
    assert str(networks.find(parse_host("127.9.9.9"))) == "127.0.0.0/8"
    assert networks.find(parse_host("192.0.2.8")) is None
    assert networks.find(Address("192.0.2.0/24")) is None
    assert str(networks.touches(Address("192.0.2.0/24"))) == "192.0.2.7/32"
    assert networks.touches(Address("198.51.100.0/24")) is None
    assert not Networks()


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("22", "22"),
        ("443, 80", "80,443"),
        ("0:65535", ""),
        ("1:65535", ""),
        ("6000:6010", "6000:6010"),
    ],
)
def test_ports(text, ports):
    assert check_ports(text) == ports


@pytest.mark.parametrize(
    "text", ["0", "65536", "ssh", "9:1", "1,,x", ",".join(map(str, range(1, 17)))]
)
def test_bad_ports(text):
    with pytest.raises(InvalidRule):
        check_ports(text)


@pytest.mark.parametrize(
    "values",
    [
        ("-rf", "192.0.2.7", "22", "tcp", "reject"),
        ("sshd", "192.0.2.07", "22", "tcp", "reject"),
        ("sshd", "192.0.2.7/8", "22", "tcp", "reject"),
        ("sshd", "192.0.2.7", "22 ", "tcp", "reject"),
        ("sshd", "192.0.2.7", "22", "any", "reject"),
        ("sshd", "192.0.2.7", "", "tcp", "reject"),
        ("sshd", "192.0.2.7", "22", "tcp", "allow"),
        ("sshd\n", "192.0.2.7", "22", "tcp", "reject"),
    ],
)
def test_no_crooked_rule_crosses_the_border(values):
    with pytest.raises((InvalidRule, InvalidAddress)):
        from_tuple(values)


def test_an_honest_rule_crosses():
    values = ("sshd", "2001:db8::/64", "22,80:90", "tcp", "deny")
    assert from_tuple(values) == Rule(*values)
