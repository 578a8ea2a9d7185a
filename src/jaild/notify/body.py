# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module writes what stands in a mail, for somebody who reads it at three in the morning.

Each line that comes from elsewhere is made printable, cut, and set in by two columns, so that it
can neither be taken for one of ours nor for a line that mail programs heed. The whole is bounded.
"""

import os
import shlex
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from email import quoprimime

from jaild.core.text import printable
from jaild.notify import ban_table, ban_text, change_text
from jaild.notify.model import Facts, News, Notice, Report

WIDTH = 78
# Of one mail, as it is sent: ten thousand bans are all named, by the longest addresses there are.
MOST_BYTES = 1_000_000
# Of one without a long table.
USUAL_BYTES = 200_000
MOST_LINES = 100
MOST_WHOIS = 200
# What comes after the table finds this much room, however long that is.
_FOR_DETAILS = 60_000
# Whatever else there is, the commands stand at the end.
_FOR_END = 3_000
_LONGEST = 500
_CUT = "…"
_INDENT = "  "


class Page:
    """Lines, and the room that is left for more: in bytes as they are sent."""

    def __init__(self, room: int) -> None:
        """Begin with none."""
        self.lines: list[str] = []
        self._whole = self._room = room

    def add(self, lines: Iterable[str], keep: int = 0) -> int:
        """Add lines until no more than ``keep`` is left; return how many found no room."""
        left_out = 0
        for line in lines:
            encoded = line.encode()
            # Longer lines are broken, with three bytes for each break.
            cost = quoprimime.body_length(encoded) * 21 // 20 + 2
            if left_out or self._room - cost < keep:
                left_out += 1
                continue
            self._room -= cost
            self.lines.append(line)
        return left_out

    def leave(self, room: int) -> None:
        """Leave no more room than this."""
        self._room = min(self._room, room)

    def used(self) -> int:
        """Return how much room is taken, as long as none was left out by leave()."""
        return self._whole - self._room

    def fits(self, keep: int) -> bool:
        """Return whether more than ``keep`` is left."""
        return self._room > keep


def jail_of(report: Report) -> str:
    """Return the name of the jail that a report is of, "" if it is of none."""
    return next((one.jail for one in _news(report)), "")


def host_of(report: Report) -> str:
    """Return the name of the host that has banned."""
    return next((one.host for one in _news(report)), os.uname().nodename)


def _news(report: Report) -> tuple[News, ...]:
    return (*report.notices, *report.omitted, *report.changes)


def text(report: Report) -> str:
    """Return the text of a report's mail; its lines end in a newline."""
    page = Page(MOST_BYTES)
    bans = [*report.notices, *report.omitted]
    page.add(_opening(report, bans))
    page.add(_changes(report, bans))
    if len(bans) == 1:
        page.add(["", *ban_text.rows(bans[0], _facts(report, bans[0]))])
    elif bans:
        page.add([""])
        ban_table.add(page, bans, _FOR_DETAILS + _FOR_END)
    page.leave(max(USUAL_BYTES - page.used(), _FOR_DETAILS + _FOR_END))
    untold = 0
    for notice in report.notices:
        if not page.fits(2 * _FOR_END):
            untold += 1
            continue
        if len(bans) > 1:
            page.add(["", *ban_text.rows(notice, _facts(report, notice))], _FOR_END)
        _details(page, report, notice)
    if untold:
        page.add(["", f"There is no room here for the details of {untold:,} more."])
    page.add(_end(report, bans))
    return "\n".join([*page.lines, ""])


def quoted(text: str) -> str:
    """Return a line of somebody else's: printable, cut, set in."""
    shown = text.expandtabs() if len(text) <= _LONGEST else text[:_LONGEST].expandtabs() + _CUT
    return _INDENT + printable(shown[: _LONGEST + 1].rstrip())


def _wrapped(sentence: str) -> list[str]:
    # Names are in it, which could be anything: no line begins with one.
    return textwrap.wrap(sentence, WIDTH, subsequent_indent=_INDENT)


