# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jails of a special kind on a host: those who come again, who scan, and a filter gone wild."""

import json
import time
from pathlib import Path

import pytest

from tests.lab import kmsg, net, services

pytestmark = pytest.mark.e2e

MAXRETRY = 5
SHUT = {"refused", "timeout"}
DECOY = "203.0.113.9"
JAILS = """\
[nginx-http-auth]
enabled = true

[recidive]
enabled = true
maxretry = 2

[ufw-block]
enabled = true

[wild]
enabled = true
"""
WILD = r"""
[Definition]
failregex = ^(a+)+ from <ADDR>$
journalmatch = _SYSTEMD_UNIT=wild.service
"""
FILES = {
    "/etc/jaild/jail.d/jails.local": JAILS,
    "/etc/jaild/filter.d/wild.conf": WILD,
}


@pytest.fixture(scope="module")
def jailed(serving_lab):
    """The lab with these jails."""
    for path, text in FILES.items():
        serving_lab.write(path, text)
    serving_lab.run(["jailctl", "reload"])
    yield serving_lab
    serving_lab.run(["rm", *FILES])
    serving_lab.run(["jailctl", "reload"])


def bans(lab, jail):
    listed = json.loads(lab.run(["jailctl", "bans", "--json"]).stdout)
    return {ban["address"]: ban for ban in listed if ban["jail"] == jail}


def attack(lab, source):
    """Make one ban more, and let the source in again."""
    lab.guess("http", [source], MAXRETRY)
    lab.wait(lambda: source in bans(lab, "nginx-http-auth"), 10, "the ban")
    lab.run(["jailctl", "unban", "nginx-http-auth", source])


def test_who_comes_again_is_shut_out_of_everything(jailed):
    lab, source, by_hand = jailed, "198.51.100.120", "198.51.100.121"
    for _ in range(2):
        lab.run(["jailctl", "ban", "nginx-http-auth", by_hand])
        lab.run(["jailctl", "unban", "nginx-http-auth", by_hand])
    attack(lab, source)
    assert source not in bans(lab, "recidive")
    assert lab.probe(source, 22) == "open"
    # The first ban is remembered over a restart.
    lab.run(["systemctl", "restart", "jaild"])
    attack(lab, source)
    lab.wait(lambda: source in bans(lab, "recidive"), 10, "the long ban")
    assert bans(lab, "recidive")[source]["failures"] == 2
    assert lab.probe(source, 22) in SHUT
    assert lab.probe(source, 80) in SHUT
    # What people do themselves does not count.
    assert by_hand not in bans(lab, "recidive")


@pytest.fixture
def scanned(jailed):
    """The lab with something that logs as the kernel does."""
    script = "/var/tmp/kmsg.py"
    jailed.put(Path(kmsg.__file__), script)
    ports = ["22", *map(str, services.PORTS.values())]
    jailed.run(["systemd-run", "--unit=lab-kmsg", "/usr/bin/python3", script, *ports])
    jailed.wait(
        lambda: kmsg.READY in jailed.journal("--dmesg", "-o", "cat", "-n", "1"),
        20,
        "the kernel's log",
    )
    return jailed


def test_who_scans_ports_is_shut_out(scanned):
    lab, scanners = scanned, ["198.51.100.130", "2001:db8:0:130::1"]
    stubborn, visitor = "198.51.100.131", "198.51.100.132"
    banned = {net.banned_as(scanner) for scanner in scanners}
    count = int(lab.run(["jailctl", "get", "ufw-block", "maxretry"]).stdout)
    forge = [
        "logger", "-p", "kern.warning", "-t", "kernel",
        *(f"[UFW BLOCK] IN=host0 OUT= MAC=02 SRC={DECOY} DST=198.19.0.1 LEN=60 TOS=0x00 PREC=0x00",
          "TTL=64 ID=1 DF PROTO=TCP SPT=40000 DPT=@ WINDOW=64240 RES=0x00 SYN URGP=0"),
    ]  # fmt: skip
    for number in range(count):
        assert not banned & set(bans(lab, "ufw-block"))
        lab.run(["runuser", "-u", "mallory", "--", *(w.replace("@", str(number)) for w in forge)])
        lab.probe(stubborn, 9000, 0.2)
        lab.probe(visitor, 80)
        lab.probe_all(scanners, 9000 + number, 0.2)
    lab.wait(lambda: banned <= set(bans(lab, "ufw-block")), 10, "the bans")
    assert {bans(lab, "ufw-block")[each]["failures"] for each in banned} == {count}
    assert not {stubborn, visitor, DECOY} & set(bans(lab, "ufw-block"))
    assert set(lab.probe_all(scanners, 80).values()) <= SHUT


def test_a_pattern_that_runs_away_harms_its_own_jail(jailed):
    lab, source = jailed, "198.51.100.140"
    begun = time.monotonic()
    line = "a" * 60 + f"! from {source}"
    lab.run(["systemd-run", "--wait", "--unit=wild", "echo", line])
    lab.wait(lambda: state(lab, "wild") == "failed", 10, "the end of the jail")
    lab.guess("http", [source], MAXRETRY)
    lab.wait(lambda: source in bans(lab, "nginx-http-auth"), 10, "the other jail's ban")
    assert time.monotonic() - begun < 20
    told = lab.run(["jailctl", "status", "wild"]).stderr
    assert "jail 'wild' is failed: failregex, pattern 1 of filter wild takes too long" in told
    assert "jail 'wild' is failed" in lab.run(["jailctl", "status"]).stderr
    assert lab.run(["systemctl", "show", "-P", "NRestarts", "jaild"]).stdout == "0\n"


def state(lab, jail):
    shown = json.loads(lab.run(["jailctl", "status", jail, "--json"]).stdout)
    return shown["state"]
