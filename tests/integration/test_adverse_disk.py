# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The service on a disk that is full, or that has become read-only: a real one, of 2 MB."""

import logging
import os
import signal
import subprocess

import pytest

from jaild.core.rule import Rule
from jaild.journal.record import MessageId
from tests.clockwork import House
from tests.integration.test_service import attack, everything, run
from tests.verbs import SECOND, START, entry, jail_config, write_journal

pytestmark = pytest.mark.integration

PEERS = [f"192.0.2.{number}" for number in range(1, 6)]
OPTIONS = {"bantime": "1h", "findtime": "10m", "maxretry": "3"}


class Disk:
    """A small disk of a test's own."""

    def __init__(self, folder):
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self):
        filler = os.open(self._filler, os.O_CREAT | os.O_WRONLY)
        try:
            while os.write(filler, b"x" * 4096):
                pass
        except OSError:
            os.close(filler)

    def free(self):
        self._filler.unlink()

    def protect(self, *, on):
        how = "ro" if on else "rw"
        subprocess.run(["mount", "-o", f"remount,{how}", self.folder], check=True)


@pytest.fixture
def disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m,mode=0700", "tmpfs", folder]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only root can mount a disk of its own")
    yield Disk(folder)
    subprocess.run(["umount", "--lazy", folder], check=True)


class Attacked(House):
    """A house whose state is on the small disk, its journal on another."""

    def __init__(self, disk):
        (disk.folder.parent / "journal").mkdir(exist_ok=True)
        (disk.folder / "journal").symlink_to(disk.folder.parent / "journal")
        super().__init__(disk.folder, **OPTIONS)
        self._parts = 0

    def attack(self, peers, count, *, live=True):
        """Let some peers fail in the next second, and the service hear of it."""
        at = (self.clock.time - START) / SECOND
        entries = [
            entry(f"Failed password for root from {peer} port {n + 9} ssh2", at=at + n / count)
            for n in range(count)
            for peer in peers
        ]
        self._parts += 1
        write_journal(self.journal, entries, f"part-{self._parts}")
        self.clock.time += SECOND
        if live:
            self.clock.announce()

    def banned(self, service):
        """Return who is banned, and whether the firewall has just these."""
        banned = {ban.address for ban in service.bans("sshd")}
        assert self.firewall.rules == {Rule("sshd", peer, "22", "tcp", "reject") for peer in banned}
        return banned


@pytest.fixture
def house(disk):
    return Attacked(disk)


def told(house):
    """Return the address of each record of a ban."""
    records = [fields for _, fields in house.diary.records]
    return sorted(one["JAILD_ADDRESS"] for one in records if one["MESSAGE_ID"] == MessageId.BANNED)


def counts(house, service):
    status = service.jail_status("sshd")
    return (
        sorted((ban.address, ban.since, ban.until, ban.cursors) for ban in service.bans("sshd")),
        (status.failed_total, status.failed_now, status.banned_total),
    )


def test_a_disk_that_fills_up_delays_no_ban_and_loses_nothing(house, disk, caplog):
    service = house.open()
    house.attack(PEERS[:3], 2)
    disk.fill()
    with caplog.at_level(logging.WARNING):
        for _ in range(20):
            house.attack([PEERS[0]], 1)
            house.attack(PEERS[1:4], 1)
        assert house.banned(service) == set(PEERS[:4])
        assert "NOT SAVED" in house.status
        assert "NOT IN FORCE" not in house.status
        assert house.clock.timers() < 10
        house.clock.pass_time(60)
        (said,) = [one.getMessage() for one in caplog.records if "kept in memory" in one.message]
        assert "disk is full" in said
        disk.free()
        house.clock.pass_time(5)
    assert "the state is saved again" in caplog.text
    assert "NOT SAVED" not in house.status
    before = counts(house, service)
    # As after SIGKILL: without the commit of an orderly end.
    house.store.close()
    assert counts(house, house.open()) == before


def test_what_a_full_disk_kept_from_being_saved_is_read_again(house, disk):
    service = house.open()
    house.attack(PEERS, 2)
    disk.fill()
    house.attack(PEERS[:2], 1)
    before = counts(house, service)
    house.store.close()
    again = house.open()
    assert counts(house, again) == before
    assert house.ready
    # They are the same bans as before, and have been told of.
    assert told(house) == PEERS[:2]
    house.attack(PEERS[2:], 1)
    assert house.banned(again) == set(PEERS)
    disk.free()
    house.clock.pass_time(5)
    before = counts(house, again)
    house.close(again)
    assert counts(house, house.open()) == before


def test_the_first_start_is_on_a_full_disk(house, disk):
    disk.fill()
    service = house.open()
    assert "NOT SAVED" in house.status
    house.attack(PEERS, 3)
    assert house.banned(service) == set(PEERS)
    # Killed: nothing has been saved, but the firewall still has the bans.
    house.store.close()
    again = house.open()
    assert house.banned(again) == set(PEERS)
    disk.free()
    house.clock.pass_time(5)
    house.close(again)
    house.diary.records.clear()
    assert house.banned(house.open()) == set(PEERS)
    assert not house.diary.records


def test_a_damaged_file_on_a_full_disk(house, disk):
    service = house.open()
    house.attack(PEERS, 3)
    house.close(service)
    (house.folder / "state").write_bytes(b"garbage" * 1000)
    disk.fill()
    again = house.open()
    assert house.banned(again) == set(PEERS)
    disk.free()
    house.clock.pass_time(5)
    house.close(again)
    house.diary.records.clear()
    assert house.banned(house.open()) == set(PEERS)
    assert not house.diary.records
    assert len(list(house.folder.glob("state.corrupt-*"))) == 1


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """Give a journal, a configuration, and what an uninterrupted run makes of them."""
    folder = tmp_path_factory.mktemp("history")
    journal = write_journal(folder / "journal", attack(seed=5, count=60))
    jail_config(folder / "etc", findtime="60", maxretry="3", bantime="2h")
    assert run(journal, folder / "state", folder / "etc") == 0
    return journal, folder / "etc", everything(folder / "state")


@pytest.mark.parametrize("moment", [("before", 5), ("after", 5), ("after", 60)])
def test_killed_and_started_while_the_disk_is_full(history, disk, moment):
    journal, etc, whole = history
    state = disk.folder / "state"
    assert run(journal, state, etc, *moment) in {-signal.SIGKILL, 0}
    disk.fill()
    before = everything(state) if moment[1] < 60 else whole
    assert run(journal, state, etc) == 0
    assert run(journal, state, etc) == 0
    disk.free()
    assert everything(state) == before
    assert run(journal, state, etc) == 0
    assert everything(state) == whole


@pytest.mark.parametrize("moment", [("before", 5), ("after", 5), ("after", 60)])
def test_killed_and_started_on_a_disk_that_can_only_be_read(history, disk, moment):
    journal, etc, whole = history
    state = disk.folder / "state"
    assert run(journal, state, etc, *moment) in {-signal.SIGKILL, 0}
    disk.protect(on=True)
    assert run(journal, state, etc) == 0
    disk.protect(on=False)
    assert run(journal, state, etc) == 0
    assert everything(state) == whole
