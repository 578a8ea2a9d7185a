# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module turns replies into what jailctl prints: the trees of fail2ban-client, tables.

What comes from the service may hold the attacker's text; everything is made harmless to a terminal.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from jaild.api.text import printable
from jaild.core.ban import FOREVER, Ban

if TYPE_CHECKING:
    from jaild.api.client import JailView

NEVER = "never"
COLUMNS = ("Jail", "Address", "Since", "Until", "Failures", "Reason")
_FAILURES = COLUMNS.index("Failures")
_TIMES = (COLUMNS.index("Since"), COLUMNS.index("Until"))


def overview(names: Sequence[str]) -> str:
    """Return the tree of all jails; a tab stands between label and value."""
    return "\n".join(
        (
            "Status",
            f"|- Number of jail:\t{len(names)}",
            f"`- Jail list:\t{', '.join(map(printable, names))}",
        )
    )


def jail(view: "JailView") -> str:
    """Return the tree of one jail; a tab stands between label and value."""
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
            f"   `- Banned IP list:\t{' '.join(map(printable, view.banned_addresses))}",
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


def columns(table: Sequence[tuple[str, ...]]) -> str:
    """Return a table of bans as aligned text, for pipes and files."""
    lines = [COLUMNS, *table]
    widths = [max(len(cells[place]) for cells in lines) for place in range(len(COLUMNS))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place == _FAILURES else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ).rstrip()
        for cells in lines
    )


def show_table(table: Sequence[tuple[str, ...]]) -> None:
    """Print a table of bans on a terminal."""
    # Loading rich takes longer than all the rest of jailctl.
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    drawn = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for place, name in enumerate(COLUMNS):
        # When the terminal is narrow the reason gives way first.
        drawn.add_column(
            name, justify="right" if place == _FAILURES else "left", no_wrap=name != "Reason"
        )
    for cells in table:
        drawn.add_row(*(Text(_to_minutes(cell, place)) for place, cell in enumerate(cells)))
    Console().print(drawn)


def _to_minutes(cell: str, place: int) -> str:
    return cell[: len("2000-01-01 00:00")] if place in _TIMES else cell


def moment(usec: int) -> str:
    """Return a time as people write it, in the local time zone."""
    if usec == FOREVER:
        return NEVER
    local = datetime.fromtimestamp(usec // 1_000_000, UTC).astimezone()
    return local.strftime("%Y-%m-%d %H:%M:%S")


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
