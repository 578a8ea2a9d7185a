# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaild.core import formula
from jaild.core.errors import InvalidConfig

USUAL = "ban.Time * (1<<(ban.Count if ban.Count<20 else 20)) * banFactor"
STEEP = "ban.Time * math.exp(float(ban.Count+1)*banFactor)/math.exp(1*banFactor)"


@pytest.mark.parametrize(
    ("text", "time", "count", "factor", "result"),
    [
        (USUAL, 600, 0, 1, 600),
        (USUAL, 600, 3, 1, 4800),
        (USUAL, 600, 30, 2, 600 * 2**20 * 2),
        (STEEP, 600, 0, 1, 600),
        (STEEP, 60, 2, 2.0 / 2.885385, 60 * math.exp(2 * 2.0 / 2.885385)),
        ("ban.Time", 1.5, 9, 1, 1.5),
        ("banTime*bantime.factor", 10, 0, 3, 30),
        ("1 + 2 * 3 - 4 / 2", 0, 0, 0, 5),
        ("7 // 2 % 2", 0, 0, 0, 1),
        ("-2 ** 2", 0, 0, 0, -4),
        ("2 ** 3 ** 2", 0, 0, 0, 512),
        ("2 ** -1", 0, 0, 0, 0.5),
        ("1024 >> 3 << 1", 0, 0, 0, 256),
        ("1 if 2 > 3 else 4 if 1 == 1 else 5", 0, 0, 0, 4),
        ("min(5, max(1, 2), 3) + abs(-1) + round(1.6) + int(2.9)", 0, 0, 0, 7),
        ("math.sqrt(16) + math.pow(2, 3) + math.log(1) + math.log(8, 2)", 0, 0, 0, 15),
        ("  1e3+.5 ", 0, 0, 0, 1000.5),
        ("1 << ban.Count", 0, 10**6, 0, math.inf),
        ("math.exp(ban.Count)", 0, 10**6, 0, math.inf),
        ("9 ** 9 ** 9 ** 9", 0, 0, 0, math.inf),
    ],
)
def test_result(text: str, time: float, count: int, factor: float, result: float) -> None:
    assert formula.parse(text).evaluate(time, count, factor) == pytest.approx(result)


@pytest.mark.parametrize(
    ("text", "sentence", "piece"),
    [
        ("", "ends too early", ""),
        ("ban.Time *", "ends too early", ""),
        ("(1", "ends too early: '\\)' was expected", ""),
        ("1 2", "'2' stands where", "2"),
        ("ban.time", "knows no 'ban.time', only ban.Time, ban.Count", "ban.time"),
        ("__import__('os')", "'\\('os'\\)' is not|knows no '__import__'|not part", ""),
        ("ban.Time.__class__", "knows no", "ban.Time.__class__"),
        ("math.floor(1)", "knows no 'math.floor'", "math.floor"),
        ("min", "ends too early", ""),
        ("math.exp(1, 2)", "takes 1 to 1 numbers", "math.exp"),
        ("1 if 2", "ends too early: 'else' was expected", ""),
        ("lambda: 1", "not part of a formula", ": 1"),
        ("1 = 1", "not part of a formula", "= 1"),
        ("(" * 60 + "1" + ")" * 60, "too many brackets", ""),
        ("1**" * 60 + "1", "too many powers", ""),
        ("1+" * 200 + "1", "at most 300 characters", ""),
    ],
)
def test_refused(text: str, sentence: str, piece: str) -> None:
    with pytest.raises(InvalidConfig, match=sentence) as caught:
        formula.parse(text)
    if piece:
        assert caught.value.text == piece


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("1 / (ban.Count - 1)", "divides by nothing"),
        ("(0 - 8) ** 0.5", "root of a negative"),
        ("math.log(0)", "comes to no number"),
        ("1 << 1.5", "whole numbers"),
        ("1e999 - 1e999", "comes to no number"),
    ],
)
def test_no_number(text: str, sentence: str) -> None:
    with pytest.raises(InvalidConfig, match=sentence):
        formula.parse(text).evaluate(600, 1)


PIECES = st.sampled_from(
    [
        *(*formula.NAMES, *formula.FUNCTIONS, *"+-*/%<>(),.0123456789 \né"),
        *("**", "<<", ">>", "//", " if ", " else ", "==", "9" * 20, "1e308", "__class__"),
    ]
)


@given(st.lists(PIECES, max_size=60).map("".join) | st.text(max_size=60))
def test_any_text_is_a_number_or_refused(text: str) -> None:
    with suppress(InvalidConfig):
        assert isinstance(formula.parse(text).evaluate(600, 7, 1.5), float)


@given(st.integers(0, 50), st.integers(1, 10**6))
def test_usual_formula_doubles(count: int, time: int) -> None:
    assert formula.parse(USUAL).evaluate(time, count) == time * 2 ** min(count, 20)


def test_longest_formula_is_evaluated() -> None:
    assert formula.parse("1+" * 149 + "1").evaluate(0, 0) == 150
