# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

pytest.importorskip("gi")

from jaild.dbus import authorise
from jaild.dbus.authorise import INTERACTIVE_TIMEOUT_MS, TIMEOUT_MS, Authority
from jaild.dbus.errors import NoReply, ServiceUnavailable

YES = ((True, False, {}),)
NO = ((False, True, {}),)


class Bus:
    """Knows uids and keeps the questions to polkit until a test answers them."""

    def __init__(self):
        self.uids = {":root": 0, ":user": 1000, ":other": 1001}
        self.questions = []

    def uid_of(self, sender, done):
        done(self.uids.get(sender, ServiceUnavailable("gone")))

    def call(self, call, done, *, timeout_ms):
        self.questions.append((call.args[1], call.args[3], timeout_ms, done))

    def answer(self, outcome):
        waiting, self.questions = self.questions, []
        for *_, done in waiting:
            done(outcome)


@pytest.fixture
def bus():
    return Bus()


@pytest.fixture
def authority(bus):
    return Authority(bus)


def check(authority, sender, action="a", *, interactive=False):
    verdicts = []
    authority.check(sender, action, verdicts.append, interactive=interactive)
    return verdicts


def test_root_is_never_asked_about(authority, bus):
    assert check(authority, ":root") == [True]
    assert bus.questions == []


def test_a_caller_that_has_gone_may_nothing(authority, bus):
    assert check(authority, ":gone") == [False]
    assert bus.questions == []


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [(YES, True), (NO, False), (NoReply("late"), False), (ServiceUnavailable("none"), False)],
)
def test_polkit_decides_and_its_silence_is_a_no(authority, bus, outcome, verdict):
    verdicts = check(authority, ":user")
    assert verdicts == []
    bus.answer(outcome)
    assert verdicts == [verdict]


@pytest.mark.parametrize(
    ("interactive", "flags", "timeout"),
    [(False, 0, TIMEOUT_MS), (True, 1, INTERACTIVE_TIMEOUT_MS)],
)
def test_a_password_gets_more_time(authority, bus, interactive, flags, timeout):
    check(authority, ":user", interactive=interactive)
    assert bus.questions[0][:3] == ("a", flags, timeout)


def test_calls_that_wait_for_the_same_answer_share_the_question(authority, bus):
    same = [check(authority, ":user") for _ in range(3)]
    check(authority, ":user", "b")
    check(authority, ":other")
    check(authority, ":user", interactive=True)
    assert len(bus.questions) == 4
    bus.answer(YES)
    assert same == [[True]] * 3
    check(authority, ":user")
    assert len(bus.questions) == 1


def test_one_user_cannot_take_all_questions(authority, bus, monkeypatch, caplog):
    monkeypatch.setattr(authorise, "QUESTIONS_OF_ONE_MAX", 2)
    verdicts = [check(authority, ":user", action) for action in "abcd"]
    assert verdicts == [[], [], [False], [False]]
    assert check(authority, ":other") == []
    assert check(authority, ":root") == [True]
    bus.answer(YES)
    assert verdicts[:2] == [[True], [True]]
    assert len(caplog.records) == 1
    assert check(authority, ":user") == []


def test_many_users_cannot_either(authority, bus, monkeypatch):
    monkeypatch.setattr(authorise, "QUESTIONS_MAX", 2)
    bus.uids.update({f":{uid}": uid for uid in range(2000, 2004)})
    assert [check(authority, f":{uid}") for uid in range(2000, 2004)] == [[], [], [False], [False]]
    bus.answer(NO)
    assert check(authority, ":2003") == []


def test_a_missing_polkit_is_said_once_until_it_is_back(authority, bus, caplog):
    for outcome in (NoReply("x"), NoReply("x"), YES, NoReply("x")):
        check(authority, ":user")
        bus.answer(outcome)
    assert len(caplog.records) == 2
