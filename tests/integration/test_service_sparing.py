# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whom the service spares: names that are looked up, and whom a command knows."""

import pytest

from jaild.lookup.port import LookupFailed
from tests.clockwork import House
from tests.integration.test_service_jails import PEER, failed, read_on

HOME = "192.0.2.99"


@pytest.fixture
def house(tmp_path):
    house = House(tmp_path, maxretry="2", bantime="1h", findtime="10m")
    yield house
    house.close(house.service)


def configure(house, *lines):
    (house.etc / "jail.local").write_text("[sshd]\n" + "".join(f"{line}\n" for line in lines))


def start(house):
    house.service = house.open()
    return house.service


def banned(service):
    return {ban.address for ban in service.bans("sshd")}


def rules(house):
    return {rule.address for rule in house.firewall.rules}


def texts(house):
    return [text for text, _ in house.diary.records]


# Names


def named(house):
    configure(house, "ignoreip = home.example.org")


def test_a_name_is_asked_for_in_advance_and_spares(house):
    named(house)
    house.lookup.names["home.example.org"] = (HOME,)
    service = start(house)
    read_on(house, "a", [failed(at, HOME) for at in (1, 2, 3)])
    assert not banned(service)
    (jail,) = service.explain(HOME).jails
    assert jail.ignored == f"ignoreip lists home.example.org, which is {HOME}"
    assert service.jail_status("sshd").ignored == (f"home.example.org ({HOME})",)


def test_an_address_that_a_name_gets_later_is_let_in(house):
    named(house)
    house.lookup.names["home.example.org"] = (PEER,)
    service = start(house)
    read_on(house, "a", [failed(at, HOME) for at in (1, 2)])
    assert banned(service) == {HOME}
    house.lookup.names["home.example.org"] = (HOME,)
    house.clock.pass_time(301)
    assert not banned(service)
    assert not rules(house)
    assert f"[sshd] unbanned {HOME}: ignoreip lists home.example.org" in texts(house)[-1]


def test_what_was_known_last_counts_while_names_cannot_be_looked_up(house, caplog):
    named(house)
    house.lookup.names["home.example.org"] = (HOME,)
    house.close(start(house))
    house.lookup.names["home.example.org"] = LookupFailed("no name server answers")
    service = start(house)
    read_on(house, "a", [failed(at, HOME) for at in (1, 2)])
    assert not banned(service)
    assert caplog.text.count(f"the addresses known last are spared: {HOME}") == 1
    house.clock.pass_time(60)
    assert caplog.text.count("are spared") == 1
    house.lookup.names["home.example.org"] = (PEER,)
    house.clock.pass_time(31)
    read_on(house, "b", [failed(at, HOME) for at in (100, 101)])
    assert banned(service) == {HOME}


def test_a_name_that_failed_is_asked_for_again_soon(house):
    configure(house, "ignoreip = home.example.org office.example.org")
    house.lookup.holds = True
    house.lookup.names["office.example.org"] = (PEER,)
    house.service = house.open()
    asked = []
    for second in range(0, 400, 10):
        before = len(house.lookup.asked)
        house.lookup.release()
        house.clock.pass_time(10)
        asked += [(second, *one) for one in house.lookup.asked[before:]]
    home = [second for second, name in asked if name == "home.example.org"]
    office = [second for second, name in asked if name == "office.example.org"]
    assert home[:3] == [20, 50, 80]
    assert len(office) == 1


def test_a_name_that_is_no_longer_listed_is_forgotten(house):
    named(house)
    house.lookup.names["home.example.org"] = (HOME,)
    service = start(house)
    configure(house, "ignoreip = 192.0.2.1")
    service.reload()
    house.clock.pass_time()
    asked = len(house.lookup.asked)
    house.clock.pass_time(1000)
    assert len(house.lookup.asked) == asked
    house.close(service)
    assert start(house).jail_status("sshd").ignored == ("192.0.2.1/32",)


