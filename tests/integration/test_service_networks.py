# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Failures counted of networks, and networks banned in place of their addresses."""

import pytest

from jaild.core.errors import FirewallFailed
from jaild.enforce.memory import Memory
from jaild.enforce.veto import Veto
from jaild.service.limit import Limit
from jaild.service.replay import Audience, Replay
from tests.clockwork import House
from tests.integration.test_service_jails import failed, read_on

V6 = "2001:db8:1:2::"


@pytest.fixture
def house(tmp_path):
    house = House(tmp_path, maxretry="3", bantime="1h", findtime="10m")
    yield house
    house.close(house.service)


def configure(house, **options):
    lines = "".join(f"{name.replace('__', '.')} = {text}\n" for name, text in options.items())
    (house.etc / "jail.d/z.local").write_text(f"[sshd]\n{lines}")


def start(house):
    house.service = house.open()
    return house.service


def banned(service):
    return {ban.address for ban in service.bans("sshd")}


def attack(*addresses, at=0.0, tries=1):
    return [failed(at + n + t / 10, each) for n, each in enumerate(addresses) for t in range(tries)]


def test_hosts_of_one_64_count_together_and_are_banned_together(house):
    service = start(house)
    read_on(house, "a", attack(V6 + "1", V6 + "2", "2001:db8:1:3::1", V6 + "ffff:1"))
    assert banned(service) == {V6 + "/64"}
    assert {rule.address for rule in house.firewall.rules} == {V6 + "/64"}
    # Late news of the same attack.
    read_on(house, "b", attack(V6 + "7", at=20, tries=3))
    assert banned(service) == {V6 + "/64"}
    assert service.jail_status("sshd").failed_total == 4


def test_hosts_of_ipv4_count_alone_unless_told_otherwise(house):
    service = start(house)
    read_on(house, "a", attack("192.0.2.1", "192.0.2.2", "192.0.2.3"))
    assert not banned(service)
    configure(house, ban__prefix4="24", ban__prefix6="128")
    service.reload()
    # What has been counted of its addresses counts against the network now, also after a restart.
    house.close(service)
    service = start(house)
    read_on(house, "b", attack("192.0.2.4", V6 + "1", V6 + "2", V6 + "3", at=20))
    assert banned(service) == {"192.0.2.0/24"}
    assert service.jail_status("sshd").failed_now == 3


def test_a_network_with_somebody_spared_in_it_is_not_banned(house):
    house.firewall.hosts = (V6 + "aa",)
    service = start(house)
    read_on(house, "a", attack(V6 + "1", V6 + "2", V6 + "3", V6 + "aa", V6 + "aa", V6 + "aa"))
    assert not banned(service)
    read_on(house, "b", attack(V6 + "1", at=20, tries=2))
    assert banned(service) == {V6 + "1"}


class Wary(Memory):
    """A firewall with the enforcer's veto."""

    def __init__(self, house):
        super().__init__()
        self._house = house

    def _become(self, wanted, done):
        veto = Veto(self._house.load().ignored, self.hosts)
        self.refuses = {r.address: why for r in wanted if (why := veto.reason(r.address))}
        super()._become(wanted, done)


def spare_elsewhere(house, address):
    house.firewall = Wary(house)
    lines = f"[nginx-http-auth]\nenabled = true\nignoreip = {address}\n"
    (house.etc / "jail.d/y.local").write_text(lines)


def test_a_network_with_somebody_that_another_jail_spares_is_not_banned(house):
    spare_elsewhere(house, V6 + "8")
    service = start(house)
    read_on(house, "a", attack(V6 + "1", tries=3))
    assert banned(service) == {V6 + "1"}
    assert {rule.address for rule in house.firewall.rules} == banned(service)


def test_nor_are_addresses_drawn_together_around_him(house):
    spare_elsewhere(house, "198.51.100.50")
    configure(house, ban__aggregate="3")
    service = start(house)
    single = {"198.51.100.1", "198.51.100.2", "198.51.100.3"}
    read_on(house, "a", attack(*sorted(single), tries=3))
    assert banned(service) == single
    assert {rule.address for rule in house.firewall.rules} == single


