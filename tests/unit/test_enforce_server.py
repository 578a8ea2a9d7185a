# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The enforcer's side of the border: who may call, and with what."""

from ipaddress import ip_network

import pytest

pytest.importorskip("gi")

from jaild.core.address import Address
from jaild.core.errors import FirewallFailed, JaildError, NoSuchJail, NotAuthorized
from jaild.core.rule import InvalidRule, Rule
from jaild.dbus.publish import Caller
from jaild.enforce import bus_names, server
from jaild.enforce.engine import Condition, Result
from jaild.enforce.kinds import pack
from jaild.enforce.lock import Busy
from jaild.enforce.port import Outcome, Refusal
from jaild.enforce.server import Enforcer
from jaild.enforce.veto import Veto

ATTACKER = ("sshd", "198.51.100.7", "22", "tcp", "reject")


def kind(value):
    """One rule as it is sent."""
    jail, address, *rest = value
    return (jail, *rest, [address])


class Engine:
    def __init__(self):
        self.calls = []
        self.failure = None
        self.refused = ()

    def apply(self, add, drop):
        return self._done("apply", add, drop)

    def sync(self, rules):
        return self._done("sync", rules, [])

    def present(self):
        if self.failure:
            raise self.failure
        return [Rule(*ATTACKER)]

    def _done(self, name, add, drop):
        if self.failure:
            raise self.failure
        self.calls.append((name, add, drop))
        outcome = Outcome("active", self.refused, added=len(add), dropped=len(drop))
        return Result(outcome, tuple(add), Condition("active", 1))


class Answer:
    """Takes the place of the bus's answer to a call."""

    def __init__(self, deferred):
        self.sent = []
        deferred.bind(self)

    def values(self, values):
        self.sent.append(values)

    def error(self, error):
        self.sent.append(error)


class Room:
    def __init__(self):
        self.engine = Engine()
        self.uids = {":1.1": 0, ":1.2": 110, ":1.3": 1000}
        self.results = []
        veto = Veto([ip_network("10.0.0.0/8")], [Address("192.0.2.1")])
        self.enforcer = Enforcer(
            self.engine,
            veto,
            lambda: (Address("192.0.2.1"),),
            self.identify,
            {0, 110},
            self.results.append,
        )

    def identify(self, sender, done):
        done(self.uids.get(sender) if sender in self.uids else NoSuchJail("gone"))

    def call(self, name, *arguments, sender=":1.2"):
        sent = [[kind(value) for value in values] for values in arguments]
        deferred = getattr(self.enforcer, name)(*sent, caller=Caller(sender))
        (answer,) = Answer(deferred).sent
        return answer


@pytest.fixture
def room():
    return Room()


def test_a_change_is_carried_out_and_told(room):
    other = ("sshd", "198.51.100.8", "22", "tcp", "reject")
    assert room.call("Apply", [ATTACKER], [other]) == ("active", [], "")
    ((name, add, drop),) = room.engine.calls
    assert (name, add, drop) == ("apply", [Rule(*ATTACKER)], [Rule(*other)])
    assert room.results[0].new == (Rule(*ATTACKER),)


def test_the_whole_roster(room):
    refusal = Refusal("sshd", Address("2001:db8::1"), "IPv6 is off")
    room.engine.refused = (refusal,)
    assert room.call("Sync", [ATTACKER]) == ("active", 1, 0, [refusal], "")


def test_the_rules_that_there_are(room):
    assert room.call("Rules") == ([kind(ATTACKER)],)
    room.engine.failure = Busy("ufw is at work")
    assert type(room.call("Rules")) is FirewallFailed


def test_the_hosts_addresses(room):
    assert room.call("HostAddresses", sender=":1.1") == (["192.0.2.1"],)


