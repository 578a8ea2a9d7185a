# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The service on a clock of the test's own, with a firewall in memory."""

from dataclasses import replace

import pytest

from jaild.core.ban import FOREVER
from jaild.core.errors import (
    AddressIgnored,
    FirewallFailed,
    InvalidAddress,
    InvalidConfig,
    NoSuchJail,
    StoreFailed,
)
from jaild.core.rule import Rule
from jaild.enforce.port import Refusal
from jaild.journal.record import MessageId
from jaild.service import ledger
from tests.clockwork import House
from tests.verbs import SECOND, jail_config

PEER = "192.0.2.7"
RULE = Rule("sshd", PEER, "22", "tcp", "reject")


@pytest.fixture
def house(tmp_path):
    return House(tmp_path, bantime="1h", findtime="10m", ignoreip="198.51.100.0/24")


@pytest.fixture
def service(house):
    return house.open()


def answer(house, command, *arguments, seconds=0.1):
    """Give a command and return what it answers, or "silence"."""
    answers = []
    command(*arguments, answers.append)
    house.clock.pass_time(seconds)
    assert len(answers) <= 1
    return answers[0] if answers else "silence"


def test_ready_without_any_entry(house, service):
    assert house.ready
    assert house.status == "1 jail, 0 bans"
    (status,) = service.jail_states()
    assert (status.name, status.state) == ("sshd", "running")


def test_in_peace_no_timer_runs(house, service):
    assert house.clock.timers() == 0


def test_ban_and_unban(house, service):
    assert answer(house, service.ban, "sshd", PEER, 0, "test") is None
    assert house.firewall.rules == {RULE}
    (ban,) = service.bans("")
    assert ban.until - ban.since == 3600 * SECOND
    assert answer(house, service.unban, "sshd", PEER) == 1
    assert house.firewall.rules == set()
    assert house.diary.events == [
        ("added", "sshd", PEER),
        ("removed", "sshd", PEER, "unbanned by hand"),
    ]


def test_unban_of_nobody(house, service):
    assert answer(house, service.unban, "sshd", PEER, seconds=0) == 0
    assert answer(house, service.unban_all, "", seconds=0) == 0


def test_unban_in_every_jail(house, service):
    answer(house, service.ban, "sshd", PEER, 0, "")
    assert answer(house, service.unban, "", PEER) == 1


def test_a_ban_ends_by_itself(house, service):
    answer(house, service.ban, "sshd", PEER, 5 * SECOND, "")
    house.clock.pass_time(4.8)
    assert house.firewall.rules
    house.clock.pass_time(0.3)
    assert not house.firewall.rules
    assert house.diary.events[-1] == ("removed", "sshd", PEER, "its time is over")
    house.clock.pass_time(3)
    assert house.clock.timers() == 0


def test_a_ban_for_ever(house, service):
    answer(house, service.ban, "sshd", PEER, FOREVER, "")
    assert service.bans("sshd")[0].until == FOREVER
    assert house.clock.timers() == 0


def test_a_thousand_bans_share_a_request(house, service):
    answers = []
    for number in range(1000):
        address = f"10.1.{number // 256}.{number % 256}"
        service.ban("sshd", address, 0, "", answers.append)
    house.clock.pass_time()
    assert answers == [None] * 1000
    assert len(house.firewall.rules) == service.ban_count == 1000


@pytest.mark.parametrize(
    ("jail", "address", "error"),
    [
        ("nosuch", PEER, NoSuchJail),
        ("sshd", "nobody", InvalidAddress),
        ("sshd", "0.0.0.0/0", InvalidAddress),
        ("sshd", "198.51.100.5", AddressIgnored),
        ("sshd", "198.51.0.0/16", AddressIgnored),
    ],
)
def test_refused_bans(house, service, jail, address, error):
    assert isinstance(answer(house, service.ban, jail, address, 0, ""), error)
    assert service.ban_count == 0


def test_own_addresses_are_spared(house):
    house.firewall.hosts = (PEER,)
    service = house.open()
    found = answer(house, service.ban, "sshd", PEER, 0, "")
    assert isinstance(found, AddressIgnored)


