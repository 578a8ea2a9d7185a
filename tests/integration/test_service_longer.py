# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Longer bans for those who come again, on real journal files, over restarts and reloads."""

import logging
import signal

import pytest

from jaild.core.errors import StoreFailed
from tests.clockwork import House
from tests.integration.test_service import attack, everything, run
from tests.verbs import SECOND, START, entry, jail_config, write_journal

pytestmark = pytest.mark.integration

PEER = "192.0.2.7"
OPTIONS = {"maxretry": "2", "bantime": "60", "findtime": "10m", "bantime.increment": "true"}
AGAIN = "[again]\nenabled = true\nfilter = sshd\njournalmatch = _SYSTEMD_UNIT=again.service\n"


class Attacked(House):
    """A house that is attacked from time to time; ``lengths`` in seconds are of all bans so far."""

    service = None

    def __init__(self, folder, **options):
        super().__init__(folder, **OPTIONS | options)
        self._written = 0

    def start(self):
        self.service = self.open()

    def restart(self):
        self.close(self.service)
        self.start()

    def configure(self, **options):
        jail_config(self.etc, **OPTIONS | options)
        self.service.reload()

    def attack(self, at, *, count=2, unit="ssh.service", live=True):
        """Let PEER fail some times in a second, from ``at`` seconds after START on."""
        message = f"Failed password for root from {PEER} port 4 ssh2"
        entries = [entry(message, at=at + n / count, unit=unit) for n in range(count)]
        self._written += 1
        write_journal(self.journal, entries, f"part-{self._written}")
        if live:
            self.clock.pass_time(max(0, START + (at + 1) * SECOND - self.clock.time) / SECOND)
            self.clock.announce()

    def sleep(self, days):
        """Let a long time pass, and then everything happen that is due."""
        self.clock.time += days * 86_400 * SECOND
        self.clock.pass_time()

    def lengths(self, jail="sshd"):
        query = (
            "SELECT since, until FROM (SELECT * FROM history UNION ALL SELECT jail, address, "
            "since, until, failures, reason, '', '' FROM ban) "
            "WHERE jail = ? AND failures ORDER BY 1"
        )
        rows = self.store._db.execute(query, (jail,)).fetchall()
        return [(until - since) / SECOND for since, until in rows]


@pytest.fixture
def house(tmp_path):
    house = Attacked(tmp_path)
    house.start()
    yield house
    house.close(house.service)


def test_bans_double_at_once(house):
    for at in (0, 100, 300):
        house.attack(at)
    assert house.lengths() == [60, 120, 240]
    (ban,) = house.service.bans("sshd")
    assert (ban.until - ban.since, ban.reason) == (240 * SECOND, "2 failures")
    added = [event for event in house.diary.events if event[0] == "added"]
    assert len(added) == 3


def test_without_increment_bans_stay_as_they_are(house):
    house.configure(**{"bantime.increment": "false"})
    for at in (0, 100, 200):
        house.attack(at)
    assert house.lengths() == [60, 60, 60]


def test_a_restart_changes_nothing(house):
    for at in (0, 100, 300):
        house.attack(at)
        house.restart()
    assert house.lengths() == [60, 120, 240]


def test_bans_that_were_over_before_they_could_begin_count(house):
    house.close(house.service)
    for at in (0, 100):
        house.attack(at, live=False)
    house.clock.pass_time(400)
    house.start()
    house.clock.announce()
    assert not house.firewall.rules
    house.restart()
    house.attack(450)
    assert house.lengths() == [60, 120, 240]


def test_a_reload_remembers_and_applies_to_the_next_ban(house):
    house.attack(0)
    house.configure(**{"bantime.multipliers": "1 10 50", "bantime.maxtime": "20m"})
    house.attack(100)
    house.attack(800)
    assert house.lengths() == [60, 600, 1200]


def test_bans_from_before_it_was_switched_on_count(house, mocker):
    house.configure(**{"bantime.increment": "false"})
    house.restart()
    house.attack(0)
    house.attack(100)
    mocker.patch.object(house.store, "commit", side_effect=StoreFailed("the disk is full"))
    house.attack(200)
    house.configure(**{"bantime.increment": "true"})
    mocker.stopall()
    house.attack(300)
    house.configure()
    house.attack(900)
    assert house.lengths() == [60, 60, 60, 480, 960]


def test_chance_is_the_same_in_another_run(tmp_path):
    found = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        house = Attacked(tmp_path / name, **{"bantime.rndtime": "1h"})
        house.start()
        house.attack(0)
        if name == "two":
            house.restart()
        house.attack(100)
        found.append(house.lengths())
        house.close(house.service)
    assert found[0] == found[1]
    assert found[0][0] == 60
    assert 120 < found[0][1] < 120 + 3600


