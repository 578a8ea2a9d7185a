# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever is done to ufw behind jaild: the bans come back, and nobody else's rule suffers."""

import pytest

pytestmark = pytest.mark.e2e

SHUT = {"refused", "timeout"}
FOREIGN = "203.0.113.77"


def rules(lab):
    return lab.run(["ufw", "show", "added"]).stdout


@pytest.fixture
def banned(own_lab):
    """Two bans of jaild's and one rule of somebody else's."""
    own_lab.run(["ufw", "deny", "from", FOREIGN, "comment", "jaild: not ours"])
    for source in ("198.51.100.50", "2001:db8::50"):
        own_lab.run(["jailctl", "ban", "sshd", source])
        assert own_lab.probe(source) in SHUT
    return own_lab


def mended(lab):
    found = lab.probe_all(["198.51.100.50", "2001:db8::50", "198.51.100.51"])
    return [found[source] in SHUT for source in found] == [True, True, False]


def test_what_an_administrator_does(banned):
    lab = banned
    lab.run(["ufw", "disable"])
    assert lab.probe("198.51.100.50") == "open"
    lab.run(["ufw", "--force", "enable"])
    assert mended(lab)

    first = lab.run(["ufw", "status", "numbered"]).stdout
    assert first.index("jaild:sshd") < first.index("[ 2]")
    lab.run(["ufw", "--force", "delete", "1"])
    lab.wait(lambda: mended(lab), 10, "the deleted rule")

    lab.run(["iptables", "-F", "ufw-user-input"])
    lab.run(["iptables", "-A", "ufw-user-input", "-p", "tcp", "--dport", "22", "-j", "ACCEPT"])
    lab.wait(lambda: mended(lab), 10, "the flushed chain")
    assert FOREIGN in rules(lab)

    lab.run(["jailctl", "unban", "--all"])
    assert lab.probe("198.51.100.50") == "open"
    assert FOREIGN in rules(lab)
    assert "jaild:sshd" not in rules(lab)


def test_reset(banned):
    lab = banned
    lab.run(["ufw", "--force", "reset"])
    lab.run(["ufw", "allow", "ssh"])
    lab.run(["ufw", "--force", "enable"])
    lab.wait(lambda: mended(lab), 10, "the bans after a reset")
    assert FOREIGN not in rules(lab)


def test_inactive_is_said(own_lab):
    own_lab.run(["ufw", "disable"])
    refused = own_lab.run(["jailctl", "ban", "sshd", "198.51.100.50"], check=False)
    assert refused.returncode == 1
    assert "ufw is not active" in refused.stderr
    assert "Traceback" not in refused.stderr
    shown = own_lab.run(["systemctl", "status", "jaild"], check=False).stdout
    assert "NOT IN FORCE: ufw is not active" in shown
    own_lab.run(["ufw", "--force", "enable"])
    assert own_lab.probe("198.51.100.50") in SHUT
    own_lab.wait(
        lambda: "NOT IN FORCE" not in own_lab.run(["systemctl", "status", "jaild"]).stdout,
        15,
        "the good news",
    )


def test_an_empty_rule_set(own_lab):
    own_lab.run(["ufw", "--force", "reset"])
    own_lab.run(["ufw", "default", "allow", "incoming"])
    own_lab.run(["ufw", "--force", "enable"])
    own_lab.run(["jailctl", "ban", "sshd", "198.51.100.50"])
    own_lab.run(["jailctl", "ban", "sshd", "2001:db8::50"])
    assert mended(own_lab)


# The bus allows a connection 128 calls without an answer: ten callers with a hundred each.
MANY = """
import time
from gi.repository import Gio, GLib
address = Gio.dbus_address_get_for_bus_sync(Gio.BusType.SYSTEM, None)
flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
flags |= Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
callers = [Gio.DBusConnection.new_for_address_sync(address, flags, None, None) for _ in range(10)]
loop, left, wrong = GLib.MainLoop(), [1000], []
def done(bus, result):
    try:
        bus.call_finish(result)
    except GLib.Error as error:
        wrong.append(error.message)
    left[0] -= 1
    if not left[0]:
        loop.quit()
start = time.monotonic()
for number in range(1000):
    address = f"198.18.{number // 250}.{number % 250 + 1}"
    callers[number % 10].call(
        "org.jaild1", "/org/jaild1", "org.jaild1.Manager", "Ban",
        GLib.Variant("(ssts)", ("sshd", address, 0, "many")), None, 0, 60000, None, done)
loop.run()
print(f"{time.monotonic() - start:.2f}", len(wrong), *wrong[:1])
"""


def test_a_thousand_bans_at_once(own_lab, record_property):
    own_lab.write("/tmp/many.py", MANY)
    said = own_lab.run(["/usr/bin/python3", "/tmp/many.py"]).stdout
    seconds, wrong, *why = said.split(maxsplit=2)
    assert int(wrong) == 0, why
    record_property("seconds until 1,000 bans were in force", seconds)
    print(f"1,000 bans in force after {seconds} s")
    status = own_lab.run(["ufw", "status"]).stdout
    assert status.count("jaild:sshd") == 1000
    assert "198.18.3.250" in status
    kernel = own_lab.run(["iptables", "-S", "ufw-user-input"]).stdout
    assert kernel.count("-s 198.18.") == 1000
    assert own_lab.run(["jailctl", "unban", "--all"]).stdout == "1000\n"
    assert "jaild:sshd" not in own_lab.run(["ufw", "status"]).stdout