def test_a_new_own_address_is_let_in(house, service):
    answer(house, service.ban, "sshd", PEER, 0, "")
    house.firewall.hosts = (PEER,)
    service.addresses_changed()
    house.clock.pass_time()
    assert not house.firewall.rules


def test_the_enforcer_has_the_last_word(house, service):
    house.firewall.refuses = {PEER: "it is loopback"}
    found = answer(house, service.ban, "sshd", PEER, 0, "")
    assert isinstance(found, AddressIgnored)
    assert "it is loopback" in str(found)
    assert service.ban_count == 0


def test_what_ufw_does_not_take_of_one_jail_is_struck_out_there_alone(house):
    (house.etc / "jail.d/web.local").write_text("[web]\nenabled = true\nfilter = sshd\nport = 80\n")
    service = house.open()
    answer(house, service.ban, "sshd", PEER, 0, "")
    apply = house.firewall.apply

    def refuse(add, drop, done):
        new = [rule for rule in add if rule.jail != "web"]
        refused = tuple(Refusal("web", rule.address, "no") for rule in add if rule.jail == "web")
        apply(new, drop, lambda outcome: done(replace(outcome, refused=refused)))

    house.firewall.apply = refuse
    found = answer(house, service.ban, "web", PEER, 0, "")
    assert isinstance(found, AddressIgnored)
    assert [ban.jail for ban in service.bans("")] == ["sshd"]
    assert house.firewall.rules == {RULE}
    assert ("removed", "web", PEER, "refused: no") in house.diary.events
    kinds = [
        fields["MESSAGE_ID"] for _, fields in house.diary.records if fields["JAILD_JAIL"] == "web"
    ]
    assert sorted(kinds) == sorted([MessageId.BANNED, MessageId.REFUSED])


def test_a_failed_firewall_is_said_retried_and_mended(house, service):
    house.firewall.failure = FirewallFailed("ufw is not installed")
    found = answer(house, service.ban, "sshd", PEER, 0, "")
    assert isinstance(found, FirewallFailed)
    assert "NOT IN FORCE: ufw is not installed" in house.status
    assert service.ban_count == 1
    house.firewall.failure = None
    house.clock.pass_time(5)
    assert house.firewall.rules == {RULE}
    assert house.status == "1 jail, 1 ban"
    texts = [text for text, _ in house.diary.records]
    assert "bans are not in force: ufw is not installed" in texts
    assert texts[-1] == "the one ban is in force"


def test_an_inactive_firewall_is_no_success(house, service):
    house.firewall.state = "inactive"
    found = answer(house, service.ban, "sshd", PEER, 0, "")
    assert isinstance(found, FirewallFailed)
    assert "ufw enable" in str(found)


def test_drift_is_mended(house, service):
    answer(house, service.ban, "sshd", PEER, 0, "")
    house.firewall.rules = {Rule("sshd", "203.0.113.9")}
    service.firewall_drifted("test")
    assert house.firewall.rules == {RULE}


def test_bans_survive_a_restart(house, service):
    answer(house, service.ban, "sshd", PEER, 0, "why not")
    house.close(service)
    house.firewall.rules.clear()
    again = house.open()
    assert house.firewall.rules == {RULE}
    assert again.bans("sshd")[0].reason == "why not"
    assert again.jail_status("sshd").banned_total == 1


def test_bans_that_ended_meanwhile_are_not_applied(house, service):
    answer(house, service.ban, "sshd", PEER, 60 * SECOND, "")
    house.close(service)
    house.clock.pass_time(61)
    assert house.open().ban_count == 0
    assert not house.firewall.rules


def test_reload(house, service):
    answer(house, service.ban, "sshd", PEER, 0, "")
    jail_config(house.etc, port="22,2222", ignoreip="203.0.113.0/24")
    service.reload()
    house.clock.pass_time()
    assert house.firewall.rules == {Rule("sshd", PEER, "22,2222", "tcp", "reject")}
    jail_config(house.etc, ignoreip=PEER)
    service.reload()
    house.clock.pass_time()
    assert not house.firewall.rules


