# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""jaild is killed again and again under attack, and it is as if nothing had happened.

What the last life leaves is compared with two uninterrupted runs over the same journal, those of
``jailctl replay`` and of a service with an empty state file, and with the rules in ufw.
"""

import json
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from jaild.enforce.tag import decode
from jaild.journal.record import MessageId
from tests import differences
from tests.differences import compare
from tests.lab import barrage, killer
from tests.lab.lab import Lab
from tests.lab.place import REPOSITORY, LabError

pytestmark = pytest.mark.e2e

RATE = 100
SEED = 1
FINDTIME = {"torture": 30, "brief": 20, "recidive": 3600}
JAILS = f"""\
[torture]
enabled = true
filter = sshd
journalmatch = _SYSTEMD_UNIT=torture.service
port = ssh
maxretry = 4
findtime = {FINDTIME["torture"]}
bantime = 1d

[brief]
enabled = true
filter = sshd
journalmatch = _SYSTEMD_UNIT=torture.service
port = 2222
maxretry = 6
findtime = {FINDTIME["brief"]}
bantime = 10s
bantime.increment = true
bantime.maxtime = 40s
bantime.rndtime = 5s

[recidive]
enabled = true
maxretry = 3
findtime = {FINDTIME["recidive"]}
bantime = -1
"""
AT_ONCE = "[Service]\nRestartSec=100ms\n"
UNITS = ("jaild.service", "jaild-enforcer.service")


@dataclass(frozen=True)
class Aftermath:
    """What is left: the state file, the journal, and when jaild was stopped (microseconds)."""

    killed: dict[str, int]
    state: Path
    journal: Path
    stopped: int
    replayed: dict


@pytest.fixture(scope="module")
def host(deb):
    """A lab that restarts jaild at once, and nothing has happened in it yet."""
    with Lab.up("bookworm", deb=deb) as lab:
        lab.write("/etc/jaild/jail.d/torture.local", JAILS)
        for unit in UNITS:
            lab.write(f"/etc/systemd/system/{unit}.d/torture.conf", AT_ONCE)
        for script in (barrage, killer):
            lab.put(Path(script.__file__), f"/opt/{Path(script.__file__).name}")
        lab.run(["systemctl", "daemon-reload"])
        lab.run(["systemctl", "restart", "jaild"])
        yield lab


@pytest.fixture(scope="module")
def aftermath(host, kills, tmp_path_factory):
    """What so many kills under an attack have led to."""
    attack = ["/usr/bin/python3", "-I", "/opt/barrage.py", str(SEED), str(RATE)]
    limitless = ["--unit=torture", "--property=LogRateLimitIntervalSec=0"]
    host.run(["systemd-run", *limitless, *attack])
    script = ["/usr/bin/python3", "-I", "/opt/killer.py", str(SEED), str(kills)]
    killed = json.loads(host.run(script, timeout=120 + 10 * kills).stdout)
    host.run(["systemctl", "stop", "torture"])
    last = json.loads(host.journal("_SYSTEMD_UNIT=torture.service", "--lines=1", "--output=json"))
    host.wait(lambda: reached(host) == last["__CURSOR"], 60, "the end of the attack")
    host.run(["systemctl", "stop", "jaild"])
    stopped = time.time_ns() // 1000
    folder = tmp_path_factory.mktemp("torture")
    inside = Path(f"/proc/{host.state().leader}/root")
    state, journal = folder / "state", folder / "journal"
    shutil.copy(inside / "var/lib/jaild/jaild.sqlite3", state)
    shutil.copytree(inside / "var/log/journal", journal)
    said = host.run(["jailctl", "replay", *FINDTIME, "--json"], timeout=600).stdout
    return Aftermath(killed, state, journal, stopped, json.loads(said))


def reached(lab):
    """Return the cursor of the last entry that jaild has read, None while it is down."""
    asked = ["org.jaild1", "/org/jaild1", "org.jaild1.Manager", "Cursor"]
    said = lab.run(["busctl", "--json=short", "get-property", *asked], check=False)
    return json.loads(said.stdout)["data"] if said.returncode == 0 else None


@pytest.fixture(scope="module")
def uninterrupted(aftermath, tmp_path_factory):
    """The state file of a service that has read the same journal in one life."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    (folder / "etc/jail.d").mkdir(parents=True)
    (folder / "etc/jail.d/torture.local").write_text(JAILS)
    (journal,) = aftermath.journal.iterdir()
    program = REPOSITORY / "tests/integration/service_once.py"
    subprocess.run(
        [sys.executable, program, journal, folder / "state", folder / "etc", "--turn=1000", "--all",
         f"--now={aftermath.stopped}"],
        env={"PYTHONPATH": f"{REPOSITORY / 'src'}:{REPOSITORY}", "PATH": "/usr/bin"},
        check=True,
    )  # fmt: skip
    return folder / "state"