def test_nor_one_with_an_address_of_the_host_that_may_be_banned_itself(house):
    configure(house, ignoreself="false")
    house.firewall.hosts = (V6 + "aa",)
    service = start(house)
    read_on(house, "a", attack(V6 + "1", tries=3))
    assert banned(service) == {V6 + "1"}


def test_a_reload_that_spares_somebody_in_another_jail_lifts_his_network(house):
    service = start(house)
    read_on(house, "a", attack(V6 + "1", tries=3))
    assert banned(service) == {V6 + "/64"}
    spare_elsewhere(house, V6 + "8")
    service.reload()
    house.clock.pass_time()
    assert not banned(service)
    out = []
    service.ban("sshd", V6 + "/64", 0, "", out.append)
    house.clock.pass_time()
    assert str(out[0]) == f"{V6}/64 is not banned: no jail may ban {V6}8"


def test_addresses_stay_banned_until_the_firewall_has_taken_their_network(house):
    configure(house, ban__aggregate="2")
    service = start(house)
    read_on(house, "a", attack("192.0.2.1", tries=3))
    house.firewall.refuses = {"192.0.2.0/24": "somebody is in it"}
    read_on(house, "b", attack("192.0.2.2", at=20, tries=3))
    assert banned(service) == {"192.0.2.1"}
    house.firewall.refuses = {}
    house.firewall.failure = FirewallFailed("ufw is on fire")
    read_on(house, "c", attack("192.0.2.2", at=40, tries=3))
    assert banned(service) == {"192.0.2.1", "192.0.2.0/24"}
    house.firewall.failure = None
    read_on(house, "d", attack("198.51.100.1", at=60, tries=3))
    assert banned(service) == {"192.0.2.0/24", "198.51.100.1"}


def test_what_was_asked_for_stays_beside_the_ban_of_its_network(house):
    configure(house, ban__aggregate="3", bantime="-1", denyip="192.0.2.66")
    service = start(house)
    service.ban("sshd", "192.0.2.77", 0, "by hand", lambda _error: None)
    read_on(house, "a", attack("192.0.2.1", tries=3))
    assert banned(service) == {"192.0.2.0/24", "192.0.2.66", "192.0.2.77"}
    assert {rule.address for rule in house.firewall.rules} == banned(service)


def test_a_ban_that_was_refused_is_no_offence_and_not_heard_of(house):
    configure(house, bantime__increment="true")
    with (house.etc / "jail.d/z.local").open("a") as file:
        file.write("[recidive]\nenabled = true\nmaxretry = 3\n")
    service = start(house)
    read_on(house, "0", attack("192.0.2.50", at=-20, tries=3))
    service.unban("", "192.0.2.50", lambda _count: None)
    house.firewall.refuses = {"192.0.2.50": "it is in ignoreip of /etc/jaild"}
    for n in range(3):
        read_on(house, f"a{n}", attack("192.0.2.50", at=10 * n, tries=3))

    def standing():
        sshd, recidive = service.explain("192.0.2.50").jails
        return sshd.offences, len(recidive.failures), banned(service)

    assert standing() == (1, 1, set())
    house.close(service)
    service = start(house)
    assert standing() == (1, 1, set())


def test_what_counted_of_addresses_counts_of_their_network_once_it_may_be_banned(house):
    house.firewall.hosts = (V6 + "aa",)
    service = start(house)
    read_on(house, "a", attack(V6 + "1", V6 + "2"))
    house.firewall.hosts = ()
    service.addresses_changed()
    read_on(house, "b", attack(V6 + "3", at=20))
    assert banned(service) == {V6 + "/64"}


