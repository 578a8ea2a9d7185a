# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module looks entries up in the journal by their cursors, and says who wrote them."""

from collections.abc import Iterable

from jaild.core.entry import Entry
from jaild.journal.source import History


def find(history: History, cursors: Iterable[str], most: int) -> dict[str, Entry | None]:
    """Return the entries at the first ``most`` cursors, each once; None for what is not there."""
    wanted = list(dict.fromkeys(filter(None, cursors)))[:most]
    return {cursor: history.find(cursor) for cursor in wanted}


def origin(entry: Entry) -> str:
    """Return which unit and process wrote an entry, as ``ssh[713]``, or ""."""
    unit = entry.get("_SYSTEMD_UNIT").removesuffix(".service")
    name = unit or entry.get("SYSLOG_IDENTIFIER")
    process = entry.get("_PID")
    return f"{name}[{process}]" if name and process else name
