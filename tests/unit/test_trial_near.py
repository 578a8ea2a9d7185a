# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far a pattern gets that does not match."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaild.cli.trial.near import Nearest
from jaild.core.errors import InvalidPattern, TooSlow
from jaild.core.pattern import compile_pattern
from jaild.service.limit import Limit

LOGIN = r'^login failed for user "<F-USER>[^"]*</F-USER>" from <ADDR> port <F-PORT>\d+</F-PORT>$'


def near(patterns, message):
    return Nearest(patterns, Limit()).find(message)


def stop(pattern, message):
    """Return what was left of the pattern and of the message."""
    found = near([pattern], message)
    assert found.matched + found.wanted == pattern
    return found.wanted, message[found.read :]


@pytest.mark.parametrize(
    ("message", "wanted", "left"),
    [
        ("login faild for", 'ed for user "<F-USER>', "d for"),
        ('login failed for user "x" by 192.0.2.7', "from <ADDR>", "by 192.0.2.7"),
        ('login failed for user "x" from example.org port 1', "<ADDR> port", "example.org port 1"),
        ('login failed for user "x" from 192.0.2.7 port x', r"<F-PORT>\d+</F-PORT>$", "x"),
        ('login failed for user "x" from 192.0.2.7 port 1.', "$", "."),
    ],
)
def test_it_stops_where_the_message_differs(message, wanted, left):
    pattern, rest = stop(LOGIN, message)
    assert pattern.startswith(wanted)
    assert rest == left


def test_it_looks_into_the_alternatives_of_a_group():
    pattern = r"^refused(?: at once)? because of (?:no password|a bad (?:name|key)) by <HOST>$"
    assert (
        stop(pattern, "refused because of a bad kay by x")[0].startswith("a bad (?:name") is False
    )
    assert stop(pattern, "refused because of a bad kay by x") == (
        "(?:name|key)) by <HOST>$",
        "kay by x",
    )


def test_alternatives_of_the_whole():
    assert stop("foo bar|login failed for <HOST>$", "login failed from") == ("or <HOST>$", "rom")


def test_a_letter_or_two_behind_anything_says_nothing():
    assert stop("^user .* from <ADDR>$", "user franz fails") == (" from <ADDR>$", "")


def test_the_pattern_with_most_of_its_own_words_is_the_nearest():
    patterns = ["^[a-z]+ .* <ADDR>$", "^login failed by <ADDR>$", "^logout of <ADDR>$"]
    assert near(patterns, "login failed by nobody").place == 1


@pytest.mark.parametrize("message", ["", "xyz", "l"])
def test_nothing_in_common(message):
    assert near([LOGIN], message) is None


@pytest.mark.parametrize(
    "pattern",
    [
        r"a[]\]b]c{2,3}?\x41\.\N{DIGIT ONE}(?#note)(?i:x)(?P<q>y)(?P=q)(?<!z)(?=w)",
        r"^(?:a|b(?:c|d)*)+ <F-X>e</F-X> <F-NOFAIL/>[^<](?!<F-Y>)$",
        r"(((((a)))))|b",
        r"<HOST> \(<SUBNET>\) \[<IP6>\] < > </F-Z>",
    ],
)
def test_every_pattern_is_taken_apart_without_loss(pattern):
    found = near([pattern], "a]cccA.1x yy w a e")
    assert found is None or found.matched + found.wanted == pattern


def test_it_is_quick():
    words = " ".join(rf"(?:a{n}|b{n}) \S+ <F-F{n}>\d+</F-F{n}>" for n in range(40))
    start = time.process_time()
    near([f"^{words}$"] * 80, " ".join(f"a{n} x 1" for n in range(30)))
    assert time.process_time() - start < 5


def test_beginnings_of_a_pattern_that_run_away_are_ended():
    limit = Limit()
    limit.start()
    try:
        with pytest.raises(TooSlow):
            Nearest([r"^(?:(?:x+)+y)? x+! <ADDR>$"], limit).find("x" * 40 + "! nobody")
    finally:
        limit.stop()


@given(st.text(r"ab|()[]\^$.*+?{}<>:=!/-FXHOST ", max_size=25), st.text("ab()[] FX", max_size=20))
def test_any_pattern_and_message(pattern, message):
    try:
        compile_pattern(pattern)
    except InvalidPattern:
        return
    found = near([pattern], message)
    assert found is None or (found.matched + found.wanted == pattern and found.read <= len(message))
