# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever ends jaild in the middle of an attack: the ban comes at exactly the same attempt."""

import json

import pytest

from jaild.journal.record import MessageId
from tests.lab.attack import Outcome

pytestmark = pytest.mark.e2e

MAXRETRY = 5


def is_up(lab):
    return lab.run(["jailctl", "ping"], check=False).returncode == 0


def banned(lab, address):
    listed = json.loads(lab.run(["jailctl", "bans", "--json"]).stdout)
    return address in {ban["address"] for ban in listed}


def kill(lab, unit="jaild.service"):
    lab.run(["systemctl", "kill", "--kill-who=main", "--signal=KILL", unit])


def attempt(lab, source):
    (made,) = lab.attack([source], 1)
    return made.outcome


@pytest.mark.parametrize("moment", [1, 2, 4])
def test_killed_after_so_many_attempts(lab, moment):
    source = f"198.51.100.{30 + moment}"
    for number in range(1, MAXRETRY + 1):
        assert not banned(lab, source)
        assert attempt(lab, source) in {Outcome.DENIED, Outcome.CLOSED}
        if number == moment:
            kill(lab)
            lab.wait(lambda: is_up(lab), 30, "jaild's restart")
    lab.wait(lambda: banned(lab, source), 10, "the ban")
    assert attempt(lab, source) in {Outcome.REFUSED, Outcome.TIMEOUT, Outcome.CLOSED}


def test_killed_at_once_when_the_last_attempt_is_logged(lab):
    source = "198.51.100.40"
    for _ in range(MAXRETRY - 1):
        assert attempt(lab, source) is Outcome.DENIED
    kill(lab)
    # Not up yet, or just up: the attempt is counted either way, and once.
    attempt(lab, source)
    lab.wait(lambda: is_up(lab), 30, "jaild's restart")
    lab.wait(lambda: banned(lab, source), 10, "the ban")


def test_an_attack_while_it_is_down(lab):
    source, lucky = "198.51.100.41", "198.51.100.42"
    lab.attack([source], 2)
    lab.run(["systemctl", "stop", "jaild"])
    lab.attack([source], MAXRETRY - 2)
    lab.attack([lucky], MAXRETRY - 1)
    lab.run(["systemctl", "start", "jaild"])
    assert banned(lab, source)
    assert lab.probe(source) in {"refused", "timeout"}
    assert not banned(lab, lucky)
    attempt(lab, lucky)
    lab.wait(lambda: banned(lab, lucky), 10, "the ban at the fifth attempt in all")


def test_bans_stay_over_stop_and_reboot_of_the_enforcer(lab):
    source = "198.51.100.43"
    lab.run(["jailctl", "ban", "sshd", source])
    kill(lab, "jaild-enforcer.service")
    lab.wait(lambda: lab.probe(source) in {"refused", "timeout"}, 10, "the ban")
    lab.run(["systemctl", "stop", "jaild"])
    assert lab.probe(source) in {"refused", "timeout"}
    lab.run(["systemctl", "start", "jaild"])
    assert lab.run(["jailctl", "unban", source]).stdout == "1\n"
    assert lab.probe(source) == "open"


def test_rotation_vacuum_and_restart_of_journald(lab):
    source = "198.51.100.44"
    for disturbance in (
        ["journalctl", "--rotate"],
        ["systemctl", "restart", "systemd-journald"],
        ["journalctl", "--rotate", "--vacuum-files=1"],
        ["true"],
    ):
        assert attempt(lab, source) is Outcome.DENIED
        lab.run(disturbance)
    assert not banned(lab, source)
    attempt(lab, source)
    lab.wait(lambda: banned(lab, source), 10, "the ban")


def test_the_state_file_is_overwritten(lab):
    source = "198.51.100.45"
    lab.attack([source], MAXRETRY)
    lab.wait(lambda: banned(lab, source), 10, "the ban")
    lab.run(["jailctl", "ban", "sshd", "2001:db8::45"])
    lab.run(["systemctl", "stop", "jaild"])
    state = "/var/lib/jaild/jaild.sqlite3"
    lab.run(["dd", "if=/dev/urandom", f"of={state}", "bs=4096", "count=9", "conv=notrunc"])
    lab.run(["systemctl", "start", "jaild"])
    for address in (source, "2001:db8::45"):
        assert banned(lab, address)
        assert address in lab.run(["ufw", "status"]).stdout
    assert lab.probe(source) in {"refused", "timeout"}
    (kept,) = lab.run(["find", "/var/lib/jaild", "-name", "*.corrupt-*Z"]).stdout.split()
    told = lab.journal("--identifier=jaild", f"MESSAGE_ID={MessageId.STATE_LOST}", "--output=cat")
    assert told.count("\n") == 1
    assert kept in told
    lab.run(["systemctl", "restart", "jaild"])
    assert lab.run(["jailctl", "unban", source]).stdout == "1\n"
    assert lab.probe(source) == "open"


def switches(lab, pid):
    """Return how often a process has been woken."""
    status = lab.run(["cat", f"/proc/{pid}/status", f"/proc/{pid}/task/{pid}/status"]).stdout
    return [line for line in status.splitlines() if "ctxt_switches" in line]


def test_in_peace_it_sleeps(own_lab):
    pids = [
        own_lab.run(["systemctl", "show", "--value", "--property=MainPID", unit]).stdout.strip()
        for unit in ("jaild", "jaild-enforcer", "jaild-notify")
    ]

    def sleeps():
        before = [switches(own_lab, pid) for pid in pids]
        own_lab.run(["sleep", "15"])
        return before == [switches(own_lab, pid) for pid in pids]

    # Other services of a host that has just booted may still be logging.
    own_lab.wait(sleeps, 120, "a quiet quarter of a minute")