def test_enough_banned_addresses_get_their_network_banned(house):
    configure(house, ban__aggregate="3")
    service = start(house)
    read_on(house, "a", attack("192.0.2.1", "192.0.2.2", "198.51.100.1", tries=3))
    assert banned(service) == {"192.0.2.1", "192.0.2.2", "198.51.100.1"}
    read_on(house, "b", attack("192.0.2.3", at=30, tries=3))
    assert banned(service) == {"192.0.2.0/24", "198.51.100.1"}
    assert {rule.address for rule in house.firewall.rules} == banned(service)
    ban = next(ban for ban in service.bans("sshd") if "/" in ban.address)
    assert ban.reason == "3 of its addresses were banned, the last for 3 failures"
    assert len(ban.evidence) == 3
    removed = [event for event in house.diary.events if event[0] == "removed"]
    assert {event[3] for event in removed} == {"its network 192.0.2.0/24 is banned"}
    # After it has ended its addresses begin anew.
    house.clock.pass_time(3700)
    read_on(house, "c", attack("192.0.2.1", at=3800, tries=3))
    assert "192.0.2.1" in banned(service)


def test_a_48_of_many_banned_64s_is_banned_also_over_a_restart(house):
    configure(house, ban__aggregate="3")
    service = start(house)
    read_on(house, "a", attack("2001:db8:1:1::1", "2001:db8:1:2::1", tries=3))
    assert banned(service) == {"2001:db8:1:1::/64", "2001:db8:1:2::/64"}
    house.close(service)
    service = start(house)
    read_on(house, "b", attack("2001:db8:1:3::1", at=20, tries=3))
    assert {rule.address for rule in house.firewall.rules} == banned(service) == {"2001:db8:1::/48"}


def test_a_reload_draws_together_what_is_banned_already(house):
    service = start(house)
    read_on(house, "a", attack("192.0.2.1", "192.0.2.2", tries=3))
    configure(house, ban__aggregate="3")
    service.reload()
    read_on(house, "b", attack("192.0.2.3", at=20, tries=3))
    assert banned(service) == {"192.0.2.0/24"}


def test_a_network_that_touches_ignoreip_is_not_drawn_together(house):
    configure(house, ban__aggregate="2", ignoreip="192.0.2.200")
    service = start(house)
    read_on(house, "a", attack("192.0.2.1", "192.0.2.2", tries=3))
    assert banned(service) == {"192.0.2.1", "192.0.2.2"}


def test_recidive_hears_of_networks(house):
    configure(house, bantime="60")
    with (house.etc / "jail.d/z.local").open("a") as file:
        file.write("[recidive]\nenabled = true\nmaxretry = 2\n")
    service = start(house)
    for n in range(2):
        read_on(house, f"a{n}", attack(f"{V6}{n + 1}", at=100 * n, tries=3))
    assert [ban.address for ban in service.bans("recidive")] == [V6 + "/64"]
    rules = {rule.address for rule in house.firewall.rules if rule.jail == "recidive"}
    assert rules == {V6 + "/64"}


def test_only_bans_at_the_same_time_are_neighbours(house):
    configure(house, ban__aggregate="2", bantime="60")
    service = start(house)
    read_on(house, "a", attack("192.0.2.1", tries=3))
    read_on(house, "b", attack("192.0.2.2", at=100, tries=3))
    assert banned(service) == {"192.0.2.2"}


def test_replay_comes_to_the_same_bans(house):
    configure(house, ban__aggregate="2")
    entries = attack("192.0.2.1", "192.0.2.2", V6 + "1", V6 + "2", V6 + "3", tries=3)
    service = start(house)
    read_on(house, "a", entries)
    found = []
    audience = Audience(lambda _jail, event, _entry: found.append(event.ban), lambda _guard: None)
    jails = [jail for jail in house.load().jails if jail.name == "sshd"]
    replay = Replay(jails, Limit(), lambda: "", audience)
    replay.run(entries)
    assert [(ban.address, ban.since, ban.until) for ban in found if ban] == [
        ("192.0.2.1", entries[2].time, entries[2].time + 3_600_000_000),
        ("192.0.2.0/24", entries[5].time, entries[5].time + 3_600_000_000),
        (V6 + "/64", entries[8].time, entries[8].time + 3_600_000_000),
    ]
    assert banned(service) == {"192.0.2.0/24", V6 + "/64"}
