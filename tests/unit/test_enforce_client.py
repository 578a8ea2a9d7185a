# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The firewall over D-Bus, and the one in memory."""

import pytest

pytest.importorskip("gi")

from jaild.core.address import Address
from jaild.core.errors import FirewallFailed, NotAuthorized
from jaild.core.rule import Rule
from jaild.dbus.errors import NoReply, ServiceUnavailable
from jaild.enforce.client import STARTED, Client
from jaild.enforce.kinds import pack
from jaild.enforce.memory import Memory
from jaild.enforce.port import Outcome, Refusal

A = Rule("sshd", Address("198.51.100.7"), "22", "tcp")
B = Rule("sshd", Address("2001:db8::7"))


KIND = ("sshd", "22", "tcp", "reject", [A.address])


class Handle:
    cancelled = False

    def cancel(self):
        self.cancelled = True


class Bus:
    def __init__(self):
        self.calls = []
        self.patience = []
        self.signals = {}
        self.answer = None
        self.handles = []

    def call(self, call, done, *, timeout_ms):
        assert timeout_ms >= 60_000
        self.patience.append(timeout_ms)
        self.calls.append(call)
        done(self.answer)

    def subscribe(self, _sender, _interface, signal, callback):
        self.signals[signal] = callback
        return self._handle()

    def watch_name(self, _name, appeared, vanished):
        self.appeared, self.vanished = appeared, vanished
        return self._handle()

    def _handle(self):
        self.handles.append(Handle())
        return self.handles[-1]


@pytest.fixture
def bus():
    return Bus()


@pytest.fixture
def heard():
    return []


@pytest.fixture
def client(bus, heard):
    return Client(bus, heard.append, lambda: heard.append("addresses"))


def test_a_change(client, bus, heard):
    bus.answer = ("inactive", [("sshd", "2001:db8::7", "IPv6 is off")], "")
    client.apply([A, B], [A], heard.append)
    (call,) = bus.calls
    assert (call.method, call.signature) == ("Apply", "a(ssssas)a(ssssas)")
    assert call.args == ([KIND, ("sshd", "", "any", "reject", [B.address])], [KIND])
    refused = (Refusal("sshd", B.address, "IPv6 is off"),)
    assert heard == [Outcome("inactive", refused, added=1, dropped=1)]
    assert call.body() is not None


def test_the_whole_roster(client, bus, heard):
    bus.answer = ("active", 2, 3, [], "half")
    client.sync([A, B], heard.append)
    assert heard == [Outcome("active", (), added=2, dropped=3, problem="half")]
    assert bus.calls[0].method == "Sync"


def test_a_call_is_waited_for_as_long_as_its_rules_and_the_rosters_take(client, bus, heard):
    bus.answer = ("active", 0, 0, [], "")
    client.sync([A] * 5_000, heard.append)
    bus.answer = ("active", [], "")
    for _ in range(3):
        client.apply([B] * 1_000, [A] * 500, heard.append)
    bus.answer = ("active", 0, 0, [], "")
    client.sync([], heard.append)
    client.sync([A], heard.append)
    assert bus.patience == [70_000, 73_000, 73_000, 73_000, 70_000, 60_002]


def test_the_rules_that_there_are(client, bus, heard):
    other = A._replace(address=Address("198.51.100.8"))
    bus.answer = (pack([A, B, other]),)
    client.present(heard.append)
    assert heard == [(A, other, B)]
    assert (bus.calls[0].method, bus.calls[0].signature) == ("Rules", "")


def test_a_rule_that_is_none_is_taken_from_nobody(client, bus, heard):
    bus.answer = ([("sshd", "", "any", "reject", ["nobody"])],)
    client.present(heard.append)
    assert type(heard[0]) is FirewallFailed


def test_the_hosts_addresses(client, bus, heard):
    bus.answer = (["192.0.2.1", "::1"],)
    client.host_addresses(heard.append)
    assert heard == [("192.0.2.1", "::1")]


@pytest.mark.parametrize(
    ("error", "kind", "sentence"),
    [
        (FirewallFailed("ufw is broken"), FirewallFailed, "ufw is broken"),
        (NotAuthorized("no"), NotAuthorized, "no"),
        (NoReply("too late"), FirewallFailed, "jaild-enforcer.service does not answer: too late"),
        (ServiceUnavailable("gone"), FirewallFailed, "does not answer: gone"),
    ],
)
def test_failure_is_a_sentence(client, bus, error, kind, sentence):
    bus.answer = error
    for ask in (
        lambda done: client.apply([A], [], done),
        lambda done: client.sync([A], done),
        client.present,
        client.host_addresses,
    ):
        got = []
        ask(got.append)
        assert type(got[0]) is kind
        assert sentence in str(got[0])


def test_news(client, bus, heard):
    bus.signals["Drifted"]("somebody did it")
    bus.signals["HostAddressesChanged"]()
    bus.vanished()
    bus.appeared(":1.9")
    assert heard == ["somebody did it", "addresses", "addresses", STARTED]
    client.close()
    assert all(handle.cancelled for handle in bus.handles)


def test_memory_counts_like_the_real_one(heard):
    memory = Memory([Address("192.0.2.1")])
    memory.apply([A, B, A], [], heard.append)
    memory.apply([A], [A, B], heard.append)
    memory.sync([B], heard.append)
    memory.host_addresses(heard.append)
    assert heard == [
        Outcome("active", added=2),
        Outcome("active", dropped=1),
        Outcome("active", added=1, dropped=1),
        ("192.0.2.1",),
    ]
    assert memory.rules == {B}


def test_memory_can_refuse_and_fail(heard):
    memory = Memory()
    memory.refuses[A.address] = "because"
    memory.apply([A, B], [], heard.append)
    memory.failure = FirewallFailed("broken")
    memory.sync([], heard.append)
    memory.present(heard.append)
    memory.failure = None
    memory.present(heard.append)
    failed = heard[1]
    assert isinstance(failed, FirewallFailed)
    refused = (Refusal("sshd", A.address, "because"),)
    assert heard == [Outcome("active", refused, added=1), failed, failed, (B,)]
    assert memory.rules == {B}
