# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Damaged journals, two boots, and clocks that are set while an attack goes on."""

import random
import subprocess

import pytest

from jaild.core.match import parse
from jaild.core.position import Position
from jaild.core.rule import Rule
from jaild.journal.reader import JournalReader
from tests.clockwork import House
from tests.verbs import SECOND, START, entry, write_journal

pytestmark = pytest.mark.integration

SSH = parse("_SYSTEMD_UNIT=ssh.service _UID=0")
PEER = "192.0.2.7"
RULE = Rule("sshd", PEER, "22", "tcp", "reject")
MINUTE, HOUR, DAY = 60, 3600, 86_400


def failures(count, start=0.0, *, peer=PEER, boot="b" * 32, first=0):
    return [
        entry(
            f"Failed password for root from {peer} port {first + n + 1} ssh2",
            at=start + n,
            pid=500 + first + n,
            boot=boot,
        )
        for n in range(count)
    ]


# Damage


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """Give the bytes of a journal file of 400 failures, a second apart, and where they begin."""
    folder = write_journal(tmp_path_factory.mktemp("sound"), failures(400))
    content = (folder / "test.journal").read_bytes()
    return content, content.index(b"Failed password"), len(content.rstrip(b"\0"))


def damaged(folder, sound, seed):
    """Write the file with some bytes of its entries changed."""
    content, begin, end = sound
    dice, content = random.Random(seed), bytearray(content)
    place, length = dice.randrange(begin, end), dice.choice([1, 8, 64, 512, 4096])
    kind = dice.choice(["junk", "zeros", "ones", "bit"])
    for at in range(place, min(place + length, end)):
        old = content[at]
        content[at] = {"junk": dice.randrange(256), "zeros": 0, "ones": 255, "bit": old ^ 4}[kind]
    folder.mkdir()
    (folder / "test.journal").write_bytes(content)
    return folder


def read_all(reader):
    found = []
    for _ in range(100):
        portion = [each.message for each in reader.read(50)]
        found += portion
        if not portion:
            return found
    raise AssertionError("reading comes to no end")


def test_whatever_is_damaged_reading_ends_and_tells_nothing_twice(tmp_path, sound, caplog):
    wanted = [each.message for each in failures(400)]
    whole = silent = total = 0
    for seed in range(60):
        caplog.clear()
        reader = JournalReader(SSH, damaged(tmp_path / str(seed), sound, seed))
        reader.seek_time(0)
        found = read_all(reader)
        sane = [message for message in found if message in wanted]
        assert len(set(sane)) == len(sane)
        assert len(found) <= 400
        total += len(found)
        whole += len(found) == 400
        silent += len(found) < 300 and not caplog.records
        assert len(caplog.records) <= 1, "damage is said once"
        reader.close()
    assert whole < 50
    assert total > 60 * 300
    assert silent == 0


def behind(tmp_path, sound):
    """Return a folder with a damaged file of which libsystemd alone gives only the beginning."""
    for seed in range(100):
        folder = damaged(tmp_path / f"try-{seed}", sound, seed)
        reader = JournalReader(SSH, folder)
        reader._unproven = False
        taken = len(read_all(reader))
        reader.close()
        again = JournalReader(SSH, folder)
        again.seek_time(0)
        more = len(read_all(again))
        again.close()
        if 5 < taken < more - 50:
            return folder, taken, more
    raise AssertionError("no such damage was found")


def test_what_lies_behind_the_damage_is_read_and_heard_live(tmp_path, sound, caplog):
    folder, taken, more = behind(tmp_path, sound)
    caplog.clear()
    reader = JournalReader(SSH, folder)
    reader.seek_time(0)
    assert len(read_all(reader)) == more > taken
    (said,) = caplog.records
    assert "the journal is damaged" in said.getMessage()
    assert "reading goes on at 2025-" in said.getMessage()
    write_journal(folder, failures(3, 500, first=500), "later")
    reader.process()
    assert len(read_all(reader)) == 3
    place = Position(reader.cursor, reader.time, reader.time)
    again = JournalReader(SSH, folder)
    assert again.seek(place)
    assert read_all(again) == []


def test_a_damaged_file_among_others(tmp_path, sound):
    folder = damaged(tmp_path / "journal", sound, 1)
    (folder / "test.journal").write_bytes(b"LPKSHHRH" + b"\xff" * 10_000)
    write_journal(folder, failures(4, -100), "before")
    write_journal(folder, failures(4, 1000, first=1000), "after")
    reader = JournalReader(SSH, folder)
    reader.seek_time(0)
    assert len(read_all(reader)) == 8


