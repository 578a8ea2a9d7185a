# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Full and read-only disks, damaged and vacuumed journals, reboots: the host stays guarded."""

import json

import pytest

from jaild.journal.record import MessageId
from tests.lab.attack import Outcome
from tests.lab.lab import Lab

pytestmark = pytest.mark.e2e

STATE = "/var/lib/jaild"
SHUT = {"refused", "timeout"}


@pytest.fixture(scope="module")
def host(suite, deb):
    """A lab whose disk and journal these tests may spoil."""
    with Lab.up(suite, deb=deb) as own:
        # An attempt takes seconds: few are to make a ban.
        own.write("/etc/jaild/jail.d/adverse.local", "[sshd]\nmaxretry = 2\n")
        own.run(["systemctl", "restart", "jaild"])
        yield own


def shell(host, script, **more):
    return host.run(["sh", "-ec", script], **more).stdout


def is_up(host):
    return host.run(["jailctl", "ping"], check=False).returncode == 0


def banned(host, address):
    said = host.run(["jailctl", "bans", "--json"], check=False).stdout
    return bool(said) and address in {ban["address"] for ban in json.loads(said)}


def fail(host, *sources):
    for made in host.attack(sources, 1):
        assert made.outcome in {Outcome.DENIED, Outcome.CLOSED}


def get_banned(host, *sources):
    """Fail and be banned for it."""
    fail(host, *sources)
    for source in sources:
        host.wait(lambda source=source: banned(host, source), 10, "the ban")
    assert set(host.probe_all(sources).values()) <= SHUT


def status(host):
    return shell(host, "systemctl show --value --property=StatusText jaild")


def told(host, text, since):
    # The journal is not flushed by its being read.
    lines = host.journal("--unit=jaild", f"--since=@{since}", "--output=cat").splitlines()
    return [line for line in lines if text in line]


def now(host):
    return shell(host, "date +%s.%6N").strip()


@pytest.fixture
def disk(host):
    """Put jaild's state on a disk of 3 MB."""
    mount = f"mount -t tmpfs -o size=3m,mode=0700,uid=jaild,gid=jaild tmpfs {STATE}"
    shell(host, f"systemctl stop jaild; {mount}; systemctl start jaild")
    yield STATE
    shell(host, f"systemctl stop jaild; umount {STATE}; systemctl start jaild")


def not_saved(host):
    return "NOT SAVED" in status(host)


def end(host, signal):
    """End jaild and wait until it is up again and has said that it cannot save; once."""
    begun = now(host)
    shell(host, f"systemctl kill --kill-who=main --signal={signal} jaild")
    host.wait(lambda: is_up(host) and not_saved(host), 30, "jaild's restart")
    assert len(told(host, "it is kept in memory", begun)) == 1


def test_a_full_disk(host, disk):
    first, second, third = (f"198.51.100.{number}" for number in (101, 102, 103))
    fail(host, first)
    begun = now(host)
    shell(host, f"dd if=/dev/zero of={disk}/filler bs=4k 2>/dev/null || true")
    get_banned(host, first)
    fail(host, second, third)
    host.wait(lambda: not_saved(host), 5, "a word in the status")
    assert len(told(host, "it is kept in memory", begun)) == 1
    for signal in ("KILL", "TERM"):
        end(host, signal)
        assert banned(host, first)
        assert host.probe(first) in SHUT
    get_banned(host, third)
    shell(host, f"rm {disk}/filler")
    host.wait(lambda: not not_saved(host), 10, "the state to be saved")
    assert len(told(host, "the state is saved again", begun)) == 1
    shell(host, "systemctl restart jaild")
    assert [banned(host, one) for one in (first, second, third)] == [True, False, True]
    get_banned(host, second)


def test_a_disk_that_can_only_be_read(host, disk):
    first, second = "198.51.100.104", "198.51.100.105"
    fail(host, first, second)
    get_banned(host, first)
    shell(host, f"systemctl stop jaild; mount -o remount,ro {disk}; systemctl start jaild")
    assert banned(host, first)
    assert not_saved(host)
    get_banned(host, second)
    # In the mounts that the unit has for itself the disk stays as it was at the unit's start.
    shell(host, f"mount -o remount,rw {disk}; systemctl restart jaild")
    assert banned(host, first)
    assert banned(host, second)
    assert not not_saved(host)


def test_the_position_has_been_vacuumed_away(host):
    source = "198.51.100.106"
    fail(host, source, "198.51.100.107")
    host.run(["systemctl", "stop", "jaild"])
    stopped = float(now(host))
    fail(host, "198.51.100.107")
    shell(host, "journalctl --rotate; sleep 1.1; journalctl --vacuum-time=1s")
    begun = now(host)
    host.run(["systemctl", "start", "jaild"])
    said = host.journal(f"MESSAGE_ID={MessageId.POSITION_LOST}", f"--since=@{begun}", "-o", "json")
    (record,) = map(json.loads, said.splitlines())
    assert stopped - 10 < int(record["JAILD_SINCE_USEC"]) / 1e6 < stopped + 1
    assert not banned(host, "198.51.100.107")
    get_banned(host, source)
    shell(host, "systemctl restart jaild")
    assert banned(host, source)
    said = host.journal(f"MESSAGE_ID={MessageId.POSITION_LOST}", f"--since=@{begun}", "-o", "json")
    assert said.count("\n") == 1


DAMAGES = {
    "overwritten": "size=$(stat -c %s $file); dd if=/dev/urandom of=$file bs=4096 count=8"
    " seek=$(grep --byte-offset --only-matching --text --max-count=1 'Failed password' $file"
    " | head -1 | cut -d: -f1 | xargs -I{} expr {} / 4096) conv=notrunc",
    "cut off": "truncate --size=4M $file",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_the_journal_is_damaged(host, damage):
    number = 110 + list(DAMAGES.values()).index(damage)
    source, later = f"198.51.100.{number}", f"198.51.100.{number + 10}"
    fail(host, source)
    shell(host, f"file=$(ls /var/log/journal/*/system.journal); {damage}")
    # What journald has yet to notice it notices now at the latest.
    host.run(["journalctl", "--rotate"], check=False)
    host.wait(lambda: is_up(host), 30, "jaild")
    fail(host, later)
    get_banned(host, source, later)
    shell(host, "systemctl restart jaild")
    assert banned(host, source)
    assert banned(host, later)


def test_bans_that_end_while_it_is_down(host):
    over, still = "198.51.100.130", "198.51.100.131"
    host.run(["jailctl", "ban", "--for", "3s", "sshd", over])
    host.run(["jailctl", "ban", "--for", "1h", "sshd", still])
    host.run(["systemctl", "stop", "jaild"])
    host.run(["sleep", "3"])
    assert over in host.run(["ufw", "status"]).stdout
    begun = now(host)
    host.run(["systemctl", "start", "jaild"])
    rules = host.run(["ufw", "status"]).stdout
    assert over not in rules
    assert still in rules
    assert host.probe(over) == "open"
    match = (f"MESSAGE_ID={MessageId.UNBANNED}", f"JAILD_ADDRESS={over}", f"--since=@{begun}")
    assert host.journal(*match, "--output=cat").count("\n") == 1


def test_an_attack_that_spans_a_reboot(host):
    source = "198.51.100.132"
    fail(host, source)
    host.reboot()
    host.wait(lambda: is_up(host), 30, "jaild")
    assert not banned(host, source)
    get_banned(host, source)