def test_a_bad_reload_changes_nothing(house, service):
    (house.etc / "jail.local").write_text("[DEFAULT]\nmaxretry = many\n")
    with pytest.raises(InvalidConfig) as raised:
        service.reload()
    assert (raised.value.line, "jail.local" in raised.value.path) == (2, True)
    assert service.jail_status("sshd").maxretry == 5
    assert service.jail_status("sshd").state == "running"
    assert "configuration refused" in house.diary.records[-1][0]


def test_a_jail_with_a_mistake_goes_on_as_before_while_others_change(house, service):
    answer(house, service.ban, "sshd", PEER, 0, "")
    (house.etc / "jail.local").write_text(
        "[sshd]\nmaxretry = many\n[deny]\nenabled = true\ndenyip = 203.0.113.0/24\n"
    )
    with pytest.raises(InvalidConfig) as raised:
        service.reload()
    assert (raised.value.line, "jail.local" in raised.value.path) == (2, True)
    assert "jail 'sshd' goes on as before, the others use the new" in str(raised.value)
    broken = service.jail_status("sshd")
    assert (broken.state, broken.maxretry, broken.banned_now) == ("failed", 5, 1)
    assert "until this is mended it goes on as configured before" in broken.reason
    assert service.jail_status("deny").addresses == ("203.0.113.0/24",)
    assert answer(house, service.ban, "sshd", "192.0.2.8", 0, "") is None
    (house.etc / "jail.local").write_text("[sshd]\nmaxretry = 3\n")
    service.reload()
    mended = service.jail_status("sshd")
    assert (mended.state, mended.maxretry, mended.banned_now) == ("running", 3, 2)


def test_a_new_jail_with_a_mistake_does_not_run(house, service):
    (house.etc / "jail.local").write_text("[nginx-http-auth]\nenabled = true\nmaxretry = many\n")
    with pytest.raises(InvalidConfig, match="jail 'nginx-http-auth' does not run, the others"):
        service.reload()
    assert service.jail_status("nginx-http-auth").state == "failed"
    assert service.jail_status("sshd").state == "running"


def test_unban_lets_in_whom_it_names(house, service):
    for address in ("203.0.113.7", "203.0.113.0/24", "203.0.113.9", "192.0.2.1"):
        answer(house, service.ban, "sshd", address, 0, "")
    assert answer(house, service.unban, "sshd", "203.0.113.7") == 2
    assert [ban.address for ban in service.bans("")] == ["203.0.113.9", "192.0.2.1"]
    assert answer(house, service.unban, "", "203.0.113.0/24") == 1
    assert answer(house, service.unban, "", "203.0.113.0/24") == 0


def test_a_jail_that_is_gone_takes_its_bans_along(house, service):
    answer(house, service.ban, "sshd", PEER, 0, "")
    (house.etc / "jail.d/test.local").write_text("[sshd]\nenabled = false\n")
    service.reload()
    house.clock.pass_time()
    assert not house.firewall.rules
    with pytest.raises(NoSuchJail, match="there is no jail 'sshd'"):
        service.bans("sshd")


def test_stop_and_start_of_a_jail(house, service):
    answer(house, service.ban, "sshd", PEER, 0, "")
    assert answer(house, service.stop_jail, "sshd") == 1
    assert service.jail_status("sshd").state == "stopped"
    assert isinstance(answer(house, service.ban, "sshd", PEER, 0, ""), NoSuchJail)
    service.start_jail("sshd")
    assert answer(house, service.ban, "sshd", PEER, 0, "") is None
    with pytest.raises(NoSuchJail):
        service.start_jail("nosuch")


@pytest.fixture
def crowded(monkeypatch, house, service):
    """A service with as many bans as it takes, the last of which ends first."""
    monkeypatch.setattr(ledger, "MOST_BANS", 10)
    for number in range(10):
        answer(house, service.ban, "sshd", f"192.0.2.{number}", (20 - number) * 60 * SECOND, "")
        house.clock.pass_time(1)
    assert len(house.firewall.rules) == 10
    return service