def test_it_was_hard(aftermath, kills):
    bans, killed = differences.bans_of(aftermath.state), aftermath.killed
    made = {jail: sum(ban.jail == jail for ban in bans) for jail in FINDTIME}
    print(f"killed: {killed}; entries: {aftermath.replayed['entries']}; bans: {made}")
    assert killed["jaild"] == kills
    assert 0 < killed["before it was ready"] < kills
    assert min(made.values()) > kills / 5
    assert {":" in ban.address for ban in bans} == {True, False}


def test_the_bans_are_those_of_replay(aftermath):
    bans = differences.bans_of(aftermath.state)
    others = differences.bans_replayed(aftermath.replayed)
    told = compare("bans", "the service that was killed", bans, "replay", others)
    assert not told, told


BANS = "SELECT jail, address, since FROM ban WHERE failures > 0"
PAST = "SELECT jail, address, since FROM history WHERE failures > 0"
# Of each kind of record, whose it is to be.
RECORDS = {
    MessageId.BANNED: f"{BANS} UNION ALL {PAST} AND ended != 'past'",
    MessageId.UNBANNED: f"{PAST} AND ended NOT IN ('past', 'replaced by another')",
    MessageId.TOO_LATE: f"{PAST} AND ended = 'past'",
}


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.name.lower())
def test_each_decision_is_recorded_once(aftermath, kind):
    (journal,) = aftermath.journal.iterdir()
    command = ["journalctl", f"--directory={journal}", "--output=json", "--no-pager"]
    said = subprocess.check_output([*command, f"MESSAGE_ID={kind}"], text=True)
    records = [json.loads(line) for line in said.splitlines()]
    names = ("JAILD_JAIL", "JAILD_ADDRESS", "JAILD_SINCE_USEC")
    told = [tuple(record[name] for name in names) for record in records]
    with sqlite3.connect(f"file:{aftermath.state}?mode=ro", uri=True) as db:
        made = [(jail, address, str(since)) for jail, address, since in db.execute(RECORDS[kind])]
    difference = compare("decisions", "the state", made, "the journal", told)
    assert not difference, difference


@pytest.mark.parametrize("table", ["bans", "failure", "connection", "counter", "position"])
def test_all_is_as_without_a_kill(aftermath, uninterrupted, table):
    rows, others = (
        differences.tables_of(state, FINDTIME, aftermath.stopped)[table]
        for state in (aftermath.state, uninterrupted)
    )
    assert others
    told = compare(table, "the service that was killed", rows, "the one that was not", others)
    assert not told, told


def in_force(lab):
    """Return jail and address of each of jaild's rules in ufw's files; addresses in the kernel."""
    files = lab.run(["cat", "/etc/ufw/user.rules", "/etc/ufw/user6.rules"]).stdout
    found = re.findall(r"^### tuple ### reject \S+ \S+ \S+ any (\S+) in comment=(\S+)", files, re.M)
    tables = lab.run(
        ["sh", "-c", "iptables -S ufw-user-input; ip6tables -S ufw6-user-input"]
    ).stdout
    kernel = re.findall(r"^-A \S+ -s (\S+?)(?:/32|/128)? .*-j REJECT", tables, re.M)
    return sorted((decode(comment), address) for address, comment in found), set(kernel)


def test_the_firewall_has_the_bans(host, aftermath):
    host.run(["systemctl", "start", "jaild"])
    told = "the rules were never compared"

    def equal():
        nonlocal told
        listed = json.loads(host.run(["jailctl", "bans", "--json"]).stdout)
        bans = [(ban["jail"], ban["address"]) for ban in listed]
        rules, kernel = in_force(host)
        told = compare("bans", "jaild", bans, "ufw", rules)
        told += compare("addresses", "jaild", {a for _, a in bans}, "the kernel", kernel)
        return not told

    # Bans end all the time, and a moment later their rules are gone.
    with suppress(LabError):
        host.wait(equal, 60, "the firewall's equality")
    assert not told, told
