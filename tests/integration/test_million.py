# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""``jailctl replay`` and the service over the same long journal: ban for ban, in whole turns."""

import heapq
import sqlite3
from itertools import islice

import pytest

from jaild.journal.reader import JournalReader
from tests.clockwork import Clockwork, House
from tests.differences import bans_of, bans_replayed, compare
from tests.integration.test_replay import replayed
from tests.integration.test_replay_live import JAILS, history
from tests.verbs import write_journal

pytestmark = pytest.mark.integration

HOSTS = 200
# Entries are large, and all of a million would not fit into every machine's memory.
AT_ONCE = 50_000


class Flowing(Clockwork):
    """A clock that entries carry on: what is due happens between the turns that read them."""

    def run(self, until):
        while not until():
            when, _, timer = heapq.heappop(self._due)
            self.time = max(self.time, when)
            if not timer.cancelled:
                timer.callback()
                if timer.every:
                    self._put(timer, timer.every)


@pytest.fixture
def house(tmp_path, entries):
    """A house whose journal has so many entries."""
    house = House(tmp_path)
    (house.etc / "jail.d/test.local").write_text(JAILS)
    written, number = history(3, entries, HOSTS), 0
    while some := list(islice(written, AT_ONCE)):
        write_journal(house.journal, some, f"part{number}")
        number += 1
    house.clock = Flowing()
    return house


@pytest.fixture
def service(house, monkeypatch):
    """A service that has read all of it."""
    read = JournalReader.read

    def timed(reader, limit):
        for entry in read(reader, limit):
            house.clock.time = max(house.clock.time, entry.time)
            yield entry

    monkeypatch.setattr(JournalReader, "read", timed)
    service = house.open()
    house.clock.run(lambda: house.ready)
    yield service
    house.close(service)


def test_the_same_bans(house, service, entries, record_property):
    found = replayed("--directory", str(house.journal), "--config", str(house.etc))
    made = bans_of(house.folder / "state")
    record_property("bans", len(made))
    assert len(made) > entries / 100
    assert {ban.jail for ban in made} == {"sshd", "ufw-block", "recidive"}
    told = compare("bans", "the service", made, "replay", bans_replayed(found))
    assert not told, told
    assert found["entries"] == service.entries_read
    assert found["failures"] == sum(jail.failed_total for jail in service.jail_states())
    with sqlite3.connect(house.folder / "state") as db:
        assert db.execute("SELECT sum(bans) FROM counter").fetchone() == (len(made),)
