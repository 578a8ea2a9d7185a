# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

from jaild.core.address import Address
from jaild.core.ban import FOREVER, Ban
from jaild.core.prefix import Aggregate
from jaild.core.roster import Roster


def ban(address, until=100, jail="sshd"):
    return Ban(jail, Address(address), 0, until, 5, "test")


def test_bans_end_in_the_order_of_their_ends():
    roster = Roster([ban("192.0.2.1", 30), ban("192.0.2.2", 10), ban("192.0.2.3", FOREVER)])
    assert roster.next_end() == 10
    assert [b.address for b in roster.expire(9)] == []
    assert [b.address for b in roster.expire(30)] == ["192.0.2.2", "192.0.2.1"]
    assert roster.next_end() is None
    assert len(roster) == 1


def test_a_second_ban_replaces_the_first():
    roster = Roster([ban("192.0.2.1", 10)])
    roster.add(ban("192.0.2.1", 50))
    assert roster.expire(10) == []
    assert roster.next_end() == 50
    assert roster.count("sshd") == 1


def test_a_lifted_ban_never_ends_again():
    roster = Roster([ban("192.0.2.1", 10)])
    assert roster.lift("sshd", Address("192.0.2.1")) is not None
    assert roster.lift("sshd", Address("192.0.2.1")) is None
    assert roster.next_end() is None


def test_a_network_holds_its_hosts():
    roster = Roster([ban("192.0.2.0/24"), ban("2001:db8::/64")])
    assert roster.holds("sshd", Address("192.0.2.9"), 0)
    assert roster.holds("sshd", Address("2001:db8::1"), 0)
    assert not roster.holds("sshd", Address("192.0.3.9"), 0)
    assert not roster.holds("web", Address("192.0.2.9"), 0)
    roster.lift("sshd", Address("192.0.2.0/24"))
    assert not roster.holds("sshd", Address("192.0.2.9"), 0)


def test_entries_that_come_late_find_the_ban_of_their_time():
    roster = Roster([Ban("sshd", Address("192.0.2.1"), 10, 20, 5, "")])
    assert not roster.holds("sshd", Address("192.0.2.1"), 20)
    roster.expire(50)
    roster.past("sshd", Address("192.0.2.2"), 30)
    assert roster.holds("sshd", Address("192.0.2.1"), 19)
    assert not roster.holds("sshd", Address("192.0.2.1"), 20)
    assert roster.holds("sshd", Address("192.0.2.2"), 29)
    roster.overtake(25)
    assert not roster.holds("sshd", Address("192.0.2.1"), 19)
    assert roster.holds("sshd", Address("192.0.2.2"), 29)


def test_a_ban_lifted_by_hand_is_no_ban_of_its_time():
    roster = Roster([Ban("sshd", Address("192.0.2.1"), 10, 20, 5, "")])
    roster.lift("sshd", Address("192.0.2.1"))
    assert not roster.holds("sshd", Address("192.0.2.1"), 15)


def test_networks_come_and_go_one_by_one():
    roster = Roster([ban("2001:db8::/64"), ban("2001:db8:0:1::/64"), ban("192.0.2.0/24")])
    roster.lift("sshd", Address("2001:db8::/64"))
    assert not roster.holds("sshd", Address("2001:db8::1"), 0)
    assert roster.holds("sshd", Address("2001:db8:0:1::1"), 0)
    assert roster.holds("sshd", Address("192.0.2.9"), 0)


def overlapping(roster, address):
    return [one.address for one in roster.overlapping("sshd", Address(address))]


def test_what_shuts_an_address_out_and_what_lies_in_a_network():
    roster = Roster([ban("192.0.2.7"), ban("192.0.2.0/24"), ban("192.0.2.8"), ban("192.0.3.0/24")])
    assert overlapping(roster, "192.0.2.7") == ["192.0.2.7", "192.0.2.0/24"]
    assert overlapping(roster, "192.0.2.9") == ["192.0.2.0/24"]
    assert overlapping(roster, "192.0.2.0/29") == ["192.0.2.7", "192.0.2.0/24"]
    assert overlapping(roster, "192.0.2.0/23") == [
        "192.0.2.7",
        "192.0.2.0/24",
        "192.0.2.8",
        "192.0.3.0/24",
    ]
    assert overlapping(roster, "198.51.100.1") == []
    assert roster.overlapping("web", Address("192.0.2.7")) == []


def neighbours(roster, time=0):
    return roster.neighbours("sshd", Address("192.0.2.0/24"), time)


def test_neighbours_are_counted_as_long_as_they_were_banned():
    roster = Roster([ban("192.0.2.1", 10), ban("192.0.2.2", 20), ban("192.0.3.1", 20)])
    assert neighbours(roster) == set()
    roster.gather("sshd", Aggregate(2))
    assert neighbours(roster) == {"192.0.2.1", "192.0.2.2"}
    assert neighbours(roster, 10) == {"192.0.2.2"}
    roster.expire(10)
    # Entries from before its end may still be read.
    assert neighbours(roster, 9) == {"192.0.2.1", "192.0.2.2"}
    roster.overtake(10)
    assert neighbours(roster, 9) == {"192.0.2.2"}
    roster.lift("sshd", Address("192.0.2.2"))
    assert neighbours(roster) == set()
    roster.past("sshd", Address("192.0.2.3"), 30)
    roster.gather("sshd", Aggregate(3))
    assert neighbours(roster, 29) == {"192.0.2.3"}
    roster.gather("sshd", None)
    assert neighbours(roster, 29) == set()


def held(roster, address, time):
    return roster.holds("sshd", Address(address), time)


def test_a_network_that_was_banned_held_its_addresses_until_the_end_and_no_longer():
    roster = Roster([ban("2001:db8:7::/64", 10), ban("192.0.2.0/24", 20), ban("192.0.0.0/16", 30)])
    # An entry may be read before the service has noticed that a ban is over, or long after.
    for _ in range(2):
        assert held(roster, "2001:db8:7::1", 9)
        assert not held(roster, "2001:db8:7::1", 10)
        assert held(roster, "192.0.2.1", 29)
        assert not held(roster, "192.0.2.1", 30)
        roster.expire(50)
    roster.overtake(10)
    assert not held(roster, "2001:db8:7::1", 9)
    assert held(roster, "192.0.2.1", 19)
    roster.overtake(50)
    assert not held(roster, "192.0.2.1", 19)
