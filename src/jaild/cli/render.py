# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module turns replies into what jailctl prints: the trees of fail2ban-client, tables.

What comes from the service may hold the attacker's text; everything is made harmless to a terminal.
"""

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from jaild.core.ban import FOREVER, Ban
from jaild.core.text import printable

if TYPE_CHECKING:
    from jaild.api.client import JailView

NEVER = "never"
COLUMNS = ("Jail", "Address", "Since", "Until", "Failures", "Reason")
_JAIL, _ADDRESS, _SINCE, _UNTIL, _FAILURES, _REASON = range(len(COLUMNS))
# Where there is no room for all, the columns that are shown.
_CHOICES = (
    (_JAIL, _ADDRESS, _SINCE, _UNTIL, _FAILURES, _REASON),
    (_JAIL, _ADDRESS, _UNTIL, _FAILURES, _REASON),
    (_JAIL, _ADDRESS, _UNTIL, _REASON),
    (_JAIL, _ADDRESS, _UNTIL),
    (_JAIL, _ADDRESS),
)
# So much of a reason is worth its column.
_REASON_LEAST = 12
_GAP = "  "
_CUT = "…"
# Of a jail with more bans a terminal shows the last ones.
MOST_ADDRESSES = 100


def overview(names: Sequence[str]) -> str:
    """Return the tree of all jails; a tab stands between label and value."""
    return "\n".join(
        (
            "Status",
            f"|- Number of jail:\t{len(names)}",
            f"`- Jail list:\t{', '.join(map(printable, names))}",
        )
    )


def jail(view: "JailView", most: int | None = None) -> str:
    """Return the tree of one jail; a tab stands between label and value.

    Of the banned addresses the last ``most`` are named, None for all.
    """
    addresses = list(view.banned_addresses)
    left = 0 if most is None else max(0, len(addresses) - most)
    listed = " ".join(map(printable, addresses[left:]))
    if left:
        listed += f" {_CUT} and {left:,} more: jailctl bans {printable(view.name)}"
    return "\n".join(
        (
            f"Status for the jail: {printable(view.name)}",
            "|- Filter",
            f"|  |- Currently failed:\t{view.failed_now}",
            f"|  |- Total failed:\t{view.failed_total}",
            f"|  `- Journal matches:\t{printable(view.journal_match)}",
            "`- Actions",
            f"   |- Currently banned:\t{view.banned_now}",
            f"   |- Total banned:\t{view.banned_total}",
            f"   `- Banned IP list:\t{listed}",
        )
    )


def rows(bans: Iterable[Ban]) -> list[tuple[str, ...]]:
    """Return the cells of a table of bans, without its head; times in the local time zone."""
    return [
        (
            printable(ban.jail),
            printable(ban.address),
            moment(ban.since),
            moment(ban.until),
            str(ban.failures),
            printable(ban.reason),
        )
        for ban in bans
    ]


def columns(table: Sequence[tuple[str, ...]], width: int = 0) -> list[str]:
    """Return a table of bans as aligned lines, its head first; 0 is any width.

    In a narrow one times are without seconds, columns that matter less are left out, and the last
    one is cut.
    """
    lines = [COLUMNS, *table]
    if width:
        lines = [COLUMNS, *(tuple(map(_to_minutes, cells, range(len(cells)))) for cells in table)]
    widths = [max(len(cells[place]) for cells in lines) for place in range(len(COLUMNS))]
    places = next((c for c in _CHOICES if _fits(c, widths, width)), _CHOICES[-1])
    shown = (
        _GAP.join(
            cells[place].rjust(widths[place])
            if place == _FAILURES
            else cells[place].ljust(widths[place])
            for place in places
        ).rstrip()
        for cells in lines
    )
    return [line if not width or len(line) <= width else line[: width - 1] + _CUT for line in shown]


def _fits(places: Sequence[int], widths: Sequence[int], width: int) -> bool:
    needed = sum(
        min(widths[place], _REASON_LEAST) if place == _REASON else widths[place] for place in places
    )
    return not width or needed + len(_GAP) * (len(places) - 1) <= width


def _to_minutes(cell: str, place: int) -> str:
    return cell[: len("2000-01-01 00:00")] if place in (_SINCE, _UNTIL) else cell


def moment(usec: int) -> str:
    """Return a time as people write it, in the local time zone."""
    if usec == FOREVER:
        return NEVER
    # datetime takes several times as long, and there may be a hundred thousand bans.
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(usec // 1_000_000))


def ban_object(ban: Ban) -> dict[str, object]:
    """Return a ban for JSON; a ban for ever ends at null."""
    return {
        "jail": ban.jail,
        "address": ban.address,
        "since": ban.since,
        "until": _finite(ban.until),
        "failures": ban.failures,
        "reason": ban.reason,
    }


def jail_object(view: "JailView") -> dict[str, object]:
    """Return a jail for JSON, with its D-Bus properties in snake case; for ever is null."""
    facts: dict[str, object] = {name: getattr(view, name) for name in type(view).__slots__}
    return {**facts, "ban_time_usec": _finite(view.ban_time_usec)}


def _finite(usec: int) -> int | None:
    return None if usec == FOREVER else usec