def evicted(house):
    kinds = ("MESSAGE_ID", "JAILD_WHAT", "JAILD_COUNT")
    found = [tuple(map(fields.get, kinds)) for _, fields in house.diary.records]
    return [(what, count) for kind, what, count in found if kind == MessageId.EVICTED]


def test_of_too_many_bans_the_oldest_are_lifted_and_that_is_said(house, crowded):
    answer(house, crowded.ban, "sshd", "192.0.2.99", 60 * SECOND, "")
    assert len(house.firewall.rules) == 10
    assert ("removed", "sshd", "192.0.2.0", "there are too many bans") in house.diary.events
    assert crowded.bans("sshd")[-1].address == "192.0.2.99"
    assert evicted(house) == [("bans", "1")]


def test_what_somebody_has_banned_for_ever_goes_last(house, crowded):
    answer(house, crowded.ban, "sshd", "192.0.2.0", FOREVER, "")
    house.clock.pass_time(1)
    for number in range(90, 95):
        answer(house, crowded.ban, "sshd", f"192.0.2.{number}", 3600 * SECOND, "")
    addresses = {ban.address for ban in crowded.bans("sshd")}
    assert len(addresses) == 10
    assert "192.0.2.0" in addresses


def test_whom_denyip_lists_takes_nobodys_place(house, crowded):
    listed = " ".join(f"203.0.113.{number}" for number in range(20))
    (house.etc / "jail.d/zz.local").write_text(f"[sshd]\ndenyip = {listed}\n")
    crowded.reload()
    house.clock.pass_time(1)
    assert len(crowded.bans("sshd")) == 30
    assert evicted(house) == []
    answer(house, crowded.ban, "sshd", "192.0.2.99", 60 * SECOND, "")
    assert len(crowded.bans("sshd")) == 30
    assert evicted(house) == [("bans", "1")]


def test_a_start_compares_once_though_its_first_call_starts_the_enforcer(house, mocker):
    asked = []
    mocker.patch.object(house.firewall, "host_addresses", side_effect=asked.append)
    compared = mocker.spy(house.firewall, "sync")
    service = house.open()
    service.firewall_drifted("the enforcer has started")
    asked[0](())
    house.clock.pass_time()
    assert house.ready
    assert compared.call_count == 1
    service.firewall_drifted("user.rules has changed")
    assert compared.call_count == 2


def test_a_full_disk_does_not_stop_bans(house, service, mocker):
    mocker.patch.object(house.store, "commit", side_effect=StoreFailed("disk full"))
    found = answer(house, service.ban, "sshd", PEER, 0, "")
    assert isinstance(found, StoreFailed)
    assert house.firewall.rules == {RULE}
    mocker.stopall()
    house.clock.pass_time(3)
    assert [ban.address for ban in house.store.load().bans] == [PEER]


def test_a_jail_with_a_mistake_keeps_its_bans_and_counts(house, service):
    (house.etc / "jail.d/zz.local").write_text("[other]\nenabled = true\nfilter = sshd\n")
    service.reload()
    answer(house, service.ban, "other", PEER, 0, "")
    house.close(service)
    (house.etc / "jail.d/zz.local").write_text(
        "[other]\nenabled = true\nfilter = sshd\nmaxretry = many\n"
    )
    again = house.open()
    assert again.jail_status("other").state == "failed"
    assert "zz.local:4" in again.jail_status("other").reason
    assert [ban.address for ban in again.bans("other")] == [PEER]
    assert house.firewall.rules
    (house.etc / "jail.d/zz.local").write_text("[other]\nenabled = true\nfilter = sshd\n")
    again.reload()
    house.clock.pass_time()
    status = again.jail_status("other")
    assert (status.state, status.banned_now, status.banned_total) == ("running", 1, 1)


def test_all_jails_with_mistakes_is_no_configuration(house):
    (house.etc / "jail.local").write_text("[sshd]\nmaxretry = many\n")
    with pytest.raises(InvalidConfig, match="no jail can run"):
        house.open()
