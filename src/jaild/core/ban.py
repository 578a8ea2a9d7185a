# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module defines a ban as it is kept, shown and enforced.

Times are microseconds since the epoch, as in the journal and on D-Bus; FOREVER stands for "never
ends".
"""

from dataclasses import dataclass

from jaild.core.address import Address

FOREVER = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Ban:
    """One address shut out by one jail.

    ``since`` and ``until`` in microseconds since the epoch; ``failures`` is how many led to it (0
    for a manual ban); ``cursors`` are the journal cursors of the entries that led to it, oldest
    first.
    """

    jail: str
    address: Address
    since: int
    until: int
    failures: int
    reason: str
    cursors: tuple[str, ...] = ()
