# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real sshd, real attackers, real ufw: who is shut out, when, and how he is let in again."""

import json
import subprocess
import sys

import pytest

from tests.lab import furnish, net
from tests.lab.attack import Login, Outcome

pytestmark = pytest.mark.e2e

MAXRETRY = 5
UNBAN = ("busctl", "call", "org.jaild1", "/org/jaild1", "org.jaild1.Manager", "Unban", "ss")
# The last attempt's connection is ended by its own ban, before or after sshd's answer.
LAST = {Outcome.DENIED, Outcome.CLOSED}
# The next one may have connected while the ban came into force: it is cut off, not answered.
NEXT = {Outcome.REFUSED, Outcome.TIMEOUT, Outcome.CLOSED}
SHUT = {"refused", "timeout"}


def bans(lab):
    return {
        ban["address"]: ban for ban in json.loads(lab.run(["jailctl", "bans", "--json"]).stdout)
    }


def outcomes(attempts, source):
    return [attempt.outcome for attempt in attempts if attempt.source == source]


def test_ten_attackers_at_once(lab):
    attackers = [f"198.51.100.{n}" for n in range(10, 15)] + [
        f"2001:db8:0:{n}::1" for n in range(1, 6)
    ]
    bystanders = ["198.51.100.200", "2001:db8:0:200::1"]
    attempts = lab.attack(attackers, tries=MAXRETRY + 1)
    for attacker in attackers:
        found = outcomes(attempts, attacker)
        assert found[: MAXRETRY - 1] == [Outcome.DENIED] * (MAXRETRY - 1), attacker
        assert found[MAXRETRY - 1] in LAST, attacker
        assert found[MAXRETRY] in NEXT, attacker
    probes = lab.probe_all(attackers + bystanders)
    assert {probes[attacker] for attacker in attackers} <= SHUT
    assert {probes[bystander] for bystander in bystanders} == {"open"}
    found = bans(lab)
    banned = {net.banned_as(attacker) for attacker in attackers}
    assert banned <= set(found)
    assert not {net.banned_as(bystander) for bystander in bystanders} & set(found)
    assert {found[each]["failures"] for each in banned} == {MAXRETRY}
    status = lab.run(["ufw", "status"]).stdout
    assert all(each in status for each in banned)
    assert status.count("jaild:sshd") == len(found)

    assert lab.run([*UNBAN, "sshd", attackers[0]]).stdout.split() == ["u", "1"]
    assert lab.probe(attackers[0]) == "open"
    assert lab.probe(attackers[1]) in SHUT
    login = Login(furnish.ALICE, furnish.PASSWORDS[furnish.ALICE])
    (attempt,) = lab.attack([attackers[0]], 1, login)
    assert attempt.outcome is Outcome.ACCEPTED
    assert lab.run([*UNBAN, "sshd", attackers[0]]).stdout.split() == ["u", "0"]


def test_an_attacker_who_changes_his_address_within_his_64(lab):
    hosts = [f"2001:db8:0:77::{n}" for n in range(1, MAXRETRY + 2)]
    for host in hosts[:MAXRETRY]:
        lab.attack([host], 1)
    lab.wait(lambda: "2001:db8:0:77::/64" in bans(lab), 10, "the ban of the network")
    assert lab.probe(hosts[-1]) in SHUT
    assert lab.probe("2001:db8:0:78::1") == "open"
    assert lab.run(["jailctl", "unban", hosts[-1]]).stdout.split() == ["1"]
    assert lab.probe(hosts[0]) == "open"


def test_unknown_users_count_once_an_attempt(lab):
    attempts = lab.attack(["198.51.100.20"], MAXRETRY + 1, Login("nobody-here"))
    found = outcomes(attempts, "198.51.100.20")
    assert found[: MAXRETRY - 1] == [Outcome.DENIED] * (MAXRETRY - 1)
    assert found[MAXRETRY] in NEXT


def test_a_ban_tells_its_evidence(lab):
    lab.attack(["198.51.100.21"], MAXRETRY)
    lab.wait(lambda: "198.51.100.21" in bans(lab), 10, "the ban")
    record = json.loads(
        lab.journal("-t", "jaild", "JAILD_ADDRESS=198.51.100.21", "-o", "json", "-n", "1")
    )
    assert record["JAILD_JAIL"] == "sshd"
    cursors = record["JAILD_CURSORS"].split("\n")
    assert len(cursors) == MAXRETRY
    for cursor in cursors:
        entry = lab.journal("--cursor", cursor, "-n", "1", "-o", "cat")
        assert "198.51.100.21" in entry


def test_polkit_refuses_an_ordinary_user(lab):
    lab.run(["jailctl", "ban", "sshd", "198.51.100.22"])
    as_mallory = ("runuser", "-u", "mallory", "--")
    refused = lab.run([*as_mallory, *UNBAN, "sshd", "198.51.100.22"], check=False)
    assert refused.returncode != 0
    assert "not authorised" in refused.stderr
    assert lab.run([*as_mallory, "jailctl", "unban", "198.51.100.22"], check=False).returncode == 4
    direct = (
        *as_mallory, "busctl", "call", "org.jaild1.Enforcer", "/org/jaild1/Enforcer",
        "org.jaild1.Enforcer", "Sync", "a(ssssas)", "0",
    )  # fmt: skip
    assert lab.run(direct, check=False).returncode != 0
    assert "198.51.100.22" in bans(lab)


