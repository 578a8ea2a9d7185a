# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module says what an entry means with all that its connection has told before."""

from typing import NamedTuple, Protocol

from jaild.core.address import Address
from jaild.core.connection import Connections
from jaild.core.entry import Entry
from jaild.core.filter import Correlation, Kind, Verdict


class Judge(Protocol):
    """A filter, or something that stands before one."""

    @property
    def wants_prefix(self) -> bool:
        """Whether judge() makes use of the prefix."""

    @property
    def prefixed(self) -> bool:
        """Whether all patterns are for lines with the prefix."""

    @property
    def correlation(self) -> Correlation:
        """What the lines of one connection have to do with each other."""

    def judge(self, message: str, prefix: str = "") -> Verdict:
        """Return what one message means."""


class Detection(NamedTuple):
    """What one entry means.

    FAILURE is one failure, counted now, of ``address``, or of nobody when that is None. HELPER only
    tells facts, waits for the address, or is a further line of an attempt that has counted.
    ``said`` is a sentence that explains it, "" where it needs no explanation.
    """

    kind: Kind
    address: Address | None = None
    user: str | None = None
    place: int | None = None
    distinct: str = ""
    said: str = ""


_MISS = Detection(Kind.MISS)


class Detector:
    """A filter with its memory of connections."""

    def __init__(self, judge: Judge, connections: Connections | None = None) -> None:
        self.judge = judge
        self.connections = Connections() if connections is None else connections

    def take(self, entry: Entry) -> Detection:
        """Return what an entry means, and remember what it tells of its connection."""
        judge = self.judge
        prefix = entry.prefix() if judge.wants_prefix else ""
        verdict = judge.judge(entry.message, prefix)
        if verdict.kind is Kind.MISS:
            return _MISS
        if verdict.kind is Kind.IGNORED:
            return Detection(Kind.IGNORED, place=verdict.place)
        how = judge.correlation
        # A prefix that had to be made up is the same for all, and says nothing of connections.
        alone = not verdict.key or (judge.prefixed and not prefix)
        if how is Correlation.NONE or (how is Correlation.MERGED and alone):
            return _alone(verdict)
        if how is Correlation.ATTEMPTS:
            address = self.connections.weigh(entry, verdict)
        else:
            address = self.connections.merge(entry.time, verdict)
        if address is not None:
            return _detection(Kind.FAILURE, verdict, address)
        if verdict.kind is Kind.FAILURE and verdict.written and verdict.address is None:
            return _detection(Kind.FAILURE, verdict, None, _no_address(verdict.written))
        return _detection(Kind.HELPER, verdict, verdict.address, _why_helper(verdict))


def _alone(verdict: Verdict) -> Detection:
    if verdict.kind is Kind.HELPER:
        return _detection(Kind.HELPER, verdict, verdict.address)
    if verdict.address is not None:
        return _detection(Kind.FAILURE, verdict, verdict.address)
    if verdict.written:
        return _detection(Kind.FAILURE, verdict, None, _no_address(verdict.written))
    return _detection(Kind.HELPER, verdict, None, "the line tells no address")


def _detection(kind: Kind, verdict: Verdict, address: Address | None, said: str = "") -> Detection:
    return Detection(kind, address, verdict.user, verdict.place, verdict.distinct, said)


def _no_address(written: str) -> str:
    if any(letter.isalpha() for letter in written) and ":" not in written:
        return f"'{written}' is a name, and jaild never looks up names: it counts for nobody"
    return f"'{written}' is not a valid address: it counts for nobody"


def _why_helper(verdict: Verdict) -> str:
    if verdict.kind is Kind.HELPER:
        return ""
    if verdict.address is None:
        return "the line tells no address, nor has its connection so far: it waits for one"
    return "its attempt has counted already"
