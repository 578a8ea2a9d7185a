# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The service after a loss of its state: what the firewall has is banned, and no rule is lost."""

import pytest

from jaild.core.ban import FOREVER
from jaild.core.errors import FirewallFailed
from jaild.core.rule import Rule
from jaild.core.tally import Failure
from jaild.journal.record import MessageId
from jaild.service.salvage import REASON
from tests.clockwork import House
from tests.verbs import SECOND, jail_config

PEER, OTHER, MINE = "192.0.2.7", "2001:db8::7", "198.51.100.9"
RULE, RULE6 = Rule("sshd", PEER, "22", "tcp"), Rule("sshd", OTHER, "22", "tcp")
STRANGE = Rule("gone", PEER, "80", "tcp")


@pytest.fixture
def house(tmp_path):
    house = House(tmp_path, bantime="1h", findtime="10m", ignoreip="198.51.100.0/24")
    (tmp_path / "state").write_bytes(b"garbage" * 1000)
    house.firewall.rules = {RULE, RULE6}
    return house


def kinds(house):
    return [fields["MESSAGE_ID"] for _, fields in house.diary.records]


def corrupt(house):
    return [path.name for path in house.folder.glob("state.corrupt-*")]


def ban(house, service, address):
    answers = []
    service.ban("sshd", address, 0, "by hand", answers.append)
    house.clock.pass_time()
    return answers


def test_what_is_in_the_firewall_is_banned_from_now_on(house):
    began = house.clock.now()
    service = house.open()
    assert house.ready
    assert house.firewall.rules == {RULE, RULE6}
    for found in service.bans("sshd"):
        assert (found.failures, found.reason, found.since) == (0, REASON, began)
        assert found.until - found.since == 3600 * SECOND
    status = service.jail_status("sshd")
    assert (status.banned_now, status.banned_total) == (2, 2)
    assert sorted(event[2] for event in house.diary.events) == [PEER, OTHER]


def test_it_is_said_once_with_the_place_of_the_damaged_file(house):
    service = house.open()
    (text, fields), *more = house.diary.records
    (kept,) = corrupt(house)
    assert fields["MESSAGE_ID"] == MessageId.STATE_LOST
    assert fields["JAILD_FILE"] == str(house.folder / kept)
    assert "file is not a database" in fields["JAILD_REASON"]
    assert text.startswith("the state is lost and begun anew: ")
    assert len(more) == 2
    house.close(service)
    house.diary.records.clear()
    again = house.open()
    assert again.ban_count == 2
    assert kinds(house) == []


def test_rules_of_jails_that_are_gone_go(house):
    house.firewall.rules = {RULE, STRANGE}
    service = house.open()
    assert house.firewall.rules == {RULE}
    assert service.ban_count == 1


def test_a_rule_of_another_form_becomes_that_of_the_jail(house):
    house.firewall.rules = {Rule("sshd", PEER, "22,2222", "tcp", "deny"), Rule("sshd", PEER)}
    service = house.open()
    assert house.firewall.rules == {RULE}
    assert service.ban_count == 1


def test_whom_the_jail_ignores_now_is_let_in(house):
    house.firewall.rules |= {Rule("sshd", MINE)}
    service = house.open()
    assert house.firewall.rules == {RULE, RULE6}
    assert [found.address for found in service.bans("")] == [PEER, OTHER]
    assert house.diary.events[-1] == ("removed", "sshd", MINE, "ignoreip lists 198.51.100.0/24")


def test_for_ever_and_with_a_mistake(house):
    jail_config(house.etc, bantime="-1")
    (house.etc / "jail.d/zz.local").write_text(
        "[other]\nenabled = true\nfilter = sshd\nmaxretry = many\n"
    )
    house.firewall.rules = {RULE, Rule("other", PEER, "80", "tcp")}
    service = house.open()
    assert service.bans("sshd")[0].until == FOREVER
    (found,) = service.bans("other")
    assert found.until - found.since == 600 * SECOND
    assert house.firewall.rules == {RULE, Rule("other", PEER)}


def test_no_rule_is_dropped_while_the_firewall_cannot_be_asked(house):
    house.firewall.failure = FirewallFailed("the enforcer does not answer")
    service = house.open()
    assert house.ready
    assert "NOT IN FORCE: the enforcer does not answer" in house.status
    ban(house, service, "203.0.113.1")
    service.firewall_drifted("test")
    service.reload()
    house.clock.pass_time(30)
    assert house.firewall.rules == {RULE, RULE6}
    house.firewall.failure = None
    house.clock.pass_time(60)
    new = Rule("sshd", "203.0.113.1", "22", "tcp")
    assert house.firewall.rules == {RULE, RULE6, new}
    assert {found.address: found.reason for found in service.bans("")} == {
        PEER: REASON, OTHER: REASON, "203.0.113.1": "by hand",
    }  # fmt: skip


def test_an_end_before_the_firewall_could_be_asked_forgets_nothing(house):
    house.firewall.failure = FirewallFailed("the enforcer does not answer")
    for _ in range(2):
        service = house.open()
        ban(house, service, PEER)
        house.close(service)
        assert house.firewall.rules == {RULE, RULE6}
    house.firewall.failure = None
    service = house.open()
    assert house.firewall.rules == {RULE, RULE6}
    assert {found.reason for found in service.bans("")} == {"by hand", REASON}
    assert kinds(house).count(MessageId.STATE_LOST) == 3
    assert len(corrupt(house)) == 1


def test_damage_found_while_it_runs_loses_no_ban(house):
    (house.folder / "state").unlink()
    house.firewall.rules = set()
    service = house.open()
    ban(house, service, PEER)
    house.store._db.execute("DROP TABLE counter")
    assert ban(house, service, OTHER) == [None]
    assert kinds(house).count(MessageId.STATE_LOST) == 1
    assert house.status == "1 jail, 2 bans"
    assert len(corrupt(house)) == 1
    assert (house.folder / "state-wal").stat().st_size
    before = service.bans("")
    house.close(service)
    again = house.open()
    assert again.bans("") == before
    assert again.jail_status("sshd").banned_total == 2
    assert kinds(house).count(MessageId.STATE_LOST) == 1


def test_damage_found_while_it_runs_loses_no_count(house):
    (house.folder / "state").unlink()
    service = house.open()
    guard = service._jails.find("sshd")
    guard.jail.tally.add(PEER, Failure(house.clock.now(), "cursor"))
    house.store._db.execute("DROP TABLE counter")
    ban(house, service, OTHER)
    assert [address for _, address, _ in house.store.load().failures] == [PEER]
