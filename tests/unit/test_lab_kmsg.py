# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's stand-in for the kernel's log reads packets and writes the kernel's lines."""

import ipaddress
import struct

import pytest

from tests.lab import kmsg


def tcp(flags: int) -> bytes:
    return struct.pack("!HHIIBBHHH", 40000, 81, 7, 0, 5 << 4, flags, 64240, 0, 0)


def ipv4(protocol: int = 6, flags: int = kmsg.SYN) -> bytes:
    source, target = (ipaddress.ip_address(text).packed for text in ("198.51.100.7", "198.19.0.1"))
    header = struct.pack("!BBHHHBBH", 0x45, 0, 40, 9, 0, 64, protocol, 0)
    return header + source + target + tcp(flags)


def ipv6() -> bytes:
    source, target = (ipaddress.ip_address(text).packed for text in ("2001:db8::7", "2001:db8::1"))
    return struct.pack("!IHBB", 6 << 28, 20, 6, 63) + source + target + tcp(kmsg.SYN)


def test_a_line_for_ipv4() -> None:
    found = kmsg.packet(kmsg.IPV4, ipv4())
    assert found is not None
    assert found.line().startswith("[UFW BLOCK] IN=host0 OUT= MAC=")
    assert found.line().endswith(
        "SRC=198.51.100.7 DST=198.19.0.1 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=9 DF "
        "PROTO=TCP SPT=40000 DPT=81 WINDOW=64240 RES=0x00 SYN URGP=0 "
    )


def test_a_line_for_ipv6() -> None:
    found = kmsg.packet(kmsg.IPV6, ipv6())
    assert found is not None
    assert (
        "SRC=2001:0db8:0000:0000:0000:0000:0000:0007 DST=2001:0db8:0000:0000:0000:0000:0000:0001 "
        "LEN=60 TC=0 HOPLIMIT=63 FLOWLBL=0 PROTO=TCP SPT=40000 DPT=81"
    ) in found.line()


@pytest.mark.parametrize(
    "data", [ipv4(protocol=17), ipv4(flags=kmsg.ACK), ipv4(flags=kmsg.SYN | kmsg.ACK)]
)
def test_what_opens_no_connection_is_not_logged(data: bytes) -> None:
    assert kmsg.packet(kmsg.IPV4, data) is None
