# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module tells in lines how an address stands: the answer first, then jail by jail."""

import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from jaild.cli.lines import Line
from jaild.cli.render import moment
from jaild.cli.table import HEAD
from jaild.core import duration
from jaild.core.ban import FOREVER
from jaild.core.text import printable

if TYPE_CHECKING:
    from jaild.api.explain import BanFacts, EntryFacts, Facts, JailFacts, PastFacts
    from jaild.cli.explain.evidence import Evidence

BANNED, SPARED, QUIET = "bold red", "bold green", "dim"
_BY_HAND = "by hand"
# The service's word for a permanent ban that the configuration wants.
_DENIED = "denyip lists it"
_INDENT = "  "
# Of each ban of the past this many entries are shown, the last ones.
_MOST_PAST = 5


class Report:
    """What is printed; ``most`` entries of each jail.

    Each is cut to two lines of ``width``, 0 for any: the address often stands at the end.
    """

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
        if facts["past"]:
            yield []
            yield [(HEAD, "Past bans")]
        for place, ban in enumerate(facts["past"]):
            yield [("", printable(_past(ban, facts["address"])))]
            yield from self._entries(ban["evidence"], _MOST_PAST, command=not place)

    def _jail(self, jail: "JailFacts") -> Iterator[Line]:
        yield [
            (HEAD, printable(jail["name"])),
            ("", printable(f": {_standing(jail, self._facts['address'])}")),
        ]
        for sentence in _remarks(jail, self._facts["address"]):
            yield [("", printable(_INDENT + sentence))]
        yield from self._entries(against(jail), self._most, command=True)

    def _entries(
        self, evidence: Sequence["EntryFacts"], most: int, *, command: bool
    ) -> Iterator[Line]:
        """Yield the last entries, and perhaps the command that shows the last of them in full."""
        shown = evidence[-most:]
        if len(evidence) > len(shown):
            yield [(QUIET, f"{_INDENT}… the last {len(shown)} of {len(evidence)} entries:")]
        for entry in shown:
            yield [("", self._cut(_INDENT + self._entry(*entry)))]
        cursors = [cursor for _, cursor, _ in shown if cursor]
        left = [cursor for cursor in cursors if cursor not in self._evidence.gone]
        if not command or not cursors:
            return
        if not left:
            yield [(QUIET, f"{_INDENT}the journal no longer has these entries")]
            return
        # A cursor has semicolons: without its quotes a shell would take it for commands. It is
        # never cut, to be copied whole.
        line = f"journalctl -o verbose -n 1 --cursor={shlex.quote(left[-1])}"
        yield [(QUIET, printable(_INDENT + line))]

    def _entry(self, time: int, cursor: str, message: str) -> str:
        entry = self._evidence.entries.get(cursor)
        # Bans of earlier versions have cursors only.
        said = message or (entry.message if entry is not None else "")
        origin = self._evidence.origin(cursor)
        text = (f"{origin}: {said}" if origin else said) if said else cursor
        moments = time or (entry.time if entry is not None else 0)
        return f"{moment(moments)}  {text}" if moments else text

    def _cut(self, text: str) -> str:
        harmless = printable(text)
        room = 2 * self._width
        return harmless if not room or len(harmless) <= room else harmless[: room - 1] + "…"


def against(jail: "JailFacts") -> list["EntryFacts"]:
    """Return what a jail has against an address, oldest first."""
    return list(jail["ban"]["evidence"] if "ban" in jail else jail["counted"])


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


def _told(ban: "BanFacts | PastFacts", address: str) -> str:
    """Return until when a ban lasts and what has led to it."""
    end = "for ever" if ban["until"] == FOREVER else f"until {moment(ban['until'])}"
    whole = f" with its network {ban['address']}" if ban["address"] != address else ""
    return f"{end}{whole}, {_cause(ban)}"


def _cause(ban: "BanFacts | PastFacts") -> str:
    if ban["failures"]:
        return f"after {ban['reason']}"
    if ban["reason"] == _DENIED:
        return f"because {_DENIED}"
    return _BY_HAND if ban["reason"] in ("", _BY_HAND) else f'{_BY_HAND} ("{ban["reason"]}")'


def _standing(jail: "JailFacts", address: str) -> str:
    if "ban" not in jail:
        return f"not banned: {jail['why']}"
    ban = jail["ban"]
    return f"banned since {moment(ban['since'])} {_told(ban, address)}"


def _remarks(jail: "JailFacts", address: str) -> Iterator[str]:
    """Yield what else there is to know."""
    if jail["counted_as"] != address and "ban" not in jail:
        yield f"counted as {jail['counted_as']}"
    if "window_ends" in jail and "ban" not in jail:
        yield f"the first stops counting at {moment(jail['window_ends'])}"
    if "ban" in jail and jail["ignored"]:
        yield f"it is to be spared from now on: {jail['ignored']}"
    if jail["banned_inside"]:
        yield f"bans of addresses in this network: {jail['banned_inside']}"
    if jail.get("offences"):
        length = duration.format(jail["next_ban_usec"])
        yield f"bans before that make the next one longer: {jail['offences']}, to {length}"


def _past(ban: "PastFacts", address: str) -> str:
    return f"{ban['jail']}: {moment(ban['since'])} {_told(ban, address)}; {ban['ended']}"