def test_damage_makes_nothing_count_twice(tmp_path, sound, caplog):
    (tmp_path / "house").mkdir()
    house = House(tmp_path / "house", bantime="1h", findtime="1h", maxretry="10000")
    folder, _, more = behind(tmp_path, sound)
    (folder / "test.journal").rename(house.journal / "test.journal")
    house.clock.time += 600 * SECOND
    service = house.open()
    for _ in range(5):
        house.clock.pass_time(2)
        house.clock.announce()
    assert service.jail_status("sshd").failed_total == more
    house.close(service)
    assert house.open().jail_status("sshd").failed_total == more
    assert "opened again" not in caplog.text


# Two boots


def test_an_attack_spans_a_reboot(tmp_path):
    house = House(tmp_path, bantime="1h", findtime="10m")
    write_journal(house.journal, failures(2, boot="a" * 32), "first")
    house.clock.time += 10 * SECOND
    service = house.open()
    house.close(service)
    write_journal(house.journal, failures(2, 20, boot="a" * 32, first=2), "down")
    write_journal(house.journal, failures(1, 100, boot="c" * 32), "second")
    house.clock.time += 100 * SECOND
    (ban,) = house.open().bans("sshd")
    assert (ban.since, len(set(ban.cursors))) == (START + 100 * SECOND, 5)
    assert house.firewall.rules == {RULE}


# The clock is set


class Host(House):
    """A house on a host that stays up while its clock is set, and that is watched meanwhile."""

    def __init__(self, folder):
        super().__init__(folder, bantime="10m", findtime="10m")
        self.up = 0
        self.service = self.open()

    def restart(self):
        self.close(self.service)
        self.service = self.open()

    def attack(self, count, peer=PEER):
        """Let an attacker fail some times, a second apart; returns whether he is banned."""
        export = bytearray()
        for _ in range(count):
            self.up += 1
            self.clock.time += SECOND
            at = (self.clock.time - START) / SECOND
            (each,) = failures(1, at, peer=peer, first=self.up)
            export += f"__REALTIME_TIMESTAMP={each.time}\n".encode()
            # Within a boot, this goes on whatever the clock says.
            export += f"__MONOTONIC_TIMESTAMP={self.up * SECOND}\n".encode()
            export += b"_MACHINE_ID=" + b"f" * 32 + b"\n"
            export += b"".join(b"%s=%s\n" % (k.encode(), v) for k, v in each.fields.items())
            export += b"\n"
        remote = "/lib/systemd/systemd-journal-remote"
        output = f"--output={self.journal / 'host.journal'}"
        subprocess.run([remote, output, "-"], input=export, check=True, capture_output=True)
        self.clock.announce()
        return peer in self.banned()

    def banned(self):
        rules = {rule.address for rule in self.firewall.rules}
        assert rules == {ban.address for ban in self.service.bans("sshd")}
        return rules

    def set_clock(self, seconds):
        """Set the clock; timers run on as if nothing had happened."""
        clock, by = self.clock, seconds * SECOND
        clock.time += by
        clock._due = [(when + by, order, timer) for when, order, timer in clock._due]

    def sleep(self, seconds):
        self.clock.pass_time(seconds)


@pytest.fixture(params=[False, True], ids=["live", "restarted"])
def host(request, tmp_path, monkeypatch):
    host = Host(tmp_path)
    if request.param:
        attack = host.attack

        def restarted(*arguments):
            attack(*arguments)
            host.restart()
            return PEER in host.banned()

        monkeypatch.setattr(host, "attack", restarted)
    return host


@pytest.mark.parametrize("by", [HOUR, -HOUR])
def test_failures_from_before_the_clock_was_set_do_not_count(host, by):
    assert not host.attack(4)
    host.set_clock(by)
    assert not host.attack(4)
    begin = host.clock.time
    assert host.attack(1)
    (ban,) = host.service.bans("sshd")
    assert (ban.failures, len(set(ban.cursors))) == (5, 5)
    assert begin <= ban.since <= host.clock.time
    host.sleep(601)
    assert host.banned() == set()


