# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A guide's configuration works as written; a mistake gets one sentence and changes nothing."""

import pytest

pytestmark = pytest.mark.e2e

JAIL_LOCAL = """\
[DEFAULT]
ignoreip = 127.0.0.1/8 192.168.1.0/24
destemail = admin@example.org
sender = jaild@example.org
mta = mail
action = %(action_mwl)s
"""
SSH_LOCAL = """\
[sshd]
enabled = true
banaction = ufw
port = ssh
filter = sshd
logpath = %(sshd_log)s
maxretry = 3
"""


@pytest.fixture
def guided(lab):
    """The shared lab, configured as a guide says, for one test."""
    lab.write("/etc/jaild/jail.local", JAIL_LOCAL)
    lab.write("/etc/jaild/jail.d/ssh.local", SSH_LOCAL)
    yield lab
    lab.run(["rm", "-f", "/etc/jaild/jail.local", "/etc/jaild/jail.d/ssh.local"])
    lab.run(["systemctl", "restart", "jaild"])


def fails(lab, *command):
    """Run what must fail; return its status and its one sentence."""
    done = lab.run(command, check=False)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr + done.stdout
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    return done.returncode, done.stderr


def test_the_guide(guided):
    lab = guided
    lab.run(["jailctl", "reload"])
    assert lab.run(["jailctl", "get", "sshd", "maxretry"]).stdout == "3\n"
    notes = lab.journal("-u", "jaild", "-o", "cat", "-n", "30")
    assert "/etc/jaild/jail.d/ssh.local:6" in notes
    assert "logpath" in notes
    for command in (["start"], ["add", "sshd"], ["status"], ["status", "sshd"], ["ping"]):
        lab.run(["jailctl", *command])
    lab.attack(["198.51.100.60"], 3)
    lab.wait(lambda: lab.probe("198.51.100.60") in {"refused", "timeout"}, 10, "the ban")
    unbanned = lab.run(["jailctl", "set", "sshd", "unbanip", "198.51.100.60"])
    assert unbanned.stdout == "1\n"
    status, said = fails(lab, "jailctl", "ban", "sshd", "192.168.1.9")
    assert status == 1
    assert "192.168.1.0/24" in said


def test_a_mistake_at_reload_changes_nothing(guided):
    lab = guided
    lab.run(["jailctl", "reload"])
    lab.run(["jailctl", "ban", "sshd", "198.51.100.61"])
    lab.write("/etc/jaild/jail.d/ssh.local", SSH_LOCAL + "bantme = 1h\n")
    status, said = fails(lab, "jailctl", "reload")
    assert status == 78
    assert "/etc/jaild/jail.d/ssh.local:8" in said
    assert "bantime" in said
    assert lab.run(["systemctl", "reload", "jaild"], check=False).returncode != 0
    assert lab.run(["jailctl", "get", "sshd", "maxretry"]).stdout == "3\n"
    assert lab.probe("198.51.100.61") in {"refused", "timeout"}


def test_a_mistake_at_start_is_said_and_not_tried_again(guided):
    lab = guided
    lab.run(["jailctl", "reload"])
    lab.run(["jailctl", "ban", "sshd", "198.51.100.62"])
    lab.write("/etc/jaild/jail.local", "[DEFAULT]\nfindtime = soon\n")
    lab.run(["systemctl", "restart", "jaild"], check=False)
    shown = lab.run(["systemctl", "status", "jaild"], check=False).stdout
    assert "status=78" in shown
    assert "/etc/jaild/jail.local:2" in shown
    assert lab.probe("198.51.100.62") in {"refused", "timeout"}
    status, said = fails(lab, "jailctl", "status")
    assert (status, "systemctl start jaild" in said) == (69, True)


def test_wrong_words(lab):
    assert fails(lab, "jailctl", "status", "nosuch")[0] == 3
    assert fails(lab, "jailctl", "unban", "nosuch", "192.0.2.1")[0] == 3
    assert fails(lab, "jailctl", "ban", "sshd", "192.0.2.300")[0] == 2
    call = ("busctl", "call", "org.jaild1", "/org/jaild1", "org.jaild1.Manager")
    assert "nosuch" in fails(lab, *call, "Unban", "ss", "nosuch", "192.0.2.1")[1]
    named = lab.run(
        ["gdbus", "call", "--system", "-d", "org.jaild1", "-o", "/org/jaild1", "-m",
         "org.jaild1.Manager.Ban", "sshd", "0.0.0.0/0", "0", ""],
        check=False,
    )  # fmt: skip
    if named.returncode != 127:
        assert "org.jaild1.Error.InvalidAddress" in named.stderr
