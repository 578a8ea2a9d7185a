# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What only a program or the network knows: jaild-lookup comes when it is asked, and goes."""

import json

import pytest

pytestmark = pytest.mark.e2e

UNIT = "jaild-lookup.service"
DOOR = ("org.jaild1.Lookup", "/org/jaild1/Lookup", "org.jaild1.Lookup")
FOLDER = "/etc/jaild/commands"
TOLD = "/tmp/told"
LOCAL = f"""\
[sshd]
ignorecommand = {FOLDER}/spare <ip> <family> <jail>
ignoreip = 127.0.0.1/8 Home.Example
"""
# Which interpreter a command has is the administrator's choice.
SPARE = f"""\
#!/bin/sh
case $1 in
    192.0.2.1) exec >{TOLD}; id -u -n; grep -E '^(CapEff|NoNewPrivs)' /proc/self/status; echo "$*";;
    192.0.2.2) sleep 300 & setsid sleep 300 & exec sleep 300;;
    192.0.2.3) grep -q CapEff {TOLD};;
    192.0.2.4) exec python3 -c 'import socket; socket.socket(socket.AF_INET6)';;
    192.0.2.5) exec perl -e 'exit(system("true"))';;
    192.0.2.6) touch /etc/jaild/x /var/lib/x /run/x /root/x "$HOME/x";;
    192.0.2.7) test -r /var/lib/jaild/jaild.sqlite3;;
    *) exit 1;;
esac
"""


@pytest.fixture(scope="module")
def asked(lab):
    """The shared lab with a command and a name, as it was after the tests."""
    lab.write(f"{FOLDER}/spare", SPARE)
    lab.run(["chmod", "755", f"{FOLDER}/spare"])
    lab.write("/etc/jaild/jail.local", LOCAL)
    lab.run(["cp", "/etc/hosts", "/var/tmp/hosts"])
    hosts = ("192.0.2.80", "2001:db8::80", "127.0.0.9")
    lines = "".join(f"{host} home.example\n" for host in hosts)
    lab.run(["tee", "-a", "/etc/hosts"], input=lines)
    yield lab
    lab.run(["cp", "/var/tmp/hosts", "/etc/hosts"])
    lab.run(["rm", "-rf", FOLDER, "/etc/jaild/jail.local", f"/run/systemd/system/{UNIT}.d"])
    lab.run(["systemctl", "daemon-reload"])
    lab.run(["systemctl", "stop", UNIT])
    lab.run(["jailctl", "reload"])


def ask(lab, *question, user="jaild"):
    command = ["busctl", "--json=short", "call", *DOOR, *question]
    done = lab.run(["runuser", "-u", user, "--", *command], check=False)
    return json.loads(done.stdout)["data"][0] if done.returncode == 0 else done.stderr.strip()


def spares(lab, address, **options):
    return ask(lab, "Spares", "ss", "sshd", address, **options)


def state(lab, name="ActiveState"):
    return lab.run(["systemctl", "show", "--value", "-p", name, UNIT]).stdout.strip()


def test_nobody_has_started_it(own_lab):
    assert state(own_lab) == "inactive"
    assert state(own_lab, "ExecMainStartTimestamp") == ""
    assert own_lab.run(["systemctl", "is-enabled", UNIT]).stdout == "static\n"


def test_exposure(lab):
    lab.run(["systemd-analyze", "security", "--no-pager", "--threshold=12", UNIT])
    verified = lab.run(["systemd-analyze", "verify", "--man=no", UNIT])
    assert (verified.stdout + verified.stderr).strip() == ""


def test_a_question_starts_it_and_the_command_has_no_rights(asked):
    lab = asked
    lab.run(["systemctl", "stop", UNIT])
    assert spares(lab, "192.0.2.1") is True
    assert state(lab) == "active"
    # Its own /tmp outlives the command, not the unit.
    assert spares(lab, "192.0.2.3") is True
    pid = state(lab, "MainPID")
    told = lab.run(["cat", f"/proc/{pid}/root{TOLD}"]).stdout.splitlines()
    assert told[0] == "jaild-lookup"
    assert [line.split() for line in told[1:3]] == [["CapEff:", "0" * 16], ["NoNewPrivs:", "1"]]
    assert told[3] == "192.0.2.1 inet4 sshd"


def test_any_interpreter_runs_and_nothing_can_be_written(asked):
    assert spares(asked, "198.51.100.7") is False
    assert spares(asked, "192.0.2.4") is True
    assert spares(asked, "192.0.2.5") is True
    assert spares(asked, "192.0.2.6") is False
    assert spares(asked, "192.0.2.7") is False
    left = ["/etc/jaild/x", "/var/lib/x", "/run/x", "/root/x", "/x"]
    assert not asked.run(["ls", "-d", *left], check=False).stdout


@pytest.mark.parametrize("user", ["mallory", "jaild-lookup"])
def test_nobody_else_may_ask(asked, user):
    assert "denied" in spares(asked, "192.0.2.1", user=user)
    assert "denied" in ask(asked, "Resolve", "s", "home.example", user=user)


def test_a_command_that_hangs_is_killed(asked):
    answer = spares(asked, "192.0.2.2")
    assert f"{FOLDER}/spare did not end within 5 s and was killed" in answer
    left = ["ps", "-u", "jaild-lookup", "-o", "comm="]
    asked.wait(lambda: "sleep" not in asked.run(left).stdout, 5, "the end of all it has started")
    assert spares(asked, "198.51.100.7") is False


def test_names(asked):
    # What is in /etc/hosts or on a name server is not believed to be loopback.
    found = ask(asked, "Resolve", "s", "home.example")
    assert set(found) == {"192.0.2.80", "2001:db8::80"}
    assert "ignoreip of no jail lists" in ask(asked, "Resolve", "s", "localhost")


def test_a_change_is_heeded_without_a_word(asked):
    assert spares(asked, "198.51.100.7") is False
    asked.write("/etc/jaild/jail.local", "[sshd]\nignorecommand = /bin/true\n")
    assert spares(asked, "198.51.100.7") is True
    asked.write("/etc/jaild/jail.local", "[sshd]\nmaxretry = 4\n")
    assert "has no ignorecommand" in spares(asked, "198.51.100.7")
    asked.write("/etc/jaild/jail.local", LOCAL)


def test_it_ends_when_nobody_asks_and_comes_again(asked):
    lab = asked
    # A unit's drop-in, so that nobody has to wait for a minute.
    lab.write(
        f"/run/systemd/system/{UNIT}.d/idle.conf",
        "[Service]\nExecStart=\nExecStart=/usr/libexec/jaild/jaild-lookup --idle 1\n",
    )
    lab.run(["systemctl", "daemon-reload"])
    lab.run(["systemctl", "stop", UNIT])
    for _ in range(2):
        assert spares(lab, "198.51.100.7") is False
        lab.wait(lambda: state(lab) == "inactive", 10, "the end of jaild-lookup")
        assert state(lab, "Result") == "success"
        assert state(lab, "NRestarts") == "0"
    # At the very moment of its end, too.
    for pause in ("0.95", "1", "1.05", "1.1", "1.2", "1.3"):
        lab.run(["sleep", pause])
        assert spares(lab, "198.51.100.7") is False
    lab.run(["systemctl", "kill", "--signal=KILL", UNIT])
    lab.wait(lambda: state(lab) == "failed", 10, "the failure")
    assert spares(lab, "198.51.100.7") is False