@pytest.mark.parametrize("by", [-300, 300])
def test_failures_from_shortly_before_do(host, by):
    assert not host.attack(4)
    host.set_clock(by)
    assert host.attack(1)
    assert host.service.bans("sshd")[0].since <= host.clock.time


def test_a_ban_lasts_until_its_written_end(host):
    assert host.attack(5)
    (ban,) = host.service.bans("sshd")
    host.set_clock(-HOUR)
    host.sleep(HOUR)
    host.restart()
    assert host.attack(5)
    assert host.service.bans("sshd") == [ban]
    host.sleep(11 * MINUTE)
    assert host.banned() == set()
    assert host.diary.events[-1] == ("removed", "sshd", PEER, "its time is over")
    assert host.attack(5)


def test_the_clock_is_set_forward_and_the_ban_ends_with_a_record(host):
    assert host.attack(5)
    host.set_clock(HOUR)
    host.sleep(15 * MINUTE)
    assert host.banned() == set()
    assert host.diary.events[-1] == ("removed", "sshd", PEER, "its time is over")
    assert host.attack(5)


@pytest.mark.parametrize("back", [8 * MINUTE, HOUR, DAY])
def test_the_time_of_a_ban_that_is_over_comes_again(host, back):
    assert host.attack(5)
    host.sleep(11 * MINUTE)
    assert host.banned() == set()
    host.set_clock(-back)
    assert host.attack(5)


def test_the_clock_is_far_ahead_for_a_while(host):
    assert host.attack(5)
    host.set_clock(30 * DAY)
    host.sleep(15 * MINUTE)
    assert host.banned() == set()
    host.set_clock(-30 * DAY - 13 * MINUTE)
    assert host.attack(5)
    assert host.service.bans("sshd")[0].until < host.clock.time + HOUR * SECOND


def test_the_position_is_saved_though_the_clock_was_set_back(host):
    host.attack(1)
    host.set_clock(-DAY)
    before = host.store.load().position
    host.sleep(61)
    # Ignored by its jail, so that nothing but the position changes.
    host.attack(1, "127.0.0.1")
    assert host.store.load().position.entry_time < before.entry_time


# Days of downtime


@pytest.fixture
def down(tmp_path):
    """A house that was left with 500 bans three days ago, while 500 more attackers came by."""
    more = {"bantime.increment": "true"}
    house = House(tmp_path, bantime="10m", findtime="10m", maxretry="2", **more)
    rows = [row for n in range(500) for row in failures(2, peer=f"10.0.{n // 250}.{n % 250}")]
    write_journal(house.journal, sorted(rows, key=lambda row: row.time), "then")
    house.clock.time += 10 * SECOND
    first = house.open()
    assert first.ban_count == 500
    house.close(first)
    rows = [
        row
        for n in range(500)
        for row in failures(2, HOUR + n * 60, peer=f"10.1.{n // 250}.{n % 250}")
    ]
    # The last minutes: one is banned, one has failed once.
    rows += failures(1, 3 * DAY - 700, peer="10.2.0.1") + failures(2, 3 * DAY - 60, peer="10.2.0.1")
    rows += failures(1, 3 * DAY - 50, peer="10.2.0.2")
    write_journal(house.journal, sorted(rows, key=lambda row: row.time), "missed")
    house.diary.records.clear()
    house.ready = False
    # The process that had timers has ended.
    house.clock._due.clear()
    house.clock.time = START + 3 * DAY * SECOND
    return house


def test_after_days_of_downtime_only_what_still_counts_is_in_force(down):
    service = down.open()
    assert down.ready
    assert [ban.address for ban in service.bans("sshd")] == ["10.2.0.1"]
    assert {rule.address for rule in down.firewall.rules} == {"10.2.0.1"}
    status = service.jail_status("sshd")
    assert (status.banned_total, status.failed_now) == (1001, 1)


def test_bans_of_days_of_downtime_are_recorded_once_each(down):
    service = down.open()
    # One line for each ban: that it has ended, or that it was over before it was known of.
    texts = [text for text, _ in down.diary.records]
    assert len(texts) == len(set(texts)) == 1001
    assert sum("its time is over" in text for text in texts) == 500
    past = down.store._db.execute("SELECT ended, count(*) FROM history GROUP BY ended").fetchall()
    assert sorted(past) == [("its time is over", 500), ("past", 500)]
    down.close(service)
    down.diary.records.clear()
    assert down.open().ban_count == 1
    assert down.diary.records == []
