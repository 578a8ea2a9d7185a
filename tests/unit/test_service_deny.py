# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The permanent deny list of the configuration."""

import pytest

from jaild.core.ban import FOREVER
from jaild.core.errors import AddressDenied, AddressIgnored
from tests.clockwork import House
from tests.unit.test_service import answer

DENIED = {"203.0.113.0/24", "2001:db8:bad::/48"}


def write(house, denyip, more=""):
    (house.etc / "jail.local").write_text(f"[deny]\nenabled = true\ndenyip = {denyip}\n{more}")


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path, bantime="1h", ignoreip="198.51.100.0/24")
    write(made, " ".join(DENIED))
    return made


def addresses(service, jail="deny"):
    return {ban.address for ban in service.bans(jail)}


def test_it_is_banned_for_ever_on_all_ports_without_a_record_of_each(house):
    service = house.open()
    assert addresses(service) == DENIED
    assert {ban.until for ban in service.bans("deny")} == {FOREVER}
    assert {(rule.address, rule.ports, rule.protocol) for rule in house.firewall.rules} == {
        (address, "", "any") for address in DENIED
    }
    assert [text for text, _ in house.diary.records] == [
        "[deny] denyip: 2 banned for ever, 0 lifted"
    ]
    house.close(service)
    again = house.open()
    assert addresses(again) == DENIED
    assert len(house.firewall.rules) == 2


def test_a_reload_takes_and_gives(house):
    service = house.open()
    write(house, "203.0.113.0/24, 192.0.2.66")
    service.reload()
    house.clock.pass_time()
    assert addresses(service) == {"203.0.113.0/24", "192.0.2.66"}
    assert {rule.address for rule in house.firewall.rules} == {"203.0.113.0/24", "192.0.2.66"}
    write(house, "")
    service.reload()
    house.clock.pass_time()
    assert not house.firewall.rules


def test_nobody_lifts_it_by_hand(house):
    service = house.open()
    denied = answer(house, service.unban, "", "203.0.113.7")
    assert isinstance(denied, AddressDenied)
    assert "take it out there, then reload" in str(denied)
    assert isinstance(answer(house, service.ban, "deny", "203.0.113.0/24", 0, ""), AddressDenied)
    assert answer(house, service.ban, "deny", "192.0.2.1", 0, "") is None
    assert answer(house, service.unban_all, "") == 1
    assert addresses(service) == DENIED
    assert answer(house, service.stop_jail, "deny") == 2
    assert not house.firewall.rules
    service.start_jail("deny")
    house.clock.pass_time()
    assert addresses(service) == DENIED


def test_whoever_is_spared_is_not_denied(house, caplog):
    write(house, "198.51.100.7 203.0.113.1", "ignoreip = 198.51.100.0/24\n")
    service = house.open()
    assert addresses(service) == {"203.0.113.1"}
    assert "not denied, because spared: 198.51.100.7 (ignoreip lists" in caplog.text
    assert isinstance(answer(house, service.ban, "deny", "198.51.100.7", 0, ""), AddressIgnored)


def test_nor_is_whom_another_jail_spares(house, caplog):
    write(house, "198.51.100.7 203.0.113.1")
    service = house.open()
    assert addresses(service) == {"203.0.113.1"}
    assert "198.51.100.7 (no jail may ban 198.51.100.0/24)" in caplog.text


def test_a_jail_with_a_mistake_keeps_its_list(house):
    service = house.open()
    house.close(service)
    write(house, "203.0.113.0/24", "maxretry = many\n")
    again = house.open()
    assert again.jail_status("deny").state == "failed"
    assert addresses(again) == DENIED


def test_it_is_denied_again_when_nobody_in_it_is_spared_any_more(house):
    write(house, "203.0.113.0/24 192.0.2.0/24", "ignoreip = home.example.org\n")
    house.lookup.names["home.example.org"] = ("203.0.113.9",)
    house.firewall.hosts = ("192.0.2.1",)
    service = house.open()
    assert addresses(service) == set()
    house.lookup.names["home.example.org"] = ("198.51.100.9",)
    house.firewall.hosts = ()
    service.addresses_changed()
    house.clock.pass_time(301)
    assert addresses(service) == {"203.0.113.0/24", "192.0.2.0/24"}
    assert {rule.address for rule in house.firewall.rules} == addresses(service)


def test_a_network_by_hand_is_lifted_from_around_what_is_denied(house, caplog):
    caplog.set_level("INFO")
    write(house, "203.0.113.7")
    service = house.open()
    assert answer(house, service.ban, "sshd", "203.0.113.0/24", 0, "") is None
    assert answer(house, service.ban, "deny", "203.0.113.0/24", 0, "") is None
    assert answer(house, service.unban, "", "203.0.113.0/24") == 2
    assert "inside 203.0.113.0/24 stays banned by denyip: 203.0.113.7" in caplog.text
    assert addresses(service) == {"203.0.113.7"}
    assert isinstance(answer(house, service.unban, "", "203.0.113.0/24"), AddressDenied)
    assert isinstance(answer(house, service.unban, "", "203.0.113.7"), AddressDenied)
