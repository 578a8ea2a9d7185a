# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module is what an earlier run has left."""

from dataclasses import dataclass, field

from jaild.core.address import Address
from jaild.core.ban import Ban, Due
from jaild.core.connection import Connection
from jaild.core.position import Position
from jaild.core.tally import Failure
from jaild.state.damage import Loss


@dataclass
class Saved:
    """What an earlier run has left; ``position`` is None on the first start.

    ``names`` are the addresses that host names had. ``due`` is what may not have followed yet from
    bans, in the order of their times: what, the ban, and how it ended, "" if it has not. ``lost``
    is set while bans are in the firewall that are not here: a damaged file was set aside.
    """

    position: Position | None = None
    failures: list[tuple[str, Address, Failure]] = field(default_factory=list)
    connections: list[tuple[str, str, Connection]] = field(default_factory=list)
    bans: list[Ban] = field(default_factory=list)
    counters: dict[str, tuple[int, int]] = field(default_factory=dict)
    names: dict[str, tuple[Address, ...]] = field(default_factory=dict)
    due: list[tuple[Due, Ban, str]] = field(default_factory=list)
    lost: Loss | None = None
