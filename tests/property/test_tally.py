# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The finding window against its definition."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from jaild.core.address import Address
from jaild.core.tally import Failure, Tally

FINDTIME = 100
STEPS = st.lists(st.tuples(st.integers(0, 60), st.sampled_from("ab")), max_size=60)


def definition(times, maxretry):
    """Return the indexes at which a ban is due: maxretry failures less than FINDTIME apart."""
    due, since = [], []
    for index, time in enumerate(times):
        since = [t for t in since if time - t < FINDTIME] + [time]
        if len(since) == maxretry:
            due.append(index)
            since = []
    return due


def walk(steps):
    time = 0
    for step, who in steps:
        time += step
        yield time, Address(who)


@given(steps=STEPS, maxretry=st.integers(1, 6))
def test_exact_window(steps, maxretry):
    tally = Tally(maxretry, FINDTIME)
    found = {"a": [], "b": []}
    times = {"a": [], "b": []}
    for time, who in walk(steps):
        reached = tally.add(who, Failure(time, str(time)))
        if reached:
            found[who].append(len(times[who]))
            assert len(reached) == maxretry
            assert reached[-1].time - reached[0].time < FINDTIME
        times[who].append(time)
    for who, seen in times.items():
        assert found[who] == definition(seen, maxretry)


@given(steps=STEPS, maxretry=st.integers(1, 6), cut=st.integers(0, 60))
def test_a_restart_changes_nothing(steps, maxretry, cut):
    whole, first = Tally(maxretry, FINDTIME), Tally(maxretry, FINDTIME)
    rows = list(walk(steps))
    expected = [bool(whole.add(who, Failure(time, ""))) for time, who in rows]
    found = [bool(first.add(who, Failure(time, ""))) for time, who in rows[:cut]]
    second = Tally(maxretry, FINDTIME)
    second.restore(first.failures())
    found += [bool(second.add(who, Failure(time, ""))) for time, who in rows[cut:]]
    assert found == expected


@given(steps=STEPS, maxretry=st.integers(1, 6), weight=st.integers(1, 6))
def test_weight_makes_the_limit_lower(steps, maxretry, weight):
    heavy, light = Tally(maxretry, FINDTIME), Tally(-(-maxretry // weight), FINDTIME)
    for time, who in walk(steps):
        failure = Failure(time, "")
        assert heavy.add(who, failure, weight) == light.add(who, failure)


@given(steps=STEPS)
def test_expiry_never_loses_what_counts(steps):
    kept, swept = Tally(3, FINDTIME), Tally(3, FINDTIME)
    for time, who in walk(steps):
        swept.expire(time)
        failure = Failure(time, "")
        assert kept.add(who, failure) == swept.add(who, failure)


JUMPS = st.lists(
    st.tuples(st.integers(-250, 250), st.sampled_from("ab"), st.booleans()), max_size=60
)


@given(steps=JUMPS, maxretry=st.integers(1, 6))
def test_however_the_clock_jumps_only_near_failures_count_together(steps, maxretry):
    tally, time, kept = Tally(maxretry, FINDTIME), 1000, {"a": [], "b": []}
    for step, who, sweep in steps:
        time += step
        if sweep:
            for quiet in tally.expire(time):
                assert all(abs(one - time) >= FINDTIME for one in kept[quiet])
                kept[quiet] = []
        near = [one for one in kept[who] if abs(one - time) < FINDTIME] + [time]
        reached = tally.add(Address(who), Failure(time, ""))
        assert bool(reached) == (len(near) == maxretry)
        if reached:
            assert sorted(one.time for one in reached) == sorted(near)
            assert reached[-1].time == time
        kept[who] = [] if reached else near


@given(steps=JUMPS, maxretry=st.integers(1, 6), cut=st.integers(0, 60))
def test_a_restart_changes_nothing_however_the_clock_jumps(steps, maxretry, cut):
    whole, first = Tally(maxretry, FINDTIME), Tally(maxretry, FINDTIME)
    times = itertools.accumulate((step for step, *_ in steps), initial=1000)
    rows = [(Address(who), time) for (_, who, _), time in zip(steps, times, strict=False)]
    expected = [bool(whole.add(who, Failure(time, ""))) for who, time in rows]
    found = [bool(first.add(who, Failure(time, ""))) for who, time in rows[:cut]]
    second = Tally(maxretry, FINDTIME)
    second.restore(first.failures())
    found += [bool(second.add(who, Failure(time, ""))) for who, time in rows[cut:]]
    assert found == expected
