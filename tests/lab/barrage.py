# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module is an attack on sshd as a service in the lab tells of it, until it is terminated.

``barrage.py SEED RATE`` writes about so many attempts a second to its standard output, in sshd's
words. Attackers come and go, of both IP families; some are quick, some too slow for any limit, and
most go on after their ban. An attempt is one line, or two of a process of its own.
"""

import os
import random
import signal
import sys
import time
from dataclasses import dataclass

AT_ONCE = 100
LIFE_SECONDS = (10, 90)
# An IPv6 attacker has a network of its own; none of these addresses is the lab's.
IPV4, IPV6 = "198.18.{}.{}", "2001:db8:{:x}::{:x}"

PAIR = (
    "Invalid user {name} from {peer}",
    "Failed password for invalid user {name} from {peer} ssh2",
)
PLAIN = "Failed password for root from {peer} ssh2"
HARMLESS = (
    "Server listening on 0.0.0.0 port 22.",
    "Accepted publickey for alice from {peer} ssh2: ED25519 SHA256:AAAA",
    "Received disconnect from {peer}:11: disconnected by user",
    "pam_unix(sshd:session): session opened for user alice(uid=1000) by (uid=0)",
)
NAMES = ("admin", "test", "x from 203.0.113.99 port 22 ssh2", "", "o'brien \\ \"")


@dataclass
class Attacker:
    """Who attacks until a time on the monotonic clock, and how often beside the others."""

    address: str
    until: float
    weight: float


class Barrage:
    """The attackers there are."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._number = 0
        self._attackers: list[Attacker] = []

    def attempt(self, now: float) -> None:
        """Write what one attempt leaves in the log."""
        chance = self._chance
        self._renew(now)
        weights = [each.weight for each in self._attackers]
        (attacker,) = chance.choices(self._attackers, weights)
        peer = f"{attacker.address} port {chance.randrange(1024, 65536)}"
        kind = chance.random()
        if kind < 0.5:
            say(PLAIN.format(peer=peer))
        elif kind < 0.8:
            name = chance.choice(NAMES)
            apart(chance.uniform(0.0, 0.6), [line.format(name=name, peer=peer) for line in PAIR])
        else:
            say(chance.choice(HARMLESS).format(peer=peer))

    def _renew(self, now: float) -> None:
        self._attackers = [each for each in self._attackers if each.until > now]
        while len(self._attackers) < AT_ONCE:
            until = now + self._chance.uniform(*LIFE_SECONDS)
            self._attackers.append(
                Attacker(self._address(), until, 10 ** self._chance.uniform(-1.5, 0))
            )

    def _address(self) -> str:
        self._number += 1
        number = self._number
        if number % 3:
            return IPV4.format(number // 250, number % 250 + 1)
        return IPV6.format(number, self._chance.randrange(1, 65536))


def say(line: str) -> None:
    """Write a line at once."""
    os.write(1, f"{line}\n".encode())


def apart(seconds: float, lines: list[str]) -> None:
    """Write lines from a process of its own, with a pause in between."""
    if os.fork():
        return
    for line in lines:
        say(line)
        time.sleep(seconds)
    os._exit(0)


def main(seed: int, rate: float) -> None:
    """Attack until SIGTERM."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    barrage, pace = Barrage(seed), random.Random(seed)
    while True:
        barrage.attempt(time.monotonic())
        time.sleep(pace.expovariate(rate))


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
