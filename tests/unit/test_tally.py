# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

from jaild.core.address import Address
from jaild.core.tally import MOST, Failure, Tally

A, B = Address("192.0.2.1"), Address("192.0.2.2")


def test_the_limit_gives_the_evidence():
    tally = Tally(2, 100)
    assert tally.add(A, Failure(1, "first")) == ()
    assert tally.add(A, Failure(2, "second")) == (Failure(1, "first"), Failure(2, "second"))
    assert A not in tally


def test_a_failure_exactly_findtime_old_no_longer_counts():
    tally = Tally(2, 100)
    tally.add(A, Failure(0, ""))
    assert tally.add(A, Failure(100, "")) == ()
    assert tally.add(A, Failure(199, "")) != ()


def test_suspects_go_when_they_have_been_quiet():
    tally = Tally(3, 100)
    tally.add(A, Failure(0, ""))
    tally.add(B, Failure(50, ""))
    tally.add(A, Failure(60, ""))
    assert tally.expire(149) == []
    assert tally.expire(150) == [B]
    assert tally.expire(160) == [A]


def test_a_lower_limit_after_a_restart_waits_for_the_next_failure():
    tally = Tally(2, 100)
    tally.restore([(A, Failure(n, "")) for n in range(4)])
    assert len(tally) == 1
    assert tally.add(A, Failure(5, "")) != ()


def test_the_number_of_suspects_is_bounded():
    tally = Tally(3, 10**9)
    for number in range(MOST + 5):
        tally.add(Address(str(number)), Failure(number, ""))
    assert len(tally.expire(0)) == 5
    assert Address("4") not in tally
    assert Address("5") in tally


def test_failures_that_are_not_distinct():
    tally = Tally(3, 100)
    tally.add(A, Failure(0, "", "22"))
    assert tally.repeats(A, Failure(50, "", "22"))
    assert not tally.repeats(A, Failure(50, "", "23"))
    assert not tally.repeats(B, Failure(50, "", "22"))
    assert not tally.repeats(A, Failure(100, "", "22"))
    assert not tally.repeats(A, Failure(50, ""))


def test_failures_far_apart_never_count_together_when_the_clock_is_set_back():
    tally = Tally(3, 100)
    for time in (999, 1000):
        tally.add(A, Failure(time, ""))
    assert tally.add(A, Failure(901, "")) != ()
    for time in (1000, 1001):
        tally.add(A, Failure(time, ""))
    assert tally.add(A, Failure(900, "")) == ()
    assert tally.add(A, Failure(899, "")) == ()
    assert [failure.time for _, failure in tally.failures()] == [899, 900]


def test_the_failure_that_completes_a_ban_stands_last():
    tally = Tally(3, 100)
    for time in (50, 60):
        tally.add(A, Failure(time, ""))
    assert [failure.time for failure in tally.add(A, Failure(40, ""))] == [50, 60, 40]


def test_suspects_of_a_time_to_come_stand_in_nobodys_way():
    tally = Tally(3, 100)
    tally.add(A, Failure(1000, ""))
    tally.add(B, Failure(500, ""))
    assert tally.expire(500) == [A]
    assert tally.window(B, 399) == ()
    assert tally.expire(600) == [B]


def test_the_clock_is_set_back_by_less_than_the_window():
    tally = Tally(3, 100)
    tally.add(A, Failure(1000, "", "22"))
    assert tally.repeats(A, Failure(901, "", "22"))
    assert not tally.repeats(A, Failure(900, "", "22"))
    assert tally.expire(901) == []
    assert len(tally.window(A, 901)) == 1
