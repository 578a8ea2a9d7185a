# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The package on a host: installed, upgraded, removed, purged."""

import re
import subprocess

import pytest

from tests.lab.place import REPOSITORY

pytestmark = pytest.mark.e2e

SHUT = {"refused", "timeout"}
LIMITS = {
    "jaild.service": 0.3,
    "jaild-enforcer.service": 2.0,
    "jaild-notify.service": 1.2,
    "jaild-lookup.service": 1.2,
}


def test_sshd_is_protected_with_no_file_edited(lab):
    assert lab.run(["systemctl", "is-enabled", "jaild"]).stdout == "enabled\n"
    assert lab.run(["systemctl", "is-active", "jaild"]).stdout == "active\n"
    lab.run(["systemctl", "enable", "jaild"])
    assert "sshd" in lab.run(["jailctl", "status"]).stdout
    assert lab.run(["systemctl", "--failed", "--no-legend"]).stdout == ""


@pytest.mark.parametrize("unit", sorted(LIMITS))
def test_exposure(lab, unit):
    shown = lab.run(["systemd-analyze", "security", "--no-pager", unit]).stdout
    (score,) = re.findall(r"Overall exposure level for \S+: ([\d.]+)", shown)
    assert float(score) <= LIMITS[unit]


def test_units_verify(lab):
    for unit in LIMITS:
        done = lab.run(["systemd-analyze", "verify", "--man=no", unit])
        assert (done.stdout + done.stderr).strip() == ""


@pytest.mark.parametrize("unit", ["jaild", "jaild-enforcer", "jaild-notify"])
def test_what_keeps_on_failing_is_restarted_less_and_less_often(lab, suite, unit):
    # A package that is built on bookworm leaves it out: its systemd does not know the words.
    lab.put(REPOSITORY / "units/backoff.conf", f"/run/systemd/system/{unit}.service.d/50.conf")
    lab.run(["systemctl", "daemon-reload"])
    shown = lab.run(["systemctl", "show", "-p", "RestartSteps,RestartMaxDelayUSec", unit]).stdout
    lab.run(["rm", "-r", f"/run/systemd/system/{unit}.service.d"])
    lab.run(["systemctl", "daemon-reload"])
    known = ["RestartMaxDelayUSec=30s", "RestartSteps=10"]
    assert sorted(shown.split()) == (known if suite == "trixie" else [])


def test_no_process_has_more_than_it_needs(lab):
    shown = lab.run(["ps", "-o", "user=,caps=,args=", "-C", "jaild"], check=False).stdout
    pid = lab.run(["systemctl", "show", "--value", "-p", "MainPID", "jaild"]).stdout.strip()
    status = lab.run(["cat", f"/proc/{pid}/status"]).stdout
    assert re.search(r"^CapEff:\s+0+$", status, re.MULTILINE), shown
    assert re.search(r"^NoNewPrivs:\s+1$", status, re.MULTILINE)


def test_upgrade_keeps_bans_and_position(own_lab, deb):
    lab = own_lab
    lab.attack(["198.51.100.70"], 5)
    lab.attack(["198.51.100.71"], 4)
    lab.wait(lambda: lab.probe("198.51.100.70") in SHUT, 10, "the ban")
    newer = "/var/tmp/newer.deb"
    lab.put(deb, "/var/tmp/old.deb")
    # The same files under a higher version.
    script = (
        "set -e; cd /var/tmp; dpkg-deb -R old.deb tree;"
        " sed -i 's/^Version: .*/&+upgrade/' tree/DEBIAN/control; dpkg-deb -b tree newer.deb"
    )
    lab.run(["sh", "-c", script])
    lab.run(["apt-get", "install", "--yes", newer], timeout=300)
    assert lab.probe("198.51.100.70") in SHUT
    assert "198.51.100.70" in lab.run(["jailctl", "status", "sshd"]).stdout
    assert not lab.run(["jailctl", "banned", "198.51.100.71"], check=False).stdout.count("sshd")
    lab.attack(["198.51.100.71"], 1)
    lab.wait(lambda: lab.probe("198.51.100.71") in SHUT, 10, "the ban at the fifth attempt")


def test_remove_and_purge_leave_nothing(boot, deb):
    lab = boot(None)
    before = files(lab)
    lab.install(deb)
    lab.run(["ufw", "deny", "from", "203.0.113.77"])
    lab.write("/etc/jaild/jail.local", "[sshd]\nmaxretry = 4\n")
    lab.run(["jailctl", "reload"])
    for address in ("198.51.100.72", "2001:db8::72"):
        lab.run(["jailctl", "ban", "sshd", address])
        assert lab.probe(address) in SHUT
    lab.run(["apt-get", "remove", "--yes", "jaild"], timeout=300)
    assert "jaild" not in lab.run(["ufw", "status"]).stdout
    assert lab.probe("198.51.100.72") == "open"
    assert lab.probe("2001:db8::72") == "open"
    assert "203.0.113.77" in lab.run(["ufw", "status"]).stdout
    assert lab.run(["ls", "/etc/jaild/jail.local"]).stdout
    lab.run(["apt-get", "purge", "--yes", "jaild"], timeout=300)
    left = [path for path in files(lab) - before if "jaild" in path]
    assert left == []
    for table in ("passwd", "group", "shadow"):
        assert "jaild" not in lab.run(["cat", f"/etc/{table}"]).stdout
    assert lab.run(["systemctl", "--failed", "--no-legend"]).stdout == ""


def files(lab):
    """Return every path of the lab's own file system."""
    listed = lab.run(["find", "/", "-xdev", "-not", "-path", "/var/log/*"]).stdout
    return set(listed.splitlines()) - {"/var/tmp/lab.deb"}


def test_lintian_has_nothing_to_say(deb):
    changes = next(deb.parent.glob("jaild_*.changes"))
    command = ["lintian", "--allow-root", "--fail-on", "error,warning", changes]
    assert subprocess.run(command, check=False).returncode == 0
