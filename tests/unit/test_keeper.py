# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keeper: one request at a time, nothing lost, failures made good by a comparison."""

import pytest

from jaild.core.errors import FirewallFailed
from jaild.core.rule import Rule
from jaild.enforce.keeper import Keeper
from jaild.enforce.port import Outcome
from tests.clockwork import Clockwork

A, B, C = (Rule("sshd", f"192.0.2.{n}") for n in (1, 2, 3))
FINE = Outcome("active")


class Slow:
    """A firewall that answers when it is told to; keeps what it was asked."""

    def __init__(self):
        self.asked = []
        self._done = None

    def apply(self, add, drop, done):
        self._take(("apply", set(add), set(drop)), done)

    def sync(self, rules, done):
        self._take(("sync", set(rules)), done)

    def present(self, done):
        done(())

    def host_addresses(self, done):
        done(())

    def answer(self, outcome=FINE):
        done, self._done = self._done, None
        done(outcome)

    def _take(self, request, done):
        assert self._done is None, "two requests at once"
        self.asked.append(request)
        self._done = done


@pytest.fixture
def firewall():
    return Slow()


@pytest.fixture
def clock():
    return Clockwork()


@pytest.fixture
def said():
    return []


@pytest.fixture
def keeper(firewall, clock, said):
    return Keeper(firewall, clock, lambda: [A, C], said.append)


def test_what_comes_meanwhile_gathers(keeper, firewall):
    keeper.change([A], [])
    keeper.change([B], [])
    keeper.change([C], [A])
    firewall.answer()
    firewall.answer()
    assert firewall.asked == [("apply", {A}, set()), ("apply", {B, C}, {A})]


def test_the_last_word_counts(keeper, firewall):
    keeper.change([A], [])
    keeper.change([B], [])
    keeper.change([], [B])
    firewall.answer()
    assert firewall.asked[1] == ("apply", set(), {B})


def test_everybody_is_answered_once(keeper, firewall):
    heard = []
    keeper.change([A], [], lambda outcome: heard.append(("first", outcome)))
    keeper.change([B], [], lambda outcome: heard.append(("second", outcome)))
    assert heard == []
    firewall.answer()
    assert heard == [("first", FINE)]
    firewall.answer()
    assert heard[1:] == [("second", FINE)]


def test_a_failure_is_followed_by_a_comparison(keeper, firewall, clock, said):
    heard = []
    keeper.change([A], [], heard.append)
    firewall.answer(FirewallFailed("broken"))
    assert isinstance(heard[0], FirewallFailed)
    assert keeper.problem == "broken"
    clock.pass_time(1)
    assert firewall.asked[-1] == ("sync", {A, C})
    firewall.answer()
    assert said == ["broken", ""]
    assert clock.timers() == 0


def test_a_change_does_not_wait_for_the_retry(keeper, firewall, clock):
    keeper.change([A], [])
    firewall.answer(FirewallFailed("broken"))
    keeper.change([B], [])
    assert firewall.asked[-1] == ("sync", {A, C})
    assert clock.timers() == 0


def test_retries_get_rarer(keeper, firewall, clock):
    keeper.change([A], [])
    for _ in range(20):
        firewall.answer(FirewallFailed("broken"))
        clock.pass_time(61)
    before = len(firewall.asked)
    firewall.answer(FirewallFailed("broken"))
    clock.pass_time(30)
    assert len(firewall.asked) == before


def test_half_a_change_is_a_problem_that_announces_its_own_end(keeper, firewall, clock, said):
    keeper.change([A], [])
    firewall.answer(Outcome("active", problem="a file is damaged"))
    assert said == ["a file is damaged"]
    assert clock.timers() == 0
    keeper.compare()
    firewall.answer()
    assert said[1:] == [""]


def test_inactive_is_a_problem_that_announces_its_own_end(keeper, firewall, clock, said):
    heard = []
    keeper.change([A], [], heard.append)
    firewall.answer(Outcome("inactive"))
    assert isinstance(heard[0], FirewallFailed)
    assert clock.timers() == 0
    keeper.compare()
    firewall.answer()
    assert said[1:] == [""]


def test_a_callback_may_ask_again(keeper, firewall):
    keeper.change([A], [], lambda _outcome: keeper.change([B], []))
    firewall.answer()
    assert firewall.asked[-1] == ("apply", {B}, set())
    firewall.answer()
