# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A pattern that runs away is ended, and only it."""

import signal

import pytest

from jaild.core.errors import TooSlow
from jaild.core.filter import Filter, Kind
from jaild.service.limit import Limit, Limited

RUNAWAY = "a" * 60 + "!"


@pytest.fixture
def limit():
    limit = Limit()
    limit.start()
    yield limit
    limit.stop()
    signal.signal(signal.SIGVTALRM, signal.SIG_DFL)


def test_a_runaway_pattern_is_ended_and_named(limit):
    judge = Limited(Filter("bad", ["^ok <ADDR>$", "^(a+)+ <ADDR>$"]), limit)
    with pytest.raises(TooSlow):
        judge.judge(RUNAWAY + " 192.0.2.7")
    assert judge.culprit(RUNAWAY + " 192.0.2.7") == "failregex, pattern 2"
    assert judge.judge("ok 192.0.2.7").kind is Kind.FAILURE


def test_what_is_not_a_match_has_all_the_time(limit):
    total = 0
    start = signal.getitimer(signal.ITIMER_VIRTUAL)
    assert start[1] > 0
    for number in range(6_000_000):
        total += number
    assert total