@pytest.mark.parametrize("sender", [":1.3", ":1.9"])
@pytest.mark.parametrize(
    ("name", "arguments"),
    [("Apply", ([ATTACKER], [])), ("Sync", ([],)), ("Rules", ()), ("HostAddresses", ())],
)
def test_others_may_do_nothing(room, sender, name, arguments):
    assert isinstance(room.call(name, *arguments, sender=sender), NotAuthorized)
    assert room.engine.calls == []


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (("sshd", "127.0.0.1", "", "any", "reject"), "loopback"),
        (("sshd", "192.0.2.0/24", "", "any", "reject"), "this host's own"),
        (("sshd", "10.1.2.3", "", "any", "reject"), "ignoreip"),
        (("sshd", "0.0.0.0/0", "", "any", "reject"), "wider"),
        (("sshd", "198.51.100.007", "", "any", "reject"), "not an IP address"),
        (("sshd", "2001:DB8::1", "", "any", "reject"), "canonical"),
        (("sshd", "-j ACCEPT", "", "any", "reject"), "not an IP address"),
        (("a b", "198.51.100.7", "", "any", "reject"), "name"),
        (("sshd\n", "198.51.100.7", "", "any", "reject"), "name"),
        (("sshd", "198.51.100.7", "22,22", "any", "reject"), "all ports with any"),
        (("sshd", "198.51.100.7", "22 80", "tcp", "reject"), "port"),
        (("sshd", "198.51.100.7", "", "any", "allow"), "verdict"),
    ],
)
def test_each_bad_rule_is_refused_and_the_rest_go_on(room, value, why):
    state, refused, _ = room.call("Apply", [value, ATTACKER], [])
    ((jail, address, reason),) = refused
    assert state == "active"
    assert (jail, address) == value[:2]
    assert why in reason
    assert room.engine.calls == [("apply", [Rule(*ATTACKER)], [])]


def test_what_is_malformed_is_not_dropped_either(room):
    _, refused, _ = room.call("Apply", [], [("y" * 1000, "x" * 1000, "", "any", "reject")])
    assert [len(text) for text in refused[0][:2]] == [64, 64]
    assert room.engine.calls == [("apply", [], [])]


def test_a_ban_that_is_ignored_by_now_can_still_be_dropped(room):
    ignored = ("sshd", "10.1.2.3", "", "any", "reject")
    assert room.call("Apply", [], [ignored]) == ("active", [], "")
    assert room.engine.calls == [("apply", [], [Rule(*ignored)])]


def test_too_large_a_call_is_refused_unread(room, monkeypatch):
    monkeypatch.setattr(server, "MOST_RULES", 3)
    assert isinstance(room.call("Apply", [ATTACKER] * 2, [ATTACKER] * 2), InvalidRule)
    assert isinstance(room.call("Sync", [ATTACKER] * 4), InvalidRule)
    assert room.engine.calls == []


def test_rules_of_one_kind_come_together(room):
    together = ("sshd", "22", "tcp", "reject", ["198.51.100.7", "x", "198.51.100.8"])
    deferred = room.enforcer.Sync([together], caller=Caller(":1.2"))
    ((state, added, _, refused, _),) = Answer(deferred).sent
    assert (state, added, [refusal.address for refusal in refused]) == ("active", 2, ["x"])
    ((_, rules, _),) = room.engine.calls
    assert pack(rules) == [(*together[:4], ["198.51.100.7", "198.51.100.8"])]


def test_failure_has_the_contracts_name_and_tells_nobody_else(room):
    room.engine.failure = Busy("ufw is at work")
    answer = room.call("Apply", [ATTACKER], [])
    assert type(answer) is FirewallFailed
    assert str(answer) == "ufw is at work"
    assert room.results == []


def test_the_unexpected_is_answered_too(room):
    room.engine.failure = ZeroDivisionError()
    assert isinstance(room.call("Sync", []), ZeroDivisionError)


def test_the_published_methods_are_those_of_the_xml():
    xml = bus_names.introspection()
    for name in ("Apply", "Sync", "Rules", "HostAddresses"):
        assert f'<method name="{name}">' in xml
        assert callable(getattr(Enforcer, name))
    assert issubclass(InvalidRule, JaildError)
