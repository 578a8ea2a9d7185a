# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

import itertools

from jaild.core.filter import Filter, Kind
from jaild.core.trace import TracedFilter

PATTERNS = {
    "failregex": ["^wrong code from <ADDR>$", "^wrong <F-USER>.*</F-USER> at <HOST>$"],
    "ignoreregex": ["at home$", "example"],
    "prefregex": "^door: <F-CONTENT>.+</F-CONTENT>$",
}


def traced():
    return TracedFilter("door", **PATTERNS, clock=itertools.count().__next__)


def outcomes(judge, message):
    judge.judge(message)
    return [(step.option, step.place, step.outcome) for step in judge.steps]


def test_each_step_is_told():
    judge = traced()
    assert outcomes(judge, "window: x") == [("prefregex", 0, "literal")]
    assert outcomes(judge, "door: wrong name at 192.0.2.7") == [
        ("prefregex", 0, "matched"),
        ("failregex", 0, "literal"),
        ("failregex", 1, "matched"),
        ("ignoreregex", 0, "literal"),
        ("ignoreregex", 1, "literal"),
    ]
    assert judge.steps[2].parts == {"F-USER": "name", "ADDR": "192.0.2.7"}


def test_verdicts_are_the_filters_own():
    for message in ("door: wrong example at 192.0.2.7", "door: wrong x at 192.0.2.7", "door: x"):
        assert traced().judge(message) == Filter("door", **PATTERNS).judge(message)._replace(
            pattern=traced().judge(message).pattern
        )


def test_hits_and_time_add_up():
    judge = traced()
    for _ in range(3):
        assert judge.judge("door: wrong x at 192.0.2.7").kind is Kind.FAILURE
    assert judge.hits == [0, 3]
    assert judge.nanoseconds == [0, 3]
    assert judge.gate_nanoseconds == 3
