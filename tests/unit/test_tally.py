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
    assert tally.quiet_at() == 150
    assert tally.expire(149) == []
    assert tally.expire(150) == [B]
    assert tally.expire(160) == [A]
    assert tally.quiet_at() is None


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
