# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Moments as people write them."""

import time
from argparse import ArgumentParser

import pytest

from jaild.cli.verb import UsageError
from jaild.cli.when import add_span, moment

SECOND = 1_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR
MIDNIGHT = 1_793_491_200 * SECOND  # 2026-11-01 00:00:00 UTC
NOON = MIDNIGHT + 12 * HOUR


@pytest.fixture(autouse=True)
def utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("now", NOON),
        ("-7d", NOON - 7 * DAY),
        ("7d", NOON - 7 * DAY),
        (" 1h 30m ", NOON - HOUR - HOUR // 2),
        ("2 days ago", NOON - 2 * DAY),
        ("today", MIDNIGHT),
        ("yesterday", MIDNIGHT - DAY),
        ("09:30", MIDNIGHT + 9 * HOUR + HOUR // 2),
        ("2026-11-01", MIDNIGHT),
        ("2026-11-01 12:00", NOON),
        ("2026-11-01T12:00:00", NOON),
        ("2026-11-01 12:00+02:00", NOON - 2 * HOUR),
        ("@1793491200", MIDNIGHT),
        ("1000y", 0),
    ],
)
def test_what_people_write(text, meant):
    assert moment(text, NOON) == meant


@pytest.mark.parametrize(
    "text",
    ["", "x", "2026-13-01", "2026-11-01 25:00", "24:00", "1e9", "0001-01-01", "--7d", "9" * 99],
)
def test_what_is_no_time(text):
    with pytest.raises(UsageError, match="is not a time such as"):
        moment(text, NOON)


def test_a_day_is_a_local_one(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    assert moment("today", NOON) == MIDNIGHT - 9 * HOUR
    assert moment("2026-11-01 09:00", NOON) == MIDNIGHT


@pytest.mark.parametrize("value", ["-7d", "-1h 30m", "-.5h", "-1"])
def test_a_minus_sign_begins_a_value(value):
    parser = ArgumentParser()
    add_span(parser)
    assert parser.parse_args(["--since", value, "--until=-1h"]).since == value