def _facts(report: Report, notice: Notice) -> Facts:
    return report.facts.get(notice.address, Facts())


def _opening(report: Report, bans: Sequence[Notice]) -> Iterator[str]:
    host, jail = printable(host_of(report)), printable(jail_of(report))
    if report.test:
        sentence = "This is a test, which somebody has asked for: nobody was banned. "
        yield from _wrapped(f"{sentence}A mail of jail {jail} on {host} looks like this:")
        yield ""
    if report.changes and not bans:
        sentence = f"Jail {jail} on {host} {change_text.state(report.changes[-1])}."
    elif len(bans) == 1:
        sentence = f"Jail {jail} on {host} has banned {printable(bans[0].address)}."
    else:
        sentence = f"Jail {jail} on {host} has banned {len(bans):,} addresses."
    yield from _wrapped(sentence)
    if report.plain:
        yield ""
        sentence = (
            "This mail was refused as it was, so it leaves out what others wrote: log lines,"
            " whois, names and reasons."
        )
        yield from _wrapped(sentence)
    if report.lost:
        yield ""
        sentence = (
            f"There were {report.lost:,} more bans, too many to be kept until a mail could be"
            " sent. The journal has them, see EXAMPLES in jaild(8)."
        )
        yield from _wrapped(sentence)


def _changes(report: Report, bans: Sequence[Notice]) -> Iterator[str]:
    if not report.changes:
        return
    if bans:
        yield ""
        yield f"The jail {change_text.state(report.changes[-1])}:"
    yield ""
    yield from (_INDENT + row for row in change_text.rows(report.changes))


def _details(page: Page, report: Report, notice: Notice) -> None:
    """Add the log lines of a ban and what whois says."""
    lines = report.lines.get(notice.cursor, ())
    shown = lines[-MOST_LINES:]
    if shown:
        page.add(["", "The log lines that led to it:", ""], _FOR_END)
        # jaild's record of a ban names the last entries only.
        whole = len(lines) + max(0, notice.failures - len(notice.evidence))
        if whole > len(shown):
            page.add([f"{_INDENT}… the last {len(shown)} of {whole}:"], _FOR_END)
        _note(page, page.add((quoted(line.text) for line in shown), _FOR_END))
    elif report.mail.lines and notice.evidence:
        page.add(["", "The journal no longer has the log lines that led to it."], _FOR_END)
    facts = _facts(report, notice)
    whois = facts.whois.strip()
    if facts.silence:
        page.add(["", f"({printable(facts.silence)})"], _FOR_END)
    if whois:
        said = whois.splitlines()
        page.add(["", "What whois says of it, in its owner's words:", ""], _FOR_END)
        left = page.add((quoted(line) for line in said[:MOST_WHOIS]), _FOR_END)
        _note(page, left + max(0, len(said) - MOST_WHOIS))


def _note(page: Page, left_out: int) -> None:
    if left_out:
        page.add([f"{_INDENT}… and {left_out:,} more lines"])


def _end(report: Report, bans: Sequence[Notice]) -> Iterator[str]:
    if bans:
        one = bans[0]
        jail = printable(shlex.quote(one.jail))
        yield ""
        if len(bans) == 1:
            yield "What jaild knows of it, and how to let it in again:"
        else:
            yield "What jaild knows of one of them, and how to let it in again:"
        address = printable(one.address) if len(bans) == 1 else "ADDRESS"
        yield ""
        yield f"{_INDENT}jailctl explain {address}"
        yield f"{_INDENT}sudo jailctl unban {jail} {address}"
    elif report.changes:
        yield ""
        yield "How it stands now:"
        yield ""
        yield f"{_INDENT}jailctl status {printable(shlex.quote(report.changes[-1].jail))}"
    host = printable(host_of(report))
    yield ""
    yield "-- "
    yield from _wrapped(f"jaild on {host}; see destemail in jail.conf(5) for who gets this")
