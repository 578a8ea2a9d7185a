# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verbs about configuration and filters on a host: check, cat, test, import."""

import json

import pytest

pytestmark = pytest.mark.e2e

MISTAKEN = """\
[sshd]
maxretry = five
bantme = 1h

[nosuchservice]
enabled = true
"""
LOCAL = "/etc/jaild/jail.local"


@pytest.fixture
def configured(lab):
    """The shared lab, its configuration as it was after the test."""
    saved = "/var/tmp/configuration"
    lab.run(["cp", "-a", "/etc/jaild", saved])
    yield lab
    lab.run(["rm", "-rf", "/etc/jaild", "/etc/fail2ban"])
    lab.run(["mv", saved, "/etc/jaild"])
    lab.run(["jailctl", "reload"])


def test_check_finds_what_reload_refuses(configured):
    lab = configured
    checked = lab.run(["jailctl", "check"])
    assert "sshd" in checked.stdout
    lab.write(LOCAL, MISTAKEN)
    checked = lab.run(["jailctl", "check"], check=False)
    assert checked.returncode == 78
    said = checked.stdout + checked.stderr
    for place, word in ((2, "five"), (3, "bantime"), (5, "nosuchservice")):
        assert f"{LOCAL}:{place}:" in said
        assert word in said
    refused = lab.run(["jailctl", "reload"], check=False)
    assert refused.returncode == 78
    assert f"{LOCAL}:" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert "Traceback" not in said + refused.stderr
    assert lab.run(["jailctl", "get", "sshd", "maxretry"]).stdout == "5\n"
    # Whoever may read the files may check them.
    as_mallory = ("runuser", "-u", "mallory", "--")
    assert lab.run([*as_mallory, "jailctl", "check"], check=False).returncode == 78


def test_cat_tells_where_a_value_comes_from(configured):
    lab = configured
    lab.write(LOCAL, "[sshd]\nmaxretry = 3\n")
    shown = lab.run(["jailctl", "cat", "sshd"]).stdout
    (line,) = [line for line in shown.splitlines() if line.startswith("maxretry")]
    assert "= 3" in line
    assert f"{LOCAL}:2" in line
    assert "/usr/share/jaild/jail.conf:" in line


def test_test_on_the_live_journal(lab):
    source = "198.51.100.150"
    lab.attack([source], 2)
    tested = lab.run(["jailctl", "test", "sshd", "--since", "-1h", "--json"]).stdout
    *entries, last = [json.loads(line) for line in tested.splitlines()]
    mine = [entry for entry in entries if entry["host"] == source]
    assert [entry["verdict"] for entry in mine].count("failure") == 2
    assert {entry["user"] for entry in mine if entry["verdict"] == "failure"} == {"root"}
    assert last["summary"]["entries"] == len(entries)
    verdicts = [entry["verdict"] for entry in entries]
    assert last["summary"]["failures"] == verdicts.count("failure")
    by_pattern = sum(pattern["hits"] for pattern in last["summary"]["patterns"])
    assert by_pattern >= verdicts.count("failure")


FAIL2BAN = {
    "jail.local": """\
[DEFAULT]
ignoreip = 127.0.0.1/8 198.51.100.160
bantime = 2h
banaction = iptables-multiport

[sshd]
enabled = true
port = ssh
logpath = %(sshd_log)s
maxretry = 4

[gate]
enabled = true
port = ssh
filter = gate
backend = systemd
journalmatch = _SYSTEMD_UNIT=gate.service
maxretry = 2
""",
    "filter.d/gate.conf": """\
[INCLUDES]
before = common.conf

[Definition]
_daemon = gate
failregex = ^%(__prefix_line)srefused <F-USER>\\S+</F-USER> from <HOST>$
ignoreregex =
""",
    "action.d/iptables-multiport.conf": """\
[Definition]
actionban = <iptables> -I f2b-<name> 1 -s <ip> -j <blocktype>
actionunban = <iptables> -D f2b-<name> -s <ip> -j <blocktype>
""",
}


def test_moving_over_from_fail2ban(configured):
    lab, source, ignored = configured, "198.51.100.161", "198.51.100.160"
    for path, text in FAIL2BAN.items():
        lab.write(f"/etc/fail2ban/{path}", text)
    before = lab.run(["find", "/etc/jaild", "-type", "f"]).stdout
    proposed = lab.run(["jailctl", "import", "/etc/fail2ban"]).stdout
    assert "iptables-multiport" in proposed
    assert "logpath" in proposed
    assert lab.run(["find", "/etc/jaild", "-type", "f"]).stdout == before
    lab.run(["jailctl", "import", "/etc/fail2ban", "--write"])
    assert lab.run(["jailctl", "check"]).returncode == 0
    lab.run(["jailctl", "reload"])
    assert lab.run(["jailctl", "get", "sshd", "maxretry"]).stdout == "4\n"
    assert lab.run(["jailctl", "get", "gate", "bantime"]).stdout == "7200\n"

    shout = ["systemd-run", "--wait", "--unit=gate", "-p", "SyslogIdentifier=gate", "printf"]
    for name in ("eve", "mallory"):
        lines = "".join(f"refused {name} from {address}\n" for address in (source, ignored))
        lab.run([*shout, lines])
    lab.wait(lambda: lab.probe(source) in {"refused", "timeout"}, 10, "the ban")
    assert lab.probe(ignored) == "open"
    assert source in lab.run(["jailctl", "status", "gate"]).stdout
    assert "# jaild:gate" in lab.run(["ufw", "status"]).stdout
