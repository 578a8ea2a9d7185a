# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is never banned and who always is, with real attackers, programs, names and lists."""

import json

import pytest

from tests.lab.attack import Outcome

pytestmark = pytest.mark.e2e

MAXRETRY = 3
KNOWN, UNKNOWN = "198.51.100.170", "198.51.100.171"
HOME, MOVED = "198.51.100.172", "198.51.100.173"
OFFICE, DENIED = "198.51.100.174", "198.51.100.175"
FOLDER = "/etc/jaild/lists"
COMMAND = f'#!/bin/sh\n[ "$1" = {KNOWN} ]\n'
LOCAL = f"""\
[sshd]
maxretry = {MAXRETRY}
ignoreip = home.example file:lists/office
ignorecommand = {FOLDER}/known <ip>
ban.aggregate = 3

[deny]
enabled = true
denyip = file:lists/deny 203.0.113.0/24
"""
SHUT = {"refused", "timeout"}


@pytest.fixture(scope="module")
def careful(lab):
    """The shared lab with lists, a name and a command, as it was after the tests."""
    lab.write(f"{FOLDER}/known", COMMAND)
    lab.run(["chmod", "755", f"{FOLDER}/known"])
    lab.write(f"{FOLDER}/office", "# The office.\n192.0.2.66\n")
    lab.write(f"{FOLDER}/deny", f"{DENIED} # has been here too often\n2001:db8:175::/48\n")
    lab.run(["cp", "/etc/hosts", "/var/tmp/hosts"])
    lab.run(["tee", "-a", "/etc/hosts"], input=f"{HOME} home.example\n")
    lab.write("/etc/jaild/jail.local", LOCAL)
    lab.run(["jailctl", "reload"])
    yield lab
    lab.run(["cp", "/var/tmp/hosts", "/etc/hosts"])
    lab.run(["rm", "-rf", FOLDER, "/etc/jaild/jail.local"])
    lab.run(["systemctl", "stop", "jaild-lookup"])
    lab.run(["jailctl", "reload"])


def bans(lab, jail="sshd"):
    listed = json.loads(lab.run(["jailctl", "bans", "--json"]).stdout)
    return {ban["address"] for ban in listed if ban["jail"] == jail}


def ignored(lab, address):
    facts = json.loads(lab.run(["jailctl", "explain", address, "--json"]).stdout)
    return next(jail["ignored"] for jail in facts["jails"] if jail["name"] == "sshd")


def test_whom_a_command_knows_is_not_banned_and_others_are(careful):
    lab = careful
    for attempt in lab.attack([KNOWN], MAXRETRY + 2):
        assert attempt.outcome is Outcome.DENIED
    lab.attack([UNKNOWN], MAXRETRY)
    lab.wait(lambda: UNKNOWN in bans(lab), 10, "the ban of another")
    assert lab.probe(UNKNOWN) in SHUT
    assert KNOWN not in bans(lab)
    assert ignored(lab, KNOWN) == "ignorecommand spares it"
    assert f"banned {KNOWN}" not in lab.journal("-u", "jaild", "-o", "cat")


def test_a_name_is_looked_up_in_advance(careful):
    lab = careful
    lab.wait(lambda: "home.example" in ignored(lab, HOME), 10, "the name's address")
    assert ignored(lab, HOME) == f"ignoreip lists home.example, which is {HOME}"
    lab.attack([HOME, MOVED], MAXRETRY)
    lab.wait(lambda: MOVED in bans(lab), 10, "the ban of another")
    assert HOME not in bans(lab)
    lab.run(["sed", "-i", f"s/{HOME} home/{MOVED} home/", "/etc/hosts"])
    lab.run(["jailctl", "reload"])
    lab.wait(lambda: MOVED not in bans(lab), 10, "the name's new address")
    assert lab.probe(MOVED) == "open"


