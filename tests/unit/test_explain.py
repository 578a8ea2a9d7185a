# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why an address is banned, and why it is not: the service's word."""

import pytest

from jaild.core.address import covering
from jaild.core.ban import FOREVER, Ban
from jaild.core.errors import FirewallFailed, InvalidAddress, StoreFailed
from jaild.core.tally import Failure
from tests.clockwork import House
from tests.verbs import SECOND

PEER = "192.0.2.7"
MINUTE = 60 * SECOND


@pytest.fixture
def house(tmp_path):
    return House(tmp_path, bantime="1h", findtime="10m", maxretry="5", ignoreip="198.51.100.0/24")


@pytest.fixture
def service(house):
    return house.open()


def fail(house, service, *minutes, jail="sshd", address=PEER):
    """Let an address have failed some minutes ago."""
    for ago in minutes:
        failure = Failure(house.clock.now() - ago * MINUTE, f"s=1;i={ago}")
        guarding = service._jails.find(jail).jail
        guarding.tally.add(guarding.unit(address), failure)


def ban(house, service, address=PEER, duration=0, reason="by hand"):
    service.ban("sshd", address, duration, reason, lambda _: None)
    house.clock.pass_time(0.1)


def unban(house, service, address=PEER):
    service.unban("sshd", address, lambda _: None)
    house.clock.pass_time(0.1)


def only(explanation):
    (standing,) = explanation.jails
    return standing


def test_of_a_stranger_nothing_is_known(service):
    explanation = service.explain(PEER)
    standing = only(explanation)
    assert (explanation.address, explanation.ignored, explanation.past) == (PEER, "", ())
    assert (standing.name, standing.maxretry, standing.findtime) == ("sshd", 5, 10 * MINUTE)
    assert (standing.failures, standing.ends, standing.ban) == ((), None, None)
    assert standing.why == "no failures in the last 10m"
    assert (standing.offences, standing.next_ban) == (None, None)


def test_failures_that_count(house, service):
    fail(house, service, 12, 6, 2)
    standing = only(service.explain(PEER))
    assert [failure.cursor for failure in standing.failures] == ["s=1;i=6", "s=1;i=2"]
    assert standing.ends == house.clock.now() + 4 * MINUTE
    assert standing.why == "2 of 5 failures; the first stops counting in 4m"
    house.clock.time += 4 * MINUTE
    assert only(service.explain(PEER)).why == "1 of 5 failures; the first stops counting in 4m"
    house.clock.time += 4 * MINUTE
    assert only(service.explain(PEER)).why == "no failures in the last 10m"


def test_an_address_in_any_spelling(service):
    assert service.explain("::ffff:192.0.2.7").address == PEER
    assert service.explain("2001:DB8::0:7/64").address == "2001:db8::/64"
    for text in ("example.org", "0.0.0.0/0", ""):
        with pytest.raises(InvalidAddress):
            service.explain(text)


@pytest.mark.parametrize("address", ["198.51.100.9", "198.51.0.0/16"])
def test_the_rule_that_spares(service, address):
    explanation = service.explain(address)
    assert explanation.ignored == "ignoreip lists 198.51.100.0/24"
    assert only(explanation).why == explanation.ignored


def test_rules_that_differ_by_jail(house):
    (house.etc / "jail.d/zz.local").write_text(
        "[other]\nenabled = true\nfilter = sshd\nignoreip = 203.0.113.0/24\n"
    )
    explanation = house.open().explain("203.0.113.9")
    assert explanation.ignored == ""
    assert [standing.ignored for standing in explanation.jails] == [
        "",
        "ignoreip lists 203.0.113.0/24",
    ]


def test_a_ban_in_force(house, service):
    ban(house, service, reason="scanner")
    standing = only(service.explain(PEER))
    assert (standing.why, standing.ban.reason) == ("", "scanner")
    assert standing.ban == service.bans("sshd")[0]


def test_a_ban_of_the_whole_network(house, service):
    ban(house, service, "192.0.2.0/24", FOREVER)
    ban(house, service)
    standing = only(service.explain(PEER))
    assert standing.ban.address == "192.0.2.0/24"
    assert standing.inside == 0
    network = only(service.explain("192.0.2.0/24"))
    assert (network.ban.address, network.inside) == ("192.0.2.0/24", 1)


def test_a_network_of_which_parts_are_banned(house, service):
    ban(house, service)
    ban(house, service, "192.0.3.7")
    standing = only(service.explain("192.0.2.0/24"))
    assert (standing.ban, standing.inside) == (None, 1)
    assert standing.why == "failures are counted of single addresses, not of networks"


def test_what_counts_against_the_network_counts_against_each_address_in_it(house, service):
    fail(house, service, 6, address="2001:db8::7")
    fail(house, service, 2, address="2001:db8::ffff:8")
    for address in ("2001:db8::7", "2001:db8::9", "2001:db8::/64"):
        standing = only(service.explain(address))
        assert standing.unit == "2001:db8::/64"
        assert [failure.cursor for failure in standing.failures] == ["s=1;i=6", "s=1;i=2"]
        assert standing.why == "2 of 5 failures; the first stops counting in 4m"
    assert only(service.explain("2001:db8:0:1::7")).failures == ()
    assert only(service.explain("2001:db8:0:1::/64")).why == "no failures in the last 10m"
    wider = only(service.explain("2001:db8::/48"))
    assert (wider.unit, wider.failures) == ("2001:db8::/48", ())
    assert wider.why == "failures are counted of each /64, not of wider networks"


