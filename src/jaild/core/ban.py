# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module defines a ban as it is kept, shown and enforced.

Times are microseconds since the epoch, as in the journal and on D-Bus; FOREVER stands for "never
ends".
"""

from dataclasses import dataclass
from typing import NamedTuple

from jaild.core.address import Address

FOREVER = 2**64 - 1
# Of the message of an entry this many characters are kept; the journal has the rest.
EVIDENCE_MAX = 256


class Evidence(NamedTuple):
    """One entry that led to a ban: its time, its journal cursor, the beginning of its message.

    ``time`` in microseconds since the epoch; ``message`` is what the journal says, so an attacker's
    text, cut to EVIDENCE_MAX characters.
    """

    time: int
    cursor: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Ban:
    """One address shut out by one jail.

    ``since`` and ``until`` in microseconds since the epoch; ``failures`` is how many led to it (0
    for a manual ban); ``evidence`` are the entries that led to it, oldest first.
    """

    jail: str
    address: Address
    since: int
    until: int
    failures: int
    reason: str
    evidence: tuple[Evidence, ...] = ()

    @property
    def cursors(self) -> tuple[str, ...]:
        """The journal cursors of the evidence, oldest first."""
        return tuple(one.cursor for one in self.evidence if one.cursor)
