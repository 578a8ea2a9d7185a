# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module tells in lines how an address stands: the answer first, then jail by jail."""

import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from jaild.api.text import printable
from jaild.cli.lines import Line
from jaild.cli.render import moment
from jaild.cli.table import HEAD, table
from jaild.core import duration
from jaild.core.ban import FOREVER

if TYPE_CHECKING:
    from jaild.api.explain import BanFacts, Facts, JailFacts, PastFacts
    from jaild.cli.explain.evidence import Evidence

BANNED, SPARED, QUIET = "bold red", "bold green", "dim"
_BY_HAND = "by hand"
_INDENT = "  "
_PAST = ("Since", "Until", "Jail", "Address", "Why, and how it ended")


class Report:
    """What is printed; ``most`` entries of each jail, lines cut to ``width``, 0 for any."""

    def __init__(self, facts: "Facts", evidence: "Evidence", most: int, width: int) -> None:
        self._facts = facts
        self._evidence = evidence
        self._most = most
        self._width = width

    def lines(self) -> Iterator[Line]:
        """Yield the lines."""
        facts = self._facts
        banned = any("ban" in jail for jail in facts["jails"])
        yield [(BANNED if banned else SPARED, printable(answer(facts)))]
        if facts["problem"]:
            yield [("bold", printable(f"Bans are not in force: {facts['problem']}"))]
        for jail in facts["jails"]:
            yield []
            yield from self._jail(jail)
        rows = [("", _past_cells(ban)) for ban in facts["past"]]
        yield from table("Past bans", _PAST, rows, self._width)

    def _jail(self, jail: "JailFacts") -> Iterator[Line]:
        yield [
            (HEAD, printable(jail["name"])),
            ("", printable(f": {_standing(jail, self._facts['address'])}")),
        ]
        for sentence in _remarks(jail):
            yield [("", printable(_INDENT + sentence))]
        evidence = against(jail)
        shown = evidence[-self._most :]
        if len(evidence) > len(shown):
            yield [(QUIET, f"{_INDENT}… the last {len(shown)} of {len(evidence)} entries:")]
        for time, cursor in shown:
            yield [("", self._cut(_INDENT + self._entry(time, cursor)))]
        cursors = [cursor for _, cursor in shown if cursor]
        if cursors:
            # A cursor has semicolons: without its quotes a shell would take it for commands. It
            # is never cut, to be copied whole.
            command = f"journalctl -o verbose -n 1 --cursor={shlex.quote(cursors[-1])}"
            yield [(QUIET, printable(_INDENT + command))]

    def _entry(self, time: int, cursor: str) -> str:
        entry = self._evidence.entries.get(cursor)
        if entry is not None:
            return f"{moment(entry.time)}  {entry.message}"
        return f"{moment(time)}  {cursor}" if time else cursor

    def _cut(self, text: str) -> str:
        harmless = printable(text)
        fits = not self._width or len(harmless) <= self._width
        return harmless if fits else harmless[: self._width - 1] + "…"


def against(jail: "JailFacts") -> list[tuple[int, str]]:
    """Return times and cursors of what a jail has against an address, oldest first.

    Of what led to a ban the times are not known here: they are 0.
    """
    if "ban" in jail:
        return [(0, cursor) for cursor in jail["ban"]["cursors"]]
    return list(jail["counted"])


def answer(facts: "Facts") -> str:
    """Return the one sentence that answers the question."""
    address, jails = facts["address"], facts["jails"]
    bans = [(jail["name"], jail["ban"]) for jail in jails if "ban" in jail]
    if bans:
        told = " and ".join(f"by {name} {_told(ban, address)}" for name, ban in bans)
        return f"{address} is banned {told}."
    if facts["ignored"]:
        return f"{address} is never banned: {facts['ignored']}."
    knowing = [jail for jail in jails if jail["failures"] or jail["ignored"]]
    if knowing:
        told = ", and ".join(f"{jail['why']} ({jail['name']})" for jail in knowing)
        return f"{address} is not banned: {told}."
    running = any(jail["state"] == "running" for jail in jails)
    return _of_nobody(address, facts["past"]) if running else _without_jails(address)


def _without_jails(address: str) -> str:
    return f"{address} is not banned: no jail is running."


def _of_nobody(address: str, past: Sequence["PastFacts"]) -> str:
    if not past:
        return f"{address} is not banned: nothing is known of it."
    last = past[0]
    return (
        f"{address} is not banned any more: the last ban, by {last['jail']} on "
        f"{moment(last['since'])}, has ended ({last['ended']})."
    )


def _told(ban: "BanFacts", address: str) -> str:
    """Return until when a ban lasts and what has led to it."""
    end = "for ever" if ban["until"] == FOREVER else f"until {moment(ban['until'])}"
    whole = f" with its network {ban['address']}" if ban["address"] != address else ""
    return f"{end}{whole}, {_cause(ban)}"


def _cause(ban: "BanFacts | PastFacts") -> str:
    if ban["failures"]:
        return f"after {ban['reason']}"
    return _BY_HAND if ban["reason"] in ("", _BY_HAND) else f'{_BY_HAND} ("{ban["reason"]}")'


def _standing(jail: "JailFacts", address: str) -> str:
    if "ban" not in jail:
        return f"not banned: {jail['why']}"
    ban = jail["ban"]
    return f"banned since {moment(ban['since'])} {_told(ban, address)}"


def _remarks(jail: "JailFacts") -> Iterator[str]:
    """Yield what else there is to know."""
    if "window_ends" in jail and "ban" not in jail:
        yield f"the first stops counting at {moment(jail['window_ends'])}"
    if "ban" in jail and jail["ignored"]:
        yield f"it is to be spared from now on: {jail['ignored']}"
    if jail["banned_inside"]:
        yield f"bans of addresses in this network: {jail['banned_inside']}"
    if jail.get("offences"):
        length = duration.format(jail["next_ban_usec"])
        yield f"bans before that make the next one longer: {jail['offences']}, to {length}"


def _past_cells(ban: "PastFacts") -> tuple[str, ...]:
    times = (moment(ban["since"]), moment(ban["until"]))
    return (*times, ban["jail"], ban["address"], f"{_cause(ban)}; {ban['ended']}")