def test_a_network_that_holds_somebody_spared_does_not_stand_for_its_addresses(tmp_path):
    house = House(tmp_path, ignoreip="2001:db8::1")
    service = house.open()
    fail(house, service, 2, address="2001:db8::7")
    assert only(service.explain("2001:db8::7")).unit == "2001:db8::7"
    assert len(only(service.explain("2001:db8::7")).failures) == 1
    assert only(service.explain("2001:db8::1")).why == "ignoreip lists 2001:db8::1/128"
    assert only(service.explain("2001:db8::/64")).why == "ignoreip lists 2001:db8::1/128"


def test_whom_a_command_spares(house, service):
    class Answers:
        def answer(self, address):
            return "ignorecommand spares it" if address == PEER else ""

    service._jails.find("sshd").jail.questions = Answers()
    explanation = service.explain(PEER)
    assert explanation.ignored == "ignorecommand spares it"
    assert only(explanation).why == "ignorecommand spares it"
    assert service.explain("192.0.2.8").ignored == ""


def test_bans_that_are_not_in_force(house, service):
    house.firewall.failure = FirewallFailed("ufw is not installed")
    ban(house, service)
    assert service.explain(PEER).problem == "ufw is not installed"


def test_past_bans_newest_first(house, service):
    for _ in range(2):
        ban(house, service, duration=60 * SECOND)
        house.clock.pass_time(61)
    ban(house, service, "192.0.2.0/24")
    unban(house, service, "192.0.2.0/24")
    ban(house, service, "192.0.2.8")
    unban(house, service, "192.0.2.8")
    past = service.explain(PEER).past
    assert [(ended.address, how) for ended, how in past] == [
        ("192.0.2.0/24", "unbanned by hand"),
        (PEER, "its time is over"),
        (PEER, "its time is over"),
    ]
    assert past[1][0].since > past[2][0].since


def test_at_most_twenty_past_bans(house, service):
    for _ in range(22):
        ban(house, service)
        unban(house, service)
    past = service.explain(PEER).past
    assert len(past) == 20
    assert past[0][0].since == max(ended.since for ended, _ in past)


def test_what_has_ended_and_is_not_saved_yet(house, service, mocker):
    ban(house, service)
    mocker.patch.object(house.store, "commit", side_effect=StoreFailed("disk full"))
    unban(house, service)
    assert [how for _, how in service.explain(PEER).past] == ["unbanned by hand"]


def test_a_ban_that_was_over_before_it_could_begin(house, service):
    now = house.clock.now()
    service._ledger.past(Ban("sshd", PEER, now - 2, now - 1, 5, "5 failures"))
    assert [how for _, how in service.explain(PEER).past] == ["it was over before jaild read of it"]


def test_a_store_that_cannot_be_read_is_said(house, service):
    house.store._db.execute("DROP TABLE history")
    with pytest.raises(StoreFailed, match="cannot be read"):
        service.explain(PEER)


def test_a_jail_that_does_not_run(house, service):
    service.stop_jail("sshd", lambda _: None)
    standing = only(service.explain(PEER))
    assert (standing.state, standing.why) == (
        "stopped",
        "the jail does not run: stopped by hand",
    )
    assert service.explain("198.51.100.9").ignored == "ignoreip lists 198.51.100.0/24"


def test_a_jail_with_a_mistake(house, service):
    (house.etc / "jail.d/zz.local").write_text(
        "[other]\nenabled = true\nfilter = sshd\nmaxretry = many\n"
    )
    house.close(service)
    other = house.open().explain(PEER).jails[1]
    assert (other.state, other.maxretry) == ("failed", 0)
    assert "zz.local:4" in other.why
    spared = "ignoreip lists 198.51.100.0/24"
    assert house.open().explain("198.51.100.9").ignored == spared


def test_a_jail_that_looks_at_nothing(house):
    (house.etc / "jail.d/zz.local").write_text(
        "[manual]\nenabled = true\nfilter = none\ndenyip = 203.0.113.0/24\n"
    )
    service = house.open()
    assert service.explain(PEER).jails[1].why == (
        "the jail looks at nothing; it has bans by hand and what denyip lists"
    )
    denied = service.explain("203.0.113.9").jails[1].ban
    assert (denied.address, denied.until) == ("203.0.113.0/24", FOREVER)


def test_what_makes_the_next_ban_longer(tmp_path):
    house = House(
        tmp_path,
        bantime="1h",
        maxretry="4",
        **{"bantime.increment": "true", "bantime.weigh": "true"},
    )
    service = house.open()
    assert only(service.explain(PEER)).offences == 0
    assert only(service.explain(PEER)).next_ban == 60 * MINUTE
    service._memory._offences.note("sshd", PEER, house.clock.now() - 50 * MINUTE)
    fail(house, service, 1)
    standing = only(service.explain(PEER))
    assert (standing.offences, standing.next_ban) == (1, 120 * MINUTE)
    assert standing.why.startswith("1 of 4 failures, counted 2 times each; the first stops")


def test_bans_are_counted_by_jails_that_hear_of_bans(house):
    (house.etc / "jail.d/zz.local").write_text("[recidive]\nenabled = true\n")
    service = house.open()
    assert service.explain(PEER).jails[1].why.startswith("no bans in the last ")


def test_networks_that_hold_an_address():
    assert covering("192.0.2.7")[:3] == ["192.0.2.7", "192.0.2.6/31", "192.0.2.4/30"]
    assert covering("192.0.2.7")[-1] == "192.0.0.0/8"
    assert covering("2001:db8::/64")[0] == "2001:db8::/64"
    assert covering("2001:db8::7")[-1] == "2001:db8::/32"
    assert len(covering("2001:db8::7")) == 97
