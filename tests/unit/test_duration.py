# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from jaild.core import duration
from jaild.core.ban import FOREVER
from jaild.core.errors import InvalidDuration

SECONDS = {
    "600": 600,
    " 600 ": 600,
    "0": 0,
    "10m": 600,
    "10 m": 600,
    "10M": 600,
    "10 minutes": 600,
    "1mm": 60,
    "1min": 60,
    "10 mins": 600,
    "1h": 3600,
    "1hh": 3600,
    "1 Hour": 3600,
    "1.5h": 5400,
    ".5h": 1800,
    "2.h": 7200,
    "1d": 86_400,
    "1dd": 86_400,
    "1d12h": 129_600,
    "1d 12h": 129_600,
    "1d + 12h": 129_600,
    "1w": 604_800,
    "2 weeks": 1_209_600,
    "1mo": 2_629_800,
    "1mon": 2_629_800,
    "2 months": 5_259_600,
    "1y": 31_557_600,
    "1ye": 31_557_600,
    "1y 6mo": 47_336_400,
    "1year-6mo": 15_778_800,
    "1h - 30m - 10": 1790,
    "1h 30": 3630,
    "5 minutes 30 seconds": 330,
    "3ss": 3,
    "-5+10": 5,
    "24*60*60": 86_400,
    "2*1h": 7200,
    "2*3": 6,
    "0.000001": 0.000001,
}


@pytest.mark.parametrize("text", SECONDS)
def test_spellings(text: str) -> None:
    assert duration.parse(text) == round(SECONDS[text] * duration.SECOND)


@pytest.mark.parametrize("text", ["-1", "- 1", " -1 ", "for ever", "forever"])
def test_for_ever(text: str) -> None:
    assert duration.parse(text) == FOREVER


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "m",
        "ten minutes",
        "10x",
        "1hr",
        "1h*1h",
        "2**3",
        "*2",
        "1-",
        "-",
        "1--1",
        "1e3",
        "1_000",
        "٣",
        "0x10",
        "1h;",
        "(1h)",
        "__import__('os')",
        "1.2.3.4.5",
        "1 2 3 x",
    ],
)
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(InvalidDuration, match="not a duration"):
        duration.parse(text)


@pytest.mark.parametrize("text", ["-2", "-1d", "-1s", "5-6", "1mo-1y"])
def test_negative_is_refused(text: str) -> None:
    with pytest.raises(InvalidDuration, match="negative"):
        duration.parse(text)


@pytest.mark.parametrize("text", ["1001y", "9" * 99, "9999999999*9999999999*1y"])
def test_too_long_is_refused(text: str) -> None:
    with pytest.raises(InvalidDuration, match="longer than 1000 years"):
        duration.parse(text)


def test_long_text_is_refused() -> None:
    with pytest.raises(InvalidDuration, match="100 characters"):
        duration.parse("1s " * 50)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (59, "59s"),
        (600, "10m"),
        (129_600, "1d 12h"),
        (604_800, "7d"),
        (3_661, "1h 1m 1s"),
        (1.5, "1.5s"),
        (60.000001, "1m 0.000001s"),
    ],
)
def test_format(seconds: float, text: str) -> None:
    assert duration.format(round(seconds * duration.SECOND)) == text


def test_format_for_ever() -> None:
    assert duration.format(FOREVER) == "for ever"
