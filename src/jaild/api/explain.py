# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module says what org.jaild1.Manager.Explain answers, and makes the answer.

Each part of the answer is a dictionary, so that later versions can say more. Its size is bounded,
whatever is configured and whatever has happened.
"""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

from jaild.api.face import Explanation, Standing
from jaild.core.ban import EVIDENCE_MAX, Ban, Evidence
from jaild.core.tally import Failure
from jaild.core.text import printable
from jaild.dbus.variant import Typed

MOST_JAILS = 500
# So many entries of each jail, and of all jails together: messages are long.
MOST_ENTRIES = 100
MOST_IN_ALL = 5000
MOST_PAST = 20
LONGEST_TEXT = 500

# Time, journal cursor and message of an entry.
EntryFacts = tuple[int, str, str]


class BanFacts(TypedDict):
    """A ban in force, of the address or of a network that holds it."""

    address: str
    since: int
    until: int
    failures: int
    reason: str
    cursors: list[str]
    evidence: list[EntryFacts]


class PastFacts(TypedDict):
    """A ban that has ended, and how."""

    jail: str
    address: str
    since: int
    until: int
    failures: int
    reason: str
    ended: str
    evidence: list[EntryFacts]


class JailFacts(TypedDict):
    """One jail; ``counted_as`` is what its failures count against, the address or its network."""

    name: str
    state: str
    failures: int
    max_retry: int
    find_time_usec: int
    counted: list[EntryFacts]
    counted_as: str
    window_ends: NotRequired[int]
    ignored: str
    ban: NotRequired[BanFacts]
    why: str
    banned_inside: int
    offences: NotRequired[int]
    next_ban_usec: NotRequired[int]


class Facts(TypedDict):
    """The whole answer."""

    address: str
    ignored: str
    problem: str
    jails: list[JailFacts]
    past: list[PastFacts]


_TYPES = {
    "address": "s",
    "ban": "a{sv}",
    "banned_inside": "u",
    "counted": "a(tss)",
    "counted_as": "s",
    "cursors": "as",
    "ended": "s",
    "evidence": "a(tss)",
    "failures": "u",
    "find_time_usec": "t",
    "ignored": "s",
    "jail": "s",
    "jails": "aa{sv}",
    "max_retry": "u",
    "name": "s",
    "next_ban_usec": "t",
    "offences": "u",
    "past": "aa{sv}",
    "problem": "s",
    "reason": "s",
    "since": "t",
    "state": "s",
    "until": "t",
    "why": "s",
    "window_ends": "t",
}


def pack(facts: Mapping[str, object]) -> dict[str, object]:
    """Return facts as the values of an ``a{sv}``."""
    return {key: Typed(_TYPES[key], _packed(value)) for key, value in facts.items()}


def tell(explanation: Explanation) -> Facts:
    """Return the answer, with bounded sizes and with text that is harmless to look at."""
    jails = explanation.jails[:MOST_JAILS]
    most = min(MOST_ENTRIES, MOST_IN_ALL // max(len(jails), 1))
    return {
        "address": explanation.address,
        "ignored": _short(explanation.ignored),
        "problem": _short(explanation.problem),
        "jails": [_jail(standing, most) for standing in jails],
        "past": [_past(ban, ended) for ban, ended in explanation.past[:MOST_PAST]],
    }


def _packed(value: object) -> object:
    if isinstance(value, dict):
        return pack(value)
    if isinstance(value, list):
        return [_packed(item) for item in value]
    return value


def _jail(standing: Standing, most: int) -> JailFacts:
    facts: JailFacts = {
        "name": standing.name,
        "state": str(standing.state),
        "failures": len(standing.failures),
        "max_retry": standing.maxretry,
        "find_time_usec": standing.findtime,
        "counted": _entries(standing.failures, most),
        "counted_as": standing.unit,
        "ignored": _short(standing.ignored),
        "why": _short(standing.why),
        "banned_inside": standing.inside,
    }
    if standing.ends is not None:
        facts["window_ends"] = standing.ends
    if standing.ban is not None:
        facts["ban"] = _ban(standing.ban, most)
    if standing.offences is not None and standing.next_ban is not None:
        facts["offences"], facts["next_ban_usec"] = standing.offences, standing.next_ban
    return facts


def _ban(ban: Ban, most: int) -> BanFacts:
    return {
        "address": ban.address,
        "since": ban.since,
        "until": ban.until,
        "failures": ban.failures,
        "reason": _short(ban.reason),
        "cursors": list(ban.cursors[-most:]),
        "evidence": _entries(ban.evidence, most),
    }


def _past(ban: Ban, ended: str) -> PastFacts:
    return {
        "jail": ban.jail,
        "address": ban.address,
        "since": ban.since,
        "until": ban.until,
        "failures": ban.failures,
        "reason": _short(ban.reason),
        "ended": _short(ended),
        "evidence": _entries(ban.evidence, MOST_ENTRIES),
    }


def _entries(found: Sequence[Evidence | Failure], most: int) -> list[EntryFacts]:
    """Return the last ``most`` entries."""
    return [(one.time, one.cursor, printable(one.message[:EVIDENCE_MAX])) for one in found[-most:]]


def _short(text: str) -> str:
    return printable(text[:LONGEST_TEXT])