def test_a_list_that_jails_have_in_common_is_there_once(house):
    (house.etc / "friends").write_text("192.0.2.1\n198.51.100.0/24\n")
    (house.etc / "jail.local").write_text(
        "[DEFAULT]\nignoreip = file:friends\n[sshd]\nenabled = true\n[ufw-block]\nenabled = true\n"
    )
    service = start(house)
    one, other = (service.jail_status(name).ignored for name in ("sshd", "ufw-block"))
    assert one == ("192.0.2.1/32", "198.51.100.0/24")
    assert one is other
    assert service.jail_status("sshd").ignored is one


# ignorecommand


@pytest.fixture
def asking(house):
    configure(house, "ignorecommand = /usr/local/bin/known <ip>")
    return house


def test_an_address_that_the_command_knows_is_never_banned(asking):
    asking.lookup.spared["sshd", HOME] = True
    service = start(asking)
    read_on(asking, "a", [failed(1, HOME), failed(1.5)])
    assert service.jail_status("sshd").failed_now == 1
    read_on(asking, "b", [failed(2, HOME), failed(3, HOME), failed(4)])
    assert banned(service) == {PEER}
    assert asking.lookup.asked == [("sshd", HOME), ("sshd", PEER)]
    (jail,) = service.explain(HOME).jails
    assert jail.ignored == "ignorecommand spares it"


def test_nor_by_hand(asking):
    asking.lookup.spared["sshd", HOME] = True
    service = start(asking)
    read_on(asking, "a", [failed(1, HOME)])
    refused = []
    for target in (HOME, "192.0.2.0/24"):
        service.ban("sshd", target, 0, "by hand", refused.append)
    asking.clock.pass_time()
    assert list(map(str, refused)) == [
        f"{HOME} is not banned: ignorecommand spares it",
        f"192.0.2.0/24 is not banned: ignorecommand spares {HOME}",
    ]
    assert not banned(service)


def test_a_ban_waits_for_the_answer(asking):
    asking.lookup.holds = True
    service = start(asking)
    read_on(asking, "a", [failed(1), failed(2), failed(1, HOME), failed(2, HOME)])
    assert not rules(asking)
    assert not texts(asking)
    waiting = "2 failures; it waits for ignorecommand"
    assert {ban.reason for ban in service.bans("sshd")} == {waiting}
    assert service.explain(PEER).jails[0].ban.reason == waiting
    asking.lookup.spared["sshd", HOME] = True
    asking.lookup.release()
    asking.clock.pass_time()
    assert rules(asking) == banned(service) == {PEER}
    assert {ban.reason for ban in service.bans("sshd")} == {"2 failures"}
    assert len(texts(asking)) == 1
    assert service.jail_status("sshd").banned_total == 1
    # As if there had never been a ban.
    assert service.explain(HOME).past == ()


def test_it_waits_for_seconds_not_for_ever(asking):
    asking.lookup.holds = True
    service = start(asking)
    read_on(asking, "a", [failed(1), failed(2)])
    asking.clock.pass_time(9)
    assert not rules(asking)
    asking.clock.pass_time(2)
    assert rules(asking) == {PEER}
    # The answer comes after all.
    asking.lookup.spared["sshd", PEER] = True
    asking.lookup.release()
    asking.clock.pass_time()
    assert not rules(asking)
    assert f"[sshd] unbanned {PEER}: ignorecommand spares it" in texts(asking)
    assert not banned(service)


def test_a_network_that_waited_takes_the_place_of_its_addresses(house):
    configure(house, "ignorecommand = /usr/local/bin/known <ip>", "ban.aggregate = 3")
    house.lookup.holds = True
    service = start(house)
    for n in (1, 2, 3):
        read_on(house, f"a{n}", [failed(20 * n + t, f"198.51.100.{n}") for t in (1, 2)])
        house.lookup.release()
        house.clock.pass_time()
    assert rules(house) == banned(service) == {"198.51.100.0/24"}


def test_a_ban_that_waits_survives_a_crash_and_comes_into_force(asking):
    asking.lookup.holds = True
    start(asking)
    read_on(asking, "a", [failed(1), failed(2)])
    asking.store.close()
    service = start(asking)
    assert rules(asking) == banned(service) == {PEER}


