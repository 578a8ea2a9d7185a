# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""``jailctl replay`` and the service, ban for ban, on thousands of random entries."""

import random

import pytest

from jaild.core.ban import FOREVER
from jaild.journal.reader import JournalReader
from jaild.service import feed
from tests.clockwork import House
from tests.integration.test_replay import replayed
from tests.verbs import SECOND, entry, write_journal

pytestmark = pytest.mark.integration

JAILS = """\
[DEFAULT]
ignoreip = 192.0.2.1 2001:db8:bad::/48

[sshd]
enabled = true
maxretry = 3
findtime = 10m
bantime = 1m
maxmatches = 2
bantime.increment = true
bantime.rndtime = 30

[ufw-block]
enabled = true
maxretry = 5
findtime = 10m
bantime = 4m

[recidive]
enabled = true
maxretry = 5
findtime = 1h
bantime = -1
"""

# Longer bans of every kind, whole networks, and networks that hold somebody who is spared.
LONGER = """\
[DEFAULT]
ignoreip = 192.0.2.1 2001:db8:bad::/64

[sshd]
enabled = true
maxretry = 3
findtime = 10m
bantime = 1m
bantime.increment = true
bantime.multipliers = 1 2 4 8
bantime.maxtime = 5m
bantime.history = 1h
bantime.overalljails = true
bantime.weigh = true
ban.aggregate = 3
ban.aggregate4 = 29
ban.prefix4 = 31

[ufw-block]
enabled = true
maxretry = 4
findtime = 10m
bantime = 4m
ignoreip = 192.0.2.20
ban.aggregate = 2
ban.aggregate4 = 28

[recidive]
enabled = true
maxretry = 4
findtime = 20m
bantime = 15m
"""


def history(seed, count, hosts=24):
    """Entries of some busy hours: sshd's, the kernel's about blocked packets, and forged ones."""
    chance = random.Random(seed)
    peers = [f"192.0.2.{number}" for number in range(1, hosts + 1)]
    peers += [f"2001:db8:{net}::{number:x}" for net in ("bad", "7") for number in range(1, 6)]
    at = 1.0
    for number in range(count):
        at += chance.expovariate(hosts / 48)
        peer, port = chance.choice(peers), chance.randrange(1024, 65536)
        pid = 1000 + chance.randrange(40)
        kind = chance.random()
        if kind < 0.4:
            message = chance.choice(SSHD).format(peer=peer, port=port)
            yield entry(message, at=at, pid=pid)
        elif kind < 0.8:
            blocked = entry(BLOCKED.format(peer=peer, port=chance.randrange(1, 7)), at=at)
            yield blocked._replace(fields={"_TRANSPORT": b"kernel", **blocked.fields})
        else:
            message = SSHD[0].format(peer=peer, port=port)
            yield entry(message, at=at, pid=pid, uid=1000, unit=f"session-{number}.scope")


SSHD = (
    "Failed password for root from {peer} port {port} ssh2",
    "Invalid user eve from {peer} port {port}",
    "Failed password for invalid user from 198.51.100.66 port 22 ssh2 from {peer} port {port} ssh2",
    "Connection closed by authenticating user root {peer} port {port} [preauth]",
    "Server listening on 0.0.0.0 port 22.",
)
BLOCKED = (
    "[UFW BLOCK] IN=eth0 OUT= MAC=52:54:00 SRC={peer} DST=198.51.100.1 LEN=40 TOS=0x00 PREC=0x00 "
    "TTL=244 ID=54321 PROTO=TCP SPT=51512 DPT={port} WINDOW=1024 RES=0x00 SYN URGP=0"
)


class Live:
    """A service that sees each entry at the moment at which it is written."""

    def __init__(self, folder, monkeypatch, jails=JAILS):
        self.house = House(folder)
        (self.house.etc / "jail.d/test.local").write_text(jails)
        self.bans = []
        self._allowed = 0
        self._read = JournalReader.read

        def read(reader, limit):
            return self._let_through(reader, limit)

        monkeypatch.setattr(JournalReader, "read", read)
        # It also looks by itself, seldom enough not to take the test's time.
        monkeypatch.setattr(feed, "TICK_MS", 20_000)

    def play(self, entries):
        write_journal(self.house.journal, entries)
        service = self.house.open()
        service.listeners.append(self)
        clock, accepts = self.house.clock, service._reading._open.watch.router.match.accepts
        for each in entries:
            clock.pass_time((each.time - clock.time) / SECOND)
            clock.time = each.time
            self._allowed = int(accepts(each.fields))
            for watch in clock.watched:
                watch.callback()
            assert not self._allowed
        return service

    def ban_added(self, ban):
        self.bans.append(
            {
                "jail": ban.jail,
                "address": ban.address,
                "at": ban.since,
                "until": None if ban.until == FOREVER else ban.until,
                "failures": ban.failures,
                "evidence": list(ban.cursors),
            }
        )

    def __getattr__(self, name):
        return lambda *_: None

    def _let_through(self, reader, limit):
        for one in self._read(reader, min(limit, self._allowed)):
            self._allowed -= 1
            yield one


@pytest.mark.parametrize("seed", [1, 2])
def test_the_same_bans_as_the_service_makes(tmp_path, monkeypatch, seed):
    live = Live(tmp_path, monkeypatch)
    service = live.play(list(history(seed, 6000)))
    found = replayed("--directory", str(live.house.journal), "--config", str(live.house.etc))
    assert found["bans"] == live.bans
    assert {ban["jail"] for ban in live.bans} == {"sshd", "ufw-block", "recidive"}
    assert len(live.bans) > 200
    assert found["failures"] == sum(jail.failed_total for jail in service.jail_states())
    assert found["entries"] == service.entries_read


def test_longer_bans_and_networks_too(tmp_path, monkeypatch):
    live = Live(tmp_path, monkeypatch, LONGER)
    live.play(list(history(3, 4000)))
    found = replayed("--directory", str(live.house.journal), "--config", str(live.house.etc))
    assert found["bans"] == live.bans
    lengths = {ban["until"] - ban["at"] for ban in live.bans if ban["jail"] == "sshd"}
    assert {60 * SECOND, 120 * SECOND, 240 * SECOND, 300 * SECOND} <= lengths
    assert any("/29" in ban["address"] for ban in live.bans)
    assert {ban["jail"] for ban in live.bans} == {"sshd", "ufw-block", "recidive"}