def test_a_user_who_may_read_the_journal_may_look(lab):
    lab.run(["usermod", "--append", "--groups", "adm", "mallory"])
    try:
        seen = lab.run(["runuser", "-u", "mallory", "--", "jailctl", "status", "sshd"])
    finally:
        lab.run(["gpasswd", "--delete", "mallory", "adm"])
    assert "Status for the jail: sshd" in seen.stdout


def test_a_forged_line_bans_nobody(lab):
    before = bans(lab)
    line = "Failed password for root from 203.0.113.9 port 22 ssh2"
    for _ in range(MAXRETRY):
        lab.run(["runuser", "-u", "mallory", "--", "logger", "-t", "sshd", line])
    # The same by a process that calls itself sshd.
    script = 'cp /usr/bin/logger /tmp/sshd && for n in 1 2 3 4 5; do /tmp/sshd -t sshd "$1"; done'
    lab.run(["runuser", "-u", "mallory", "--", "sh", "-c", script, "sh", line])
    assert lab.journal("-t", "sshd", "-n", "20", "-o", "cat").count(line) == 2 * MAXRETRY
    # A real failure after them shows that they have been read.
    lab.attack(["198.51.100.23"], MAXRETRY)
    lab.wait(lambda: "198.51.100.23" in bans(lab), 10, "the ban of the real one")
    assert set(bans(lab)) - set(before) == {"198.51.100.23"}


@pytest.mark.parametrize("flavour", ["", "::ffff:"])
def test_networks_and_mapped_addresses(lab, flavour):
    host = f"{flavour}198.51.100.24"
    lab.run(["jailctl", "ban", "sshd", host])
    assert lab.probe("198.51.100.24") in SHUT
    assert lab.run(["jailctl", "unban", "sshd", host]).stdout == "1\n"
    assert lab.probe("198.51.100.24") == "open"
    lab.run(["jailctl", "set", "sshd", "banip", "203.0.113.0/28"])
    assert lab.probe("203.0.113.5") in SHUT
    assert lab.run(["jailctl", "set", "sshd", "unbanip", "203.0.113.0/28"]).stdout == "1\n"
    assert lab.probe("203.0.113.5") == "open"


HOLD = """
import socket, sys
with socket.create_connection((sys.argv[2], 22), source_address=(sys.argv[1], 0)) as held:
    try:
        while heard := held.recv(100):
            print(heard, flush=True)
    except OSError as error:
        print(error)
"""


def test_a_ban_ends_open_connections(lab):
    source = "198.51.100.25"
    command = lab.outside([sys.executable, "-c", HOLD, source, net.host_for(source)])
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as held:
        try:
            assert "SSH-2.0" in held.stdout.readline()
            lab.run(["jailctl", "ban", "sshd", source])
            held.wait(10)
            assert held.returncode == 0
        finally:
            held.kill()


def test_bans_end_by_themselves(lab):
    lab.run(["jailctl", "ban", "sshd", "198.51.100.26", "--for", "2s"])
    assert lab.probe("198.51.100.26") in SHUT
    lab.wait(lambda: lab.probe("198.51.100.26") == "open", 10, "the end of the ban")
    assert "198.51.100.26" not in bans(lab)


def test_nobody_shuts_out_the_host_itself(lab):
    for address in ("127.0.0.1", "::1", net.host_for("198.51.100.1")):
        refused = lab.run(["jailctl", "ban", "sshd", address], check=False)
        assert (refused.returncode, address in refused.stderr) == (1, True)


INSTANCE = """\
[Service]
ExecStart=-/usr/sbin/sshd -i
StandardInput=socket
RuntimeDirectory=sshd
RuntimeDirectoryPreserve=yes
"""


def test_one_sshd_instance_a_connection(own_lab):
    lab = own_lab
    lab.run(["systemctl", "disable", "--now", "ssh.service"])
    lab.write("/etc/systemd/system/ssh@.service", INSTANCE)
    lab.write("/etc/systemd/system/ssh.socket.d/each.conf", "[Socket]\nAccept=yes\n")
    lab.run(["systemctl", "daemon-reload"])
    lab.run(["systemctl", "restart", "ssh.socket"])
    attempts = lab.attack(["198.51.100.27"], MAXRETRY + 1)
    unit = lab.journal("-n", "1", "-o", "json", "_SYSTEMD_SLICE=system-ssh.slice", "_UID=0")
    assert json.loads(unit)["_SYSTEMD_UNIT"].startswith("ssh@")
    assert attempts[0].outcome is Outcome.DENIED
    assert attempts[-1].outcome in NEXT
    assert "198.51.100.27" in bans(lab)
