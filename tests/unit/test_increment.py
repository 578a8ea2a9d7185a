# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long bans get, and what weighs how much."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaild.config.increment import FORMULA
from jaild.core import formula
from jaild.core.address import Address
from jaild.core.ban import FOREVER
from jaild.core.duration import LONGEST
from jaild.core.errors import InvalidConfig
from jaild.core.increment import Increment, chance
from jaild.core.policy import Policy
from tests.verbs import SECOND

HOUR = 3600 * SECOND
DAY = 24 * HOUR
DOUBLING = Increment(formula.parse(FORMULA.default), 90 * DAY)
FORMULAS = st.sampled_from(
    [FORMULA.default, "ban.Time * (1 + ban.Count)", "ban.Time * math.exp(ban.Count)", "60"]
)
INCREMENTS = st.builds(
    Increment,
    FORMULAS.map(formula.parse),
    history=st.just(DAY),
    factor=st.sampled_from([1.0, 1.5, 24.0]),
    multipliers=st.lists(st.integers(1, 10_000), max_size=6).map(lambda m: tuple(sorted(m))),
    maxtime=st.one_of(st.integers(1, LONGEST), st.just(FOREVER)),
    rndtime=st.integers(0, DAY),
)
BANTIMES = st.integers(1, 52 * 7 * DAY)
CHANCES = st.floats(0, 1, exclude_max=True)


def hours(increment, *counts, bantime=HOUR):
    return [increment.length(bantime, count, 0) / HOUR for count in counts]


def test_bans_double():
    assert hours(DOUBLING, 0, 1, 2, 3, 20, 99) == [1, 2, 4, 8, 2**20, 2**20]


def test_the_longest():
    increment = replace(DOUBLING, maxtime=28 * DAY)
    assert hours(increment, 8, 9, 10, 99) == [256, 512, 672, 672]


def test_multipliers_begin_with_the_second():
    increment = replace(DOUBLING, multipliers=(1, 5, 30), factor=2.0)
    assert hours(increment, 0, 1, 2, 3) == [1, 10, 60, 60]


def test_a_formula_never_makes_a_ban_shorter():
    increment = replace(DOUBLING, formula=formula.parse("ban.Count - 10"))
    assert hours(increment, 1, 2) == [1, 1]


def test_a_longest_below_bantime_makes_no_ban_shorter():
    assert hours(replace(DOUBLING, maxtime=HOUR // 2), 0, 1, 2) == [1, 1, 1]


@pytest.mark.parametrize(
    ("text", "hour"), [("ban.Time << ban.Count", 4), ("ban.Time*.5 + 1e99", 0)]
)
def test_whole_and_endless_numbers(text, hour):
    found = replace(DOUBLING, formula=formula.parse(text)).length(HOUR, 2, 0)
    assert found == (hour * HOUR or LONGEST)


@pytest.mark.parametrize("text", ["1 / (ban.Count - 2)", "math.exp(999) - math.exp(999)"])
def test_a_formula_without_a_result(text):
    with pytest.raises(InvalidConfig):
        replace(DOUBLING, formula=formula.parse(text)).length(HOUR, 2, 0)


@given(increment=INCREMENTS, bantime=BANTIMES, drawn=CHANCES)
def test_the_first_ban_is_plain(increment, bantime, drawn):
    assert Policy(bantime, None, increment).length(0, drawn) == bantime


@given(increment=INCREMENTS, earlier=st.integers(0, 200), drawn=CHANCES)
def test_for_ever_stays_for_ever(increment, earlier, drawn):
    assert increment.length(FOREVER, earlier, drawn) == FOREVER
    assert Policy(FOREVER, None, increment).until(0) == FOREVER


@given(increment=INCREMENTS, bantime=BANTIMES, earlier=st.integers(0, 200))
def test_who_comes_again_is_never_treated_milder(increment, bantime, earlier):
    one, next_one = (increment.length(bantime, count, 0) for count in (earlier, earlier + 1))
    assert bantime <= one <= next_one


@given(increment=INCREMENTS, bantime=BANTIMES, earlier=st.integers(1, 200), drawn=CHANCES)
def test_the_longest_is_kept_but_for_chance(increment, bantime, earlier, drawn):
    longest = max(increment.maxtime, bantime)
    fixed, found = (increment.length(bantime, earlier, part) for part in (0, drawn))
    assert fixed <= longest
    assert fixed <= found <= fixed + increment.rndtime


@given(since=st.integers(0, 2**53), number=st.integers(0, 255))
def test_chance_is_the_same_again(since, number):
    found = chance("sshd", Address(f"192.0.2.{number}"), since)
    assert 0 <= found < 1
    assert found == chance("sshd", Address(f"192.0.2.{number}"), since)


def test_chance_is_spread():
    drawn = [chance("sshd", Address("192.0.2.1"), since) for since in range(1000)]
    assert len(set(drawn)) == 1000
    assert 450 < sum(part < 0.5 for part in drawn) < 550


def test_weights():
    weighing = replace(DOUBLING, weigh=True)
    assert [weighing.weight(count, 9) for count in (0, 1, 2, 3, 4, 5, 99)] == [1, 2, 3, 5, 9, 9, 9]
    assert [weighing.weight(count, 1) for count in (0, 1, 99)] == [1, 1, 1]
    assert DOUBLING.weight(99, 5) == Policy(HOUR).weight(99, 5) == 1
