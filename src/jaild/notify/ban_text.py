# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module writes one ban as rows: when, until when, why, and what is known of the address."""

import textwrap
import time
from collections.abc import Iterator

from jaild.core import duration
from jaild.core.ban import FOREVER
from jaild.core.text import printable
from jaild.notify.model import Facts, Notice

WIDTH = 78
NEVER = "for ever"
_LABEL = 10
# What is known of an address comes from files and servers, so it is cut.
_LONGEST = 300
_CUT = "…"


def moment(usec: int, *, zone: bool = True) -> str:
    """Return a time as people write it: local, with its zone."""
    if usec == FOREVER:
        return NEVER
    local = time.localtime(usec // 1_000_000)
    if not zone:
        return time.strftime("%Y-%m-%d %H:%M:%S", local)
    name = time.strftime("%Z", local)
    # Zones without letters are called by their offset.
    return time.strftime(f"%Y-%m-%d %H:%M:%S {'%Z' if name.isalpha() else '%z'}", local)


def rows(notice: Notice, facts: Facts) -> Iterator[str]:
    """Yield the rows of one ban."""
    yield from _row("Address", notice.address)
    yield from _row("Name", facts.name)
    yield from _row("Network", facts.network)
    yield from _row("Country", facts.country)
    yield from _row("Banned", moment(notice.since))
    yield from _row("Until", _until(notice))
    yield from _row("Failures", str(notice.failures) if notice.failures else "")
    yield from _row("Reason", notice.reason)


def _until(notice: Notice) -> str:
    if notice.until == FOREVER:
        return NEVER
    text = moment(notice.until)
    length = notice.until - notice.since
    # Whole seconds: what is below was lost when the ban was shown already.
    length -= length % duration.SECOND
    return f"{text} ({duration.format(length)})" if length > 0 else text


def _row(label: str, value: str) -> Iterator[str]:
    if not value:
        return
    shown = printable(" ".join(value.split()))
    shown = shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + _CUT
    yield from textwrap.wrap(
        f"{label}:".ljust(_LABEL) + shown, WIDTH, subsequent_indent=" " * _LABEL
    )
