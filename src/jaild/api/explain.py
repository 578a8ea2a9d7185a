# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module says what org.jaild1.Manager.Explain answers, and makes the answer.

Each part of the answer is a dictionary, so that later versions can say more. Its size is bounded,
whatever is configured and whatever has happened.
"""

from collections.abc import Mapping
from typing import NotRequired, TypedDict

from jaild.api.face import Explanation, Standing
from jaild.api.text import printable
from jaild.core.ban import Ban
from jaild.dbus import variant

MOST_JAILS = 500
MOST_CURSORS = 100
MOST_PAST = 20
LONGEST_TEXT = 500


class BanFacts(TypedDict):
    """A ban in force, of the address or of a network that holds it."""

    address: str
    since: int
    until: int
    failures: int
    reason: str
    cursors: list[str]


class PastFacts(TypedDict):
    """A ban that has ended, and how."""

    jail: str
    address: str
    since: int
    until: int
    failures: int
    reason: str
    ended: str


class JailFacts(TypedDict):
    """One jail; ``counted`` are times and cursors, oldest first."""

    name: str
    state: str
    failures: int
    max_retry: int
    find_time_usec: int
    counted: list[tuple[int, str]]
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
    "counted": "a(ts)",
    "cursors": "as",
    "ended": "s",
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
    return {key: variant.build(_TYPES[key], _packed(value)) for key, value in facts.items()}


def tell(explanation: Explanation) -> Facts:
    """Return the answer, with bounded sizes and with text that is harmless to look at."""
    return {
        "address": explanation.address,
        "ignored": _short(explanation.ignored),
        "problem": _short(explanation.problem),
        "jails": [_jail(standing) for standing in explanation.jails[:MOST_JAILS]],
        "past": [_past(ban, ended) for ban, ended in explanation.past[:MOST_PAST]],
    }


def _packed(value: object) -> object:
    if isinstance(value, dict):
        return pack(value)
    if isinstance(value, list):
        return [_packed(item) for item in value]
    return value


def _jail(standing: Standing) -> JailFacts:
    counted = standing.failures[-MOST_CURSORS:]
    facts: JailFacts = {
        "name": standing.name,
        "state": str(standing.state),
        "failures": len(standing.failures),
        "max_retry": standing.maxretry,
        "find_time_usec": standing.findtime,
        "counted": [(failure.time, failure.cursor) for failure in counted],
        "ignored": _short(standing.ignored),
        "why": _short(standing.why),
        "banned_inside": standing.inside,
    }
    if standing.ends is not None:
        facts["window_ends"] = standing.ends
    if standing.ban is not None:
        facts["ban"] = _ban(standing.ban)
    if standing.offences is not None and standing.next_ban is not None:
        facts["offences"], facts["next_ban_usec"] = standing.offences, standing.next_ban
    return facts


def _ban(ban: Ban) -> BanFacts:
    return {
        "address": ban.address,
        "since": ban.since,
        "until": ban.until,
        "failures": ban.failures,
        "reason": _short(ban.reason),
        "cursors": list(ban.cursors[-MOST_CURSORS:]),
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
    }


def _short(text: str) -> str:
    return printable(text[:LONGEST_TEXT])
