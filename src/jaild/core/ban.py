# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module defines a ban as it is kept, shown and enforced.

Times are microseconds since the epoch, as in the journal and on D-Bus; FOREVER stands for "never
ends".
"""

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, overload

from jaild.core.address import Address

FOREVER = 2**64 - 1
# The reason of a ban that the configuration lists in denyip.
DENIED = "denyip lists it"
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


class Sealed(Sequence[Evidence]):
    """Evidence in little room, for bans are many and few are ever asked about.

    It is opened each time that somebody looks; what cannot be opened is no evidence.
    """

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        """Take what another has as its ``data``."""
        self.data = data

    @overload
    def __getitem__(self, index: int) -> Evidence: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Evidence, ...]: ...
    def __getitem__(self, index: int | slice) -> Evidence | tuple[Evidence, ...]:
        return self._open()[index]

    def __len__(self) -> int:
        return len(self._open())

    def __iter__(self) -> Iterator[Evidence]:
        return iter(self._open())

    def __eq__(self, other: object) -> bool:
        return self._open() == (other._open() if isinstance(other, Sealed) else other)

    def __hash__(self) -> int:
        return hash(self._open())

    def __repr__(self) -> str:
        return repr(self._open())

    def _open(self) -> tuple[Evidence, ...]:
        try:
            return tuple(Evidence(*one) for one in json.loads(zlib.decompress(self.data)))
        except (zlib.error, ValueError, TypeError):
            return ()


def seal(evidence: Sequence[Evidence]) -> Sequence[Evidence]:
    """Return the same evidence in little room; () for none."""
    if isinstance(evidence, Sealed) or not evidence:
        return evidence
    return Sealed(zlib.compress(json.dumps(evidence).encode()))


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
    evidence: Sequence[Evidence] = ()

    def __post_init__(self) -> None:
        """Keep the evidence sealed."""
        object.__setattr__(self, "evidence", seal(self.evidence))

    @property
    def denied(self) -> bool:
        """Whether the configuration lists it: then it is changed there and nowhere else."""
        return self.reason == DENIED and self.failures == 0 and self.until == FOREVER

    @property
    def cursors(self) -> tuple[str, ...]:
        """The journal cursors of the evidence, oldest first."""
        return tuple(one.cursor for one in self.evidence if one.cursor)


class Due(StrEnum):
    """What follows once a ban is saved: a record of it, one of its end, word to the other jails."""

    BANNED = "banned"
    ENDED = "ended"
    PASSED = "passed"


# Which of them, jail, address and begin of the ban.
Duty = tuple[Due, str, Address, int]


def duty(what: Due, ban: Ban) -> Duty:
    """Return what follows from a ban."""
    return (what, ban.jail, ban.address, ban.since)