def test_a_list_that_changes_is_read_again_at_once(careful):
    lab = careful
    lab.run(["jailctl", "ban", "sshd", OFFICE])
    assert lab.probe(OFFICE) in SHUT
    lab.write(f"{FOLDER}/office", f"192.0.2.66\n{OFFICE}\n")
    lab.wait(lambda: lab.probe(OFFICE) == "open", 10, "the list to be read")
    assert ignored(lab, OFFICE) == f"ignoreip lists {OFFICE}/32"
    done = lab.run(["jailctl", "ban", "sshd", OFFICE], check=False)
    assert (done.returncode, "ignoreip lists" in done.stderr) == (1, True)
    # The enforcer knows the list as well, whatever jaild says.
    rule = ["1", "sshd", "22", "tcp", "reject", "1", OFFICE, "0"]
    door = ["org.jaild1.Enforcer", "/org/jaild1/Enforcer", "org.jaild1.Enforcer"]
    answer = lab.run(["busctl", "call", *door, "Apply", "a(ssssas)a(ssssas)", *rule]).stdout
    assert f"{OFFICE}/32 is in ignoreip" in answer


def test_a_mistake_in_a_list_is_said_and_the_old_list_stays(careful):
    lab = careful
    before = lab.run(["cat", f"{FOLDER}/office"]).stdout
    lab.write(f"{FOLDER}/office", f"{OFFICE}\n192.0.2.300\n")
    lab.wait(
        lambda: "lists/office:2" in lab.journal("-u", "jaild", "-o", "cat", "-n", "5"),
        10,
        "the mistake to be said",
    )
    assert ignored(lab, OFFICE).startswith("ignoreip lists")
    assert json.loads(lab.run(["jailctl", "status", "sshd", "--json"]).stdout)["state"] == "failed"
    lab.write(f"{FOLDER}/office", before)
    lab.wait(
        lambda: (
            json.loads(lab.run(["jailctl", "status", "sshd", "--json"]).stdout)["state"]
            == "running"
        ),
        10,
        "the mended list to be read",
    )


def test_who_is_denied_is_shut_out_for_ever(careful):
    lab = careful
    assert bans(lab, "deny") == {DENIED, "203.0.113.0/24", "2001:db8:175::/48"}
    for address in (DENIED, "203.0.113.77", "2001:db8:175::1"):
        assert lab.probe(address) in SHUT
        assert lab.probe(address, 80) in SHUT
    done = lab.run(["jailctl", "unban", "203.0.113.77"], check=False)
    assert (done.returncode, "denyip" in done.stderr) == (1, True)
    lab.run(["systemctl", "restart", "jaild"])
    assert lab.probe(DENIED) in SHUT
    lab.write(f"{FOLDER}/deny", "2001:db8:175::/48\n")
    lab.wait(lambda: lab.probe(DENIED) == "open", 10, "the list to be read")


def test_neighbours_get_their_network_banned(careful):
    lab, neighbours = careful, ["198.18.7.1", "198.18.7.2", "198.18.7.3"]
    lab.attack(neighbours, MAXRETRY)
    lab.wait(lambda: "198.18.7.0/24" in bans(lab), 10, "the ban of the network")
    assert not set(neighbours) & bans(lab)
    assert lab.probe("198.18.7.200") in SHUT
    assert lab.probe("198.18.8.1") == "open"
    assert lab.run(["jailctl", "unban", neighbours[0]]).stdout == "1\n"
    assert lab.probe("198.18.7.200") == "open"


def test_explain_needs_no_journal(careful):
    lab, source = careful, "198.51.100.176"
    lab.attack([source], MAXRETRY)
    lab.wait(lambda: source in bans(lab), 10, "the ban")
    lab.run(["journalctl", "--rotate"])
    lab.run(["journalctl", "--vacuum-files=1"])
    shown = lab.run(["jailctl", "explain", source]).stdout
    assert shown.count(f"from {source} port") == MAXRETRY
    lab.run(["jailctl", "unban", source])
    past = lab.run(["jailctl", "explain", source]).stdout
    assert past.count(f"from {source} port") == MAXRETRY
