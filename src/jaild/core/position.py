# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module says where reading the journal stands."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Position:
    """Where reading stands.

    ``cursor`` is that of the last entry handled, ``entry_time`` its timestamp, ``seen`` the time up
    to which everything had been read; microseconds since the epoch.
    """

    cursor: str
    entry_time: int
    seen: int
