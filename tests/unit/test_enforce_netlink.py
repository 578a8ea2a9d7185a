# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Netlink messages, well-formed and otherwise; the host's addresses."""

import random
import socket
import struct

import pytest

pytest.importorskip("gi")

from jaild.enforce import addresses, chain, netlink


def message(kind: int, payload: bytes) -> bytes:
    whole = struct.pack("=IHHII", 16 + len(payload), kind, 0, 1, 0) + payload
    return whole + bytes(-len(whole) % 4)


def attribute(kind: int, value: bytes) -> bytes:
    whole = struct.pack("=HH", 4 + len(value), kind) + value
    return whole + bytes(-len(whole) % 4)


def told(family: int, *attributes: bytes) -> bytes:
    return struct.pack("=BBBBI", family, 24, 0, 0, 1) + b"".join(attributes)


V4 = attribute(1, socket.inet_aton("192.0.2.1"))
LOCAL = attribute(2, socket.inet_aton("192.0.2.2"))
V6 = attribute(1, socket.inet_pton(socket.AF_INET6, "2001:db8::1"))


def test_messages_and_attributes():
    data = message(20, b"abcde") + message(3, b"")
    assert list(netlink.messages(data)) == [(20, b"abcde"), (3, b"")]
    assert list(netlink.attributes(attribute(1, b"abc") + attribute(0x8002, b""))) == [
        (1, b"abc"),
        (2, b""),
    ]


@pytest.mark.parametrize("length", [0, 3, 15, 17, 2**32 - 1])
def test_lying_lengths_end_the_reading(length):
    assert list(netlink.messages(struct.pack("=IHHII", length, 20, 0, 1, 0))) == []
    lying = struct.pack("=HH", min(length, 65535), 1)
    assert list(netlink.attributes(lying)) == [] or length == 4


def test_noise_never_raises():
    random.seed(1)
    for _ in range(2000):
        data = random.randbytes(random.randrange(80))
        for _, payload in netlink.messages(message(20, data)):
            addresses.parse(payload)


@pytest.mark.parametrize(
    ("payload", "address"),
    [
        (told(socket.AF_INET, V4), "192.0.2.1"),
        (told(socket.AF_INET, V4, LOCAL), "192.0.2.2"),
        (told(socket.AF_INET6, V6), "2001:db8::1"),
        (told(socket.AF_INET6, V4), None),
        (told(socket.AF_INET, V6), None),
        (told(socket.AF_INET), None),
        (told(99, V4), None),
        (b"", None),
    ],
)
def test_an_address_message(payload, address):
    assert addresses.parse(payload) == address


def test_the_loopback_is_among_the_hosts_addresses():
    assert "127.0.0.1" in addresses.read()


class Asked:
    def __init__(self, *answers):
        self.answers = list(answers)

    def recv(self, _size):
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def test_a_dump_ends_with_done():
    asked = Asked(message(20, told(socket.AF_INET, V4)), message(99, b"") + message(3, b""))
    assert addresses._collect(asked) == ("192.0.2.1",)


@pytest.mark.parametrize("answer", [message(2, bytes(20)), message(99, b"")])
def test_a_dump_that_fails_or_never_ends(answer):
    with pytest.raises(addresses.UnknownAddresses):
        addresses._collect(Asked(answer))


class Loop:
    def __init__(self):
        self.later = []
        self.ready = None

    def watch_fd(self, _fd, callback):
        self.ready = callback
        return self

    def after(self, _milliseconds, callback):
        self.later.append(callback)

    def cancel(self):
        self.ready = None


def test_a_change_is_told_once_it_has_settled(monkeypatch):
    answers = [("127.0.0.1",), ("127.0.0.1",), ("127.0.0.1", "192.0.2.1")]
    monkeypatch.setattr(addresses, "read", lambda: answers.pop(0))
    loop, told_of = Loop(), []
    hosts = addresses.HostAddresses(loop, lambda: told_of.append(hosts.current))
    loop.ready()
    loop.ready()
    assert len(loop.later) == 1
    loop.later.pop()()
    assert told_of == []
    loop.ready()
    loop.later.pop()()
    assert told_of == [("127.0.0.1", "192.0.2.1")]
    hosts.close()
    assert loop.ready is None


def test_an_attribute_can_be_read_again():
    data = netlink.attribute(1, b"filter\0") + netlink.attribute(3, b"abc\0")
    assert len(data) == 20
    assert list(netlink.attributes(data)) == [(1, b"filter\0"), (3, b"abc\0")]


@pytest.mark.parametrize(
    ("kind", "attributes", "number"),
    [
        (0xA03, netlink.attribute(6, b"\0\0\1\5"), 261),
        (0xA03, netlink.attribute(6, b"\5"), None),
        (0xA03, netlink.attribute(2, b"\0\0\1\5"), None),
        (2, b"", None),
    ],
)
def test_how_many_rules_a_chain_has(kind, attributes, number):
    assert chain.parse(netlink.request(kind, 0, b"\2\0\0\0" + attributes)) == number
