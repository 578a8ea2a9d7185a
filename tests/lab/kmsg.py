# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module stands in for the kernel's log in the lab, where it runs as a service.

The kernel writes what a container's firewall blocks nowhere. This writes it, as nf_log_syslog.c
does: a line for each packet that opens a TCP connection to a port outside the arguments. journald
reads the lines from a terminal laid over /dev/kmsg: one read gives one line, as the device would.
"""

import ipaddress
import os
import socket
import struct
import subprocess
import sys
import termios
import threading
from dataclasses import dataclass
from pathlib import Path

DEVICE = Path("/dev/kmsg")
WIRE = "host0"
READY = "the lab's kernel log is read"
SYN, ACK = 0x02, 0x10
IPV4, IPV6 = 0x0800, 0x86DD


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet that opens a TCP connection."""

    source: str
    target: str
    network: str
    ports: tuple[int, int]
    window: int

    def line(self) -> str:
        """Return what the kernel logs of it under ufw's prefix."""
        return (
            f"[UFW BLOCK] IN={WIRE} OUT= MAC=02:00:00:00:00:01:02:00:00:00:00:02:08:00 "
            f"SRC={self.source} DST={self.target} {self.network} PROTO=TCP "
            f"SPT={self.ports[0]} DPT={self.ports[1]} WINDOW={self.window} RES=0x00 SYN URGP=0 "
        )


def packet(protocol: int, data: bytes) -> Packet | None:
    """Read a packet of an Ethernet protocol; None if it does not open a TCP connection."""
    if protocol == IPV4 and data[9] == socket.IPPROTO_TCP:
        length, number = struct.unpack_from("!HH", data, 2)
        network = f"LEN={length} TOS=0x00 PREC=0x00 TTL={data[8]} ID={number} DF"
        addresses = [str(ipaddress.IPv4Address(data[at : at + 4])) for at in (12, 16)]
        tcp = data[(data[0] & 15) * 4 :]
    elif protocol == IPV6 and data[6] == socket.IPPROTO_TCP:
        (payload,) = struct.unpack_from("!H", data, 4)
        network = f"LEN={40 + payload} TC=0 HOPLIMIT={data[7]} FLOWLBL=0"
        addresses = [ipaddress.IPv6Address(data[at : at + 16]).exploded for at in (8, 24)]
        tcp = data[40:]
    else:
        return None
    if tcp[13] & (SYN | ACK) != SYN:
        return None
    source, target, window = *struct.unpack_from("!HH", tcp), *struct.unpack_from("!H", tcp, 14)
    return Packet(addresses[0], addresses[1], network, (source, target), window)


def open_log() -> int:
    """Lay a terminal over the kernel's log, have journald read it, return the writing end."""
    writing, reading = os.openpty()
    mode = termios.tcgetattr(reading)
    # Neither an echo nor carriage returns: what is written is read, line by line.
    mode[1] &= ~termios.OPOST
    mode[3] &= ~termios.ECHO
    termios.tcsetattr(reading, termios.TCSANOW, mode)
    DEVICE.touch()
    subprocess.run(["mount", "--bind", os.ttyname(reading), DEVICE], check=True)
    threading.Thread(target=drain, args=(writing,), daemon=True).start()
    subprocess.run(["systemctl", "restart", "systemd-journald"], check=True)
    return writing


def drain(descriptor: int) -> None:
    """Throw away what journald and systemd themselves write into the kernel's log."""
    while os.read(descriptor, 4096):
        pass


def main() -> None:
    """Log what is blocked, for ever."""
    allowed = {int(text) for text in sys.argv[1:]}
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3)) as wire:
        wire.bind((WIRE, 3))
        writing = open_log()
        os.write(writing, f"6,0,0,-;{READY}\n".encode())
        number = 0
        while True:
            data, (_, protocol, kind, *_) = wire.recvfrom(65535)
            if kind != socket.PACKET_HOST:
                continue
            found = packet(protocol, data)
            if found and found.ports[1] not in allowed:
                number += 1
                os.write(writing, f"4,{number},{number},-;{found.line()}\n".encode())


if __name__ == "__main__":
    main()