def test_bans_are_forgotten_after_the_history(house):
    house.configure(**{"bantime.history": "5m"})
    for at in (0, 100, 310):
        house.attack(at)
    assert house.lengths() == [60, 120, 120]


def test_pruning_keeps_what_makes_bans_longer(house):
    house.attack(0)
    house.service.ban("sshd", "192.0.2.9", 5 * SECOND, "", lambda _: None)
    house.sleep(89)
    house.service.prune()
    assert house.lengths() == [60]
    rows = house.store._db.execute("SELECT count(*) FROM history").fetchone()
    assert rows == (1,), "the ban by hand is old news"
    house.restart()
    house.attack(89 * 86_400 + 100)
    assert house.lengths() == [60, 120]
    house.sleep(89)
    house.service.prune()
    assert house.lengths() == [120]


def test_a_jail_with_a_mistake_forgets_nothing(house):
    house.attack(0)
    (house.etc / "jail.d/zz.local").write_text("[again]\nenabled = true\nfilter = nosuch\n")
    house.restart()
    house.sleep(400)
    house.service.prune()
    assert house.lengths() == [60]


def test_bans_of_other_jails_count_where_they_are_meant_to(house):
    (house.etc / "jail.d/zz.local").write_text(AGAIN)
    house.configure(**{"bantime.overalljails": "true"})
    house.attack(1, unit="again.service", count=5)
    house.attack(100)
    assert house.lengths() == [120]
    house.restart()
    house.attack(400)
    assert house.lengths() == [120, 240]
    assert house.lengths("again") == [600]


def test_bans_by_hand_are_no_offences_and_get_no_longer(house):
    house.service.ban("sshd", PEER, 10 * SECOND, "", lambda _: None)
    house.clock.pass_time(20)
    house.attack(30)
    assert house.lengths() == [60]
    house.clock.pass_time(100)
    house.service.ban("sshd", PEER, 0, "", lambda _: None)
    (ban,) = house.service.bans("sshd")
    assert ban.until - ban.since == 60 * SECOND


def test_a_ban_that_one_by_hand_replaces_still_counts(house):
    house.attack(0)
    house.service.ban("sshd", PEER, 10 * SECOND, "", lambda _: None)
    house.clock.pass_time(20)
    house.restart()
    house.attack(100)
    assert house.lengths() == [60, 120]


def test_for_ever_stays_for_ever(house):
    house.configure(bantime="-1")
    house.attack(0)
    assert house.service.bans("sshd")[0].until == 2**64 - 1


def test_failures_weigh_the_same_unless_told_otherwise(house):
    house.attack(0)
    house.attack(100, count=1)
    assert house.service.bans("sshd") == []
    house.configure(**{"bantime.weigh": "true", "maxretry": "4"})
    house.attack(101, count=1)
    (ban,) = house.service.bans("sshd")
    assert (ban.failures, ban.reason) == (2, "2 failures, counted 2 times each")
    house.restart()
    house.attack(400, count=1)
    assert house.service.bans("sshd") == []
    house.restart()
    house.attack(402, count=1)
    assert house.lengths() == [60, 120, 240]


def test_a_formula_that_comes_to_nothing_is_said_once(house, caplog):
    house.configure(**{"bantime.formula": "ban.Time / (ban.Time - 60)"})
    with caplog.at_level(logging.WARNING):
        for at in (0, 100, 200):
            house.attack(at)
    assert house.lengths() == [60, 60, 60]
    said = [record.getMessage() for record in caplog.records if "formula" in record.getMessage()]
    sentence = "the formula divides by nothing; such bans last as long as bantime says"
    assert said == [f"jail sshd: bantime.formula: {sentence}"]


def test_a_process_that_is_killed_comes_to_the_same_lengths(tmp_path):
    options = {"bantime": "10", "bantime.rndtime": "60", "bantime.overalljails": "true"}
    jail_config(tmp_path / "etc", **OPTIONS | options)
    write_journal(tmp_path / "journal", attack(seed=3, count=60))
    arguments = (tmp_path / "journal", tmp_path / "whole", tmp_path / "etc")
    assert run(*arguments) == 0
    whole = everything(tmp_path / "whole")
    lengths = {until - since for _, _, since, until, *_ in whole["history"] + whole["ban"]}
    assert len(lengths) > 3
    killed = (tmp_path / "journal", tmp_path / "killed", tmp_path / "etc")
    moments = [("after" if number % 2 else "before", number) for number in range(2, 8)]
    assert [run(*killed, *moment) for moment in moments].count(-signal.SIGKILL) > 3
    assert run(*killed) == 0
    assert everything(tmp_path / "killed") == whole
