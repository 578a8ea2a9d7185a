# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The service with entries of real journal files, on a clock of the test's own."""

import pytest

from jaild.core.rule import Rule
from tests.clockwork import House
from tests.verbs import SECOND, entry, write_journal

pytestmark = pytest.mark.integration

PEER = "192.0.2.7"
RULE = Rule("sshd", PEER, "22", "tcp", "reject")


@pytest.fixture
def house(tmp_path):
    return House(tmp_path, bantime="1h", findtime="10m")


@pytest.fixture
def service(house):
    return house.open()


def attack(count, start=0.0, peer=PEER):
    message = f"Failed password for root from {peer} port 5 ssh2"
    return [entry(message, at=start + number, pid=500 + number) for number in range(count)]


def test_entries_become_a_ban_with_evidence(house):
    write_journal(house.journal, attack(5))
    house.clock.time += 10 * SECOND
    service = house.open()
    (ban,) = service.bans("sshd")
    assert (ban.address, ban.failures, len(set(ban.cursors))) == (PEER, 5, 5)
    assert house.firewall.rules == {RULE}
    status = service.jail_status("sshd")
    assert (status.failed_total, status.failed_now, status.banned_total) == (5, 0, 1)


def test_counts_go_on_after_a_restart(house):
    write_journal(house.journal, attack(3), "a")
    house.clock.time += 10 * SECOND
    first = house.open()
    assert first.jail_status("sshd").failed_now == 1
    house.close(first)
    write_journal(house.journal, attack(2, start=20), "b")
    house.clock.time += 30 * SECOND
    second = house.open()
    assert len(second.bans("sshd")) == 1


def test_a_lost_state_is_read_again_one_finding_window_back(house):
    late, early = "192.0.2.8", "192.0.2.9"
    write_journal(house.journal, [*attack(4, peer=early), *attack(4, start=700, peer=late)])
    house.clock.time += 720 * SECOND
    house.close(house.open())
    (house.folder / "state").write_bytes(b"garbage" * 1000)
    house.firewall.rules = {RULE}
    again = house.open()
    assert [ban.address for ban in again.bans("sshd")] == [PEER]
    assert [address for address, _ in again._jails.find("sshd").jail.tally.failures()] == [late] * 4
    assert house.firewall.rules == {RULE}


def test_under_attack_it_looks_often_and_then_rests(house):
    write_journal(house.journal, attack(2))
    house.clock.time += 10 * SECOND
    house.open()
    assert house.clock.timers() == 1
    house.clock.pass_time(601)
    assert house.clock.timers() == 0


def test_a_forged_line_counts_for_nothing(house):
    message = "Failed password for root from 203.0.113.9 port 22 ssh2"
    forged = [
        entry(message, at=number, uid=1000, unit=unit, comm="sshd", pid=number + 1)
        for number, unit in enumerate(["ssh.service", "session-1.scope", "user@1000.service"] * 3)
    ]
    write_journal(house.journal, forged)
    house.clock.time += 10 * SECOND
    assert house.open().jail_status("sshd").failed_total == 0


def test_one_bad_jail_harms_one_jail(house, service, mocker):
    (house.etc / "jail.d/zz.local").write_text(
        "[other]\nenabled = true\nfilter = sshd\nport = ssh\n"
    )
    service.reload()
    house.clock.pass_time()
    write_journal(house.journal, attack(5))
    guard = service._jails.find("other")
    mocker.patch.object(guard.jail.detector, "take", side_effect=RuntimeError("bug"))
    house.clock.time += 10 * SECOND
    house.clock.announce()
    assert service.jail_status("other").state == "failed"
    assert len(service.bans("sshd")) == 1


def test_a_journal_that_cannot_be_read_is_opened_again(house, service, mocker):
    write_journal(house.journal, attack(5))
    house.clock.time += 10 * SECOND
    broken = mocker.patch.object(
        service._reading._open.reader, "process", side_effect=OSError("EBADMSG")
    )
    house.clock.announce()
    assert broken.called
    house.clock.pass_time(2)
    assert len(service.bans("sshd")) == 1


@pytest.mark.parametrize(("maxmatches", "kept"), [("0", 0), ("2", 2), ("50", 5)])
def test_a_ban_keeps_as_much_evidence_as_is_wanted(tmp_path, maxmatches, kept):
    house = House(tmp_path, bantime="1h", findtime="10m", maxmatches=maxmatches)
    write_journal(house.journal, attack(5))
    house.clock.time += 10 * SECOND
    (ban,) = house.open().bans("sshd")
    assert (ban.failures, len(ban.cursors)) == (5, kept)
