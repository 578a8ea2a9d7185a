# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from jaild.api.throttle import Throttle


class Clock:
    """Timers that go off when a test says so."""

    def __init__(self):
        self.now = 0
        self.timers = []

    def after(self, milliseconds, callback):
        self.timers.append((self.now + milliseconds, callback))

    def pass_time(self, milliseconds):
        end = self.now + milliseconds
        while due := sorted((t for t in self.timers if t[0] <= end), key=lambda t: t[0]):
            self.timers.remove(due[0])
            self.now = due[0][0]
            due[0][1]()
        self.now = end


@pytest.fixture
def clock():
    return Clock()


def test_the_first_poke_acts_in_the_next_turn(clock):
    acts = []
    throttle = Throttle(clock, 200, lambda: acts.append(clock.now))
    throttle.poke()
    assert acts == []
    clock.pass_time(0)
    assert acts == [0]


def test_a_flood_acts_at_most_once_in_a_pause_and_once_more_at_its_end(clock):
    acts = []
    throttle = Throttle(clock, 200, lambda: acts.append(clock.now))
    for _ in range(1000):
        throttle.poke()
        clock.pass_time(1)
    clock.pass_time(1000)
    assert acts == [0, 200, 400, 600, 800, 1000]


def test_peace_has_no_timer(clock):
    throttle = Throttle(clock, 200, lambda: None)
    throttle.poke()
    clock.pass_time(1000)
    assert clock.timers == []
