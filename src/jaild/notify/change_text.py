# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module writes when a jail has begun to watch, and when it has ceased to."""

from collections.abc import Iterator, Sequence

from jaild.core.text import printable
from jaild.notify.ban_text import moment
from jaild.notify.model import Change

# What comes before the last ones is left out: somebody tries things, or a service fails again.
MOST = 20
_LONGEST = 300
_CUT = "…"


def state(change: Change) -> str:
    """Return how a jail stands since a change, as the end of "the jail …"."""
    return "watches" if change.begins else "watches no more"


def rows(changes: Sequence[Change]) -> Iterator[str]:
    """Yield a line for each change, the last ones if there are many."""
    shown = changes[-MOST:]
    if len(changes) > len(shown):
        yield f"… the last {len(shown)} of {len(changes):,}:"
    for one in shown:
        reason = f": {_short(one.reason)}" if one.reason else ""
        yield f"{moment(one.since)}  {state(one)}{reason}"


def _short(text: str) -> str:
    shown = printable(" ".join(text.split()))
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + _CUT
