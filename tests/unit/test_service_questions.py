# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a jail asks its ignorecommand, and what it remembers of the answers."""

import pytest

from jaild.config.model import IgnoreCache
from jaild.lookup.memory import Memory
from jaild.service import questions
from jaild.service.questions import Questions
from tests.clockwork import Clockwork


class Asking:
    """A jail's questions, to somebody who answers when told to."""

    def __init__(self, **cache):
        self.clock = Clockwork()
        self.lookup = Memory()
        self.lookup.holds = True
        self.spared = []
        self.questions = Questions(
            "sshd",
            IgnoreCache(**cache),
            self.lookup,
            self.clock,
            self.clock.now,
            lambda _jail, address: self.spared.append(address),
        )

    def ask(self, *addresses):
        for address in addresses:
            self.questions.ask(address)
        self.clock.pass_time()

    def answer(self):
        self.lookup.release()
        self.clock.pass_time()


def hosts(count):
    return [f"10.0.{n // 256}.{n % 256}" for n in range(count)]


@pytest.fixture
def asking():
    return Asking()


def test_only_some_are_asked_about_at_a_time(asking):
    asking.ask(*hosts(200))
    assert len(asking.lookup.asked) == questions.AT_ONCE
    asking.answer()
    assert len(asking.lookup.asked) == 2 * questions.AT_ONCE
    asking.answer()
    asking.answer()
    asking.answer()
    assert [address for _, address in asking.lookup.asked] == hosts(200)
    assert not any(map(asking.questions.is_open, hosts(200)))


def test_many_questions_wait_for_one_turn(asking):
    for address in hosts(8000):
        asking.questions.ask(address)
    assert asking.clock.timers() == 1


def test_above_some_number_nobody_is_asked_about(asking, caplog, monkeypatch):
    monkeypatch.setattr(questions, "MOST_OPEN", 100)
    asking.ask(*hosts(102))
    assert not asking.questions.is_open(hosts(102)[-1])
    assert caplog.text.count("spares nobody else: 100 addresses") == 1
    asking.answer()
    asking.answer()
    asking.ask(hosts(102)[-1])
    assert asking.questions.is_open(hosts(102)[-1])
