# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module prints what ``jailctl check`` finds, as compilers do: place, sentence, line, caret.

Lines of files are untrusted: everything is made harmless to a terminal, tabs excepted.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from jaild.cli.lines import Line, harmless, place, show_lines
from jaild.cli.verb import say_json
from jaild.config.check import Finding, Kind, Report
from jaild.config.model import JailConfig
from jaild.core.text import printable

if TYPE_CHECKING:
    from jaild.cli.configuration_reach import Reached

# A longer line is shown around the piece at fault.
WIDEST = 160
_CUT = "…"
_BEFORE = 40

_STYLES = {Kind.MISTAKE: "bold red", Kind.WARNING: "bold yellow", Kind.NOTE: "bold cyan"}


def show(
    report: Report, *, json: bool, quiet: bool, reached: "Sequence[Reached] | None" = None
) -> None:
    """Print a report and what was reached, None if nothing was tried; ``quiet`` without notes."""
    if json:
        tried = {} if reached is None else {"reach": [_reached_object(one) for one in reached]}
        say_json({**as_object(report), **tried})
        return
    chosen = [one for one in report.findings if not (quiet and one.kind is Kind.NOTE)]
    found = [line for finding in chosen for line in lines(finding)]
    show_lines([*found, *map(_reached, reached or ()), [("", summary(report))]])


def as_object(report: Report) -> dict[str, object]:
    """Return the report for JSON."""
    return {
        "mistakes": [_finding_object(one) for one in report.of(Kind.MISTAKE)],
        "warnings": [_finding_object(one) for one in report.of(Kind.WARNING)],
        "notes": [_finding_object(one) for one in report.of(Kind.NOTE)],
        "jails": [_jail_object(jail) for jail in report.jails],
        "broken": list(report.broken),
        "usable": report.usable,
    }


def summary(report: Report) -> str:
    """Return the last line: how many mistakes, and which jails would run."""
    mistakes = report.of(Kind.MISTAKE)
    files = len({finding.path for finding in mistakes})
    warnings = len(report.of(Kind.WARNING))
    said = f"{_count(len(mistakes), 'mistake')} in {_count(files, 'file')}"
    said = said if mistakes else "no mistakes"
    said += f", {_count(warnings, 'warning')}" if warnings else ""
    if not report.usable:
        return said + "; jaild would not take this configuration"
    said += f"; {_named((jail.name for jail in report.jails), 'would run')}"
    return said + (f"; {_named(report.broken, 'would not')}" if report.broken else "")


def lines(finding: Finding) -> Iterator[Line]:
    """Yield what is printed of one finding."""
    hint = f" ({printable(finding.hint)})" if finding.hint else ""
    yield [
        ("bold", place(finding.path, finding.line, finding.column)),
        (_STYLES[finding.kind], f"{finding.kind}: "),
        ("", printable(finding.message) + hint),
    ]
    if finding.column:
        source, start = _window(finding)
        end = start + len(finding.text)
        yield [("", harmless(source))]
        yield [("", _blank(source[:start])), ("bold green", _underline(source[start:end]))]


def _reached(one: "Reached") -> Line:
    style = "bold green" if one.works else "bold red"
    told = f"{printable(one.server)}: {printable(one.told)}"
    return [("bold", f"mta = {one.mta}: "), (style, "reached" if one.works else "not reached"),
            ("", f": {told}")]  # fmt: skip


def _reached_object(one: "Reached") -> dict[str, object]:
    return {"mta": one.mta, "server": one.server, "works": one.works, "told": one.told}


def _named(names: Iterable[str], what: str) -> str:
    found = [printable(name) for name in names]
    return f"{_count(len(found), 'jail')} {what}" + (f": {', '.join(found)}" if found else "")


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"


def _window(finding: Finding) -> tuple[str, int]:
    """Return the line, cut if it is long, and where in it the piece at fault begins."""
    source, start = finding.source.rstrip(), finding.column - 1
    if len(source) <= WIDEST:
        return source, start
    first = max(0, start - _BEFORE)
    cut = source[first : first + WIDEST]
    cut += _CUT if first + WIDEST < len(source) else ""
    return (_CUT + cut, start - first + 1) if first else (cut, start)


def _blank(text: str) -> str:
    """Return blanks as wide as the text; tabs stay."""
    return "".join("\t" if char == "\t" else " " * _width(char) for char in harmless(text))


def _underline(text: str) -> str:
    width = sum(1 if char == "\t" else _width(char) for char in harmless(text))
    return "^" + "~" * (width - 1)


def _width(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _finding_object(finding: Finding) -> dict[str, object]:
    return {
        "path": finding.path,
        "line": finding.line,
        "column": finding.column,
        "message": finding.message,
        "hint": finding.hint,
        "text": finding.text,
    }


def _jail_object(jail: JailConfig) -> dict[str, object]:
    return {
        "name": jail.name,
        "filter": jail.filter.name,
        "journal_match": str(jail.match),
        "forgeable": jail.match.forgeable,
    }