@pytest.mark.parametrize("again", [False, True])
def test_jails_that_look_at_bans_hear_of_it_all_the_same(asking, again):
    (asking.etc / "jail.d/recidive.local").write_text("[recidive]\nenabled = true\nmaxretry = 2\n")
    asking.lookup.holds = True
    service = start(asking)
    read_on(asking, "a", [failed(1), failed(2)])
    assert service.jail_status("recidive").failed_now == 0
    asking.store.close()
    service = start(asking)
    if again:
        asking.store.close()
        service = start(asking)
    assert service.jail_status("recidive").failed_now == 1


def test_a_reload_in_between_changes_nothing(asking):
    asking.lookup.holds = True
    service = start(asking)
    read_on(asking, "a", [failed(1), failed(2)])
    service.reload()
    asking.clock.pass_time()
    assert not rules(asking)
    asking.lookup.release()
    asking.clock.pass_time()
    assert rules(asking) == {PEER}


def test_a_command_that_fails_spares_nobody_and_is_said_once(asking, caplog):
    problem = LookupFailed("/usr/local/bin/known: no such file")
    asking.lookup.spared.update({("sshd", PEER): problem, ("sshd", HOME): problem})
    service = start(asking)
    read_on(asking, "a", [failed(1), failed(2), failed(1, HOME), failed(2, HOME)])
    assert banned(service) == {PEER, HOME}
    assert caplog.text.count("ignorecommand spares nobody: /usr/local/bin/known: no such") == 1


def test_whom_it_spares_is_let_in_once_it_answers(asking):
    asking.lookup.spared["sshd", HOME] = LookupFailed("jaild-lookup.service does not answer")
    service = start(asking)
    read_on(asking, "a", [failed(1, HOME), failed(2, HOME)])
    assert banned(service) == {HOME}
    asking.lookup.spared["sshd", HOME] = True
    asking.clock.pass_time(31)
    assert not banned(service)
    assert f"[sshd] unbanned {HOME}: ignorecommand spares it" in texts(asking)


def test_whom_it_spares_is_not_shut_out_with_neighbours(house):
    configure(house, "ignorecommand = /usr/local/bin/known <ip>", "ban.aggregate = 2")
    friends = ("2001:db8:1:2::8", "198.51.100.50")
    house.lookup.spared.update({("sshd", friend): True for friend in friends})
    service = start(house)
    read_on(house, "a", [failed(1, friends[0]), failed(2, friends[1])])
    foes = {"2001:db8:1:2::bad", "198.51.100.1", "198.51.100.2"}
    read_on(house, "b", [failed(20 + t, foe) for foe in sorted(foes) for t in (1, 2)])
    assert banned(service) == foes
    # What the command has said is no longer known; it is not asked about every neighbour.
    house.clock.pass_time(301)
    read_on(house, "c", [failed(400 + t, "2001:db8:1:2::bad:2") for t in (1, 2)])
    assert banned(service) == {"2001:db8:1::/48", "198.51.100.1", "198.51.100.2"}


def test_a_command_that_was_mended_is_asked_at_once(asking):
    asking.lookup.spared["sshd", HOME] = LookupFailed("/usr/local/bin/known cannot be started")
    service = start(asking)
    read_on(asking, "a", [failed(1, HOME), failed(2, HOME)])
    configure(asking, "ignorecommand = /usr/bin/known <ip>")
    asking.lookup.spared["sshd", HOME] = True
    service.reload()
    asking.clock.pass_time()
    assert not banned(service)


@pytest.mark.parametrize("address", [HOME, "2001:db8:1:2::/64"])
def test_a_ban_that_waited_is_asked_about_after_a_restart(asking, address):
    asking.lookup.holds = True
    service = start(asking)
    read_on(asking, "a", [failed(at, address.removesuffix("/64")) for at in (1, 2)])
    asking.close(service)
    asking.lookup.holds = False
    asking.lookup.spared["sshd", address] = True
    service = start(asking)
    asking.clock.pass_time(5)
    assert not banned(service)
    assert not rules(asking)


def test_answers_are_remembered_for_a_while(asking):
    service = start(asking)
    read_on(asking, "a", [failed(1)])
    read_on(asking, "b", [failed(3)])
    assert len(asking.lookup.asked) == 1
    service.unban("sshd", PEER, lambda _count: None)
    asking.clock.pass_time(301)
    read_on(asking, "c", [failed(400)])
    assert len(asking.lookup.asked) == 2
