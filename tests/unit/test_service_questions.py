# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a jail asks its ignorecommand, and what it remembers of the answers."""

import pytest

from jaild.config.model import IgnoreCache
from jaild.lookup.memory import Memory
from jaild.lookup.port import LookupFailed
from jaild.service import questions
from jaild.service.questions import Interest, Questions
from tests.clockwork import Clockwork
from tests.verbs import SECOND


class Asking:
    """A jail's questions, to somebody who answers when told to."""

    def __init__(self, **cache):
        self.clock = Clockwork()
        self.lookup = Memory()
        self.lookup.holds = True
        self.spared = []
        self.banned = set()
        self.questions = Questions(
            "sshd",
            IgnoreCache(**cache),
            self.lookup,
            self.clock,
            self.clock.now,
            Interest(
                lambda _jail, address: self.spared.append(address),
                lambda _jail, address: address in self.banned,
            ),
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


def test_what_has_failed_is_asked_again_while_it_matters(asking):
    asking.lookup.spared.update({("sshd", host): LookupFailed("dead") for host in hosts(2)})
    asking.lookup.holds = False
    asking.banned = {hosts(2)[0]}
    began = asking.clock.now()
    asking.ask(*hosts(2))
    times = []
    for _ in range(40):
        before = len(asking.lookup.asked)
        asking.clock.pass_time(10)
        times += [round((asking.clock.now() - began) / 1e6)] * (len(asking.lookup.asked) - before)
    assert times == [30, 90, 210]
    assert asking.lookup.asked[2:] == [("sshd", hosts(2)[0])] * 3
    asking.lookup.spared["sshd", hosts(2)[0]] = True
    asking.clock.pass_time(300)
    assert asking.spared == [hosts(2)[0]]
    asking.clock.pass_time(10_000)
    assert len(asking.lookup.asked) == 6
    assert not asking.clock.timers()


def test_a_failure_is_no_answer_for_long():
    asking = Asking(age=3600 * SECOND)
    asking.lookup.spared["sshd", "192.0.2.1"] = LookupFailed("dead")
    asking.ask("192.0.2.1")
    asking.answer()
    asking.ask("192.0.2.1")
    assert len(asking.lookup.asked) == 1
    asking.clock.pass_time(31)
    asking.ask("192.0.2.1")
    assert len(asking.lookup.asked) == 2


def test_what_has_the_same_key_has_the_same_answer():
    asking = Asking(key="<family> in <jail>")
    asking.lookup.spared["sshd", "192.0.2.1"] = True
    asking.ask("192.0.2.1")
    asking.answer()
    assert asking.questions.answer("198.51.100.1") == "ignorecommand spares it"
    assert asking.questions.answer("2001:db8::1") == ""
