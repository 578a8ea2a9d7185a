# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module reads moments as people write them: ``-7d``, ``yesterday``, ``2026-11-01 12:00``."""

import re
from argparse import ArgumentParser
from datetime import UTC, datetime, time, timedelta

from jaild.cli.verb import UsageError
from jaild.core import duration
from jaild.core.errors import InvalidDuration

_SECOND = 1_000_000
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)?(?:Z|[+-]\d\d:\d\d)?")
_CLOCK = re.compile(r"\d\d:\d\d(?::\d\d)?")
_EPOCH = re.compile(r"@\d{1,11}")
_DAYS = {"today": 0, "yesterday": 1}


def add_span(parser: ArgumentParser) -> None:
    """Add ``--since`` and ``--until``; their values may begin with a minus sign."""
    for name in ("since", "until"):
        parser.add_argument(
            f"--{name}", metavar="TIME", help=f"only entries {name} then: -7d, 2026-11-01 12:00"
        )
    # argparse asks this whether something that looks like an option is a value: "-1" yes, but "-7d"
    # no. There is no other way to tell it.
    parser._negative_number_matcher = re.compile(r"-\.?\d")  # noqa: SLF001


def moment(text: str, now: int) -> int:
    """Return the time that text means; both in microseconds since the epoch.

    Dates and hours without an offset are local. A duration, with or without a minus sign, is so
    long ago. Raises UsageError.
    """
    words = " ".join(text.split())
    if words == "now":
        return now
    if _EPOCH.fullmatch(words):
        return int(words[1:]) * _SECOND
    try:
        return _calendar(words, now) or max(0, now - _ago(words))
    except (ValueError, OverflowError, InvalidDuration):
        raise UsageError(
            f"'{text}' is not a time such as -7d, 2h, yesterday, 2026-11-01 or 2026-11-01 12:00"
        ) from None


def _calendar(words: str, now: int) -> int:
    """Return the time that a date, a day's name or an hour means, 0 if it is none of them."""
    today = datetime.fromtimestamp(now // _SECOND, UTC).astimezone().date()
    if words in _DAYS:
        return _local(datetime.combine(today - timedelta(days=_DAYS[words]), time()))
    if _CLOCK.fullmatch(words):
        return _local(datetime.combine(today, time.fromisoformat(words)))
    if _DATE.fullmatch(words):
        return _local(datetime.fromisoformat(words))
    return 0


def _local(moment: datetime) -> int:
    # Of a moment without an offset, timestamp() believes that it is local.
    return max(1, int(moment.timestamp() * _SECOND))


def _ago(words: str) -> int:
    return duration.parse(words.removeprefix("-").removesuffix(" ago"))
