# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Explanations from the journal to the screen: a real journal, service, store and command line."""

import json

import pytest

pytest.importorskip("gi")

from jaild.api.client import Client
from jaild.api.gate import Gate
from jaild.api.manager import Manager
from jaild.cli.explain import evidence
from jaild.cli.main import run
from jaild.dbus import variant
from jaild.dbus.publish import Caller
from jaild.journal.source import History, Place
from tests.clockwork import House
from tests.verbs import SECOND, START, entry, write_journal

pytestmark = pytest.mark.integration

PEER, OTHER, SIX = "192.0.2.7", "192.0.2.8", "2001:db8::7"
OPTIONS = {"maxretry": "3", "bantime": "1h", "findtime": "10m"}


class Bus:
    """Answers as org.jaild1 does, without a bus: through its door and D-Bus's own types."""

    def __init__(self, service):
        allow = Gate(lambda _sender, _action, done, *, interactive: done(True))
        self._manager = Manager(service, allow)
        self.value = self.problem = None

    def call(self, call):
        getattr(self._manager, call.method)(*call.args, caller=Caller(":1.1")).bind(self)
        if self.problem is not None:
            raise self.problem
        return variant.build("(a{sv})", self.value).unpack()

    def values(self, values):
        self.value = values

    def error(self, error):
        self.problem = error


def failed(peer, at):
    return entry(f"Failed password for root from {peer} port {at} ssh2", at=at)


@pytest.fixture
def house(tmp_path):
    house = House(tmp_path, **OPTIONS)
    house.clock.time = START + 60 * SECOND
    entries = [failed(PEER, 10), failed(OTHER, 20), failed(PEER, 30), failed(PEER, 40)]
    entries += [failed(OTHER, 50), failed(SIX, 52), failed("2001:db8::8", 54)]
    write_journal(house.journal, entries)
    return house


@pytest.fixture
def service(house):
    service = house.open()
    yield service
    house.close(service)


@pytest.fixture
def explain(house, service, monkeypatch, capsys):
    monkeypatch.setattr(evidence, "HOST", Place(directory=house.journal))

    def command(*words):
        assert run(("explain", *words), lambda: Client(Bus(service))) == 0
        shown = capsys.readouterr()
        assert shown.err == ""
        return shown.out

    return command


def ports(shown):
    """Return the ports of the attempts that are shown."""
    return [int(line.split()[-2]) for line in shown.splitlines() if line.endswith(" ssh2")]


def test_why_is_this_one_banned(explain):
    shown = explain(PEER)
    assert shown.startswith(f"{PEER} is banned by sshd until ")
    assert "after 3 failures.\n" in shown
    assert ports(shown) == [10, 30, 40]
    assert "journalctl -o verbose -n 1 --cursor='s=" in shown


def test_why_is_this_one_not_banned(explain):
    shown = explain(OTHER)
    assert shown.startswith(f"{OTHER} is not banned: 2 of 3 failures; the first stops counting in ")
    assert ports(shown) == [20, 50]


def test_addresses_of_a_network_stand_for_one_another(explain):
    shown = explain("2001:db8::9")
    assert shown.startswith("2001:db8::9 is not banned: 2 of 3 failures; the first stops counting")
    assert "  counted as 2001:db8::/64\n" in shown
    assert ports(shown) == [52, 54]


def test_without_the_journal_the_evidence_is_there(house, service, explain, monkeypatch, tmp_path):
    (tmp_path / "empty").mkdir()
    monkeypatch.setattr(evidence, "HOST", Place(directory=tmp_path / "empty"))
    assert ports(explain(PEER)) == [10, 30, 40]
    assert ports(explain(OTHER)) == [20, 50]
    house.clock.pass_time(3600)
    shown = explain(PEER)
    assert " ssh[100]: " not in shown
    assert ports(shown) == [10, 30, 40]
    found = json.loads(explain(PEER, "--json"))
    assert found["messages"] == {}
    assert [one["time"] for one in found["past"][0]["evidence"]] == [
        START + at * SECOND for at in (10, 30, 40)
    ]


def test_after_the_journal_was_rotated_away_the_command_is_not_shown(
    house, service, explain, monkeypatch, tmp_path
):
    later = write_journal(tmp_path / "later", [failed(OTHER, 90)])
    monkeypatch.setattr(evidence, "HOST", Place(directory=later))
    shown = explain(PEER)
    assert ports(shown) == [10, 30, 40]
    assert shown.endswith("  the journal no longer has these entries\n")


def test_a_restart_forgets_nothing(house, service, monkeypatch):
    house.close(service)
    again = house.open()
    standing = again.explain(OTHER).jails[0]
    assert [failure.time for failure in standing.failures] == [
        START + 20 * SECOND,
        START + 50 * SECOND,
    ]
    assert all(failure.cursor for failure in standing.failures)
    assert len(again.explain(PEER).jails[0].ban.cursors) == 3


def test_a_past_ban_is_told(house, service, explain):
    house.clock.pass_time(3600)
    shown = explain(PEER)
    assert shown.startswith(f"{PEER} is not banned any more: the last ban, by sshd on ")
    assert "has ended (its time is over)" in shown
    assert "after 3 failures; its time is over" in shown
    assert ports(shown) == [10, 30, 40]
    assert f"  ssh[100]: Failed password for root from {PEER} port 40 ssh2" in shown
    assert explain("203.0.113.1").startswith("203.0.113.1 is not banned: nothing is known of it.")


def test_json_has_the_messages_by_cursor(explain):
    found = json.loads(explain(PEER, "--json"))
    cursors = found["jails"][0]["ban"]["cursors"]
    assert [found["messages"][cursor]["time"] for cursor in cursors] == [
        START + at * SECOND for at in (10, 30, 40)
    ]
    assert found["messages"][cursors[0]]["message"].startswith("Failed password for root from")


def test_the_command_shows_the_entry(house, service):
    cursor = service.explain(PEER).jails[0].ban.cursors[-1]
    history = History(Place(directory=house.journal))
    assert history.find(cursor).message == f"Failed password for root from {PEER} port 40 ssh2"
    for missing in ("", "nonsense", cursor[:-1] + ("0" if cursor[-1] != "0" else "1")):
        assert history.find(missing) is None
    assert history.find(cursor).time == START + 40 * SECOND
    history.close()
