# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module writes the report on a filter's trial, as a person reads it."""

import re
from collections.abc import Iterable, Iterator

from jaild.cli.lines import Line
from jaild.cli.table import Row, count, facts, table
from jaild.cli.trial.explain import STYLES
from jaild.cli.trial.run import Trial
from jaild.core.detector import Detection
from jaild.core.entry import Entry
from jaild.core.filter import Kind

TOP_ADDRESSES = 10
TOP_FORMS = 20
# How many forms of missed messages are told apart; a hostile log has as many as it likes.
_MOST_FORMS = 2000
_NANOSECONDS = 1_000_000_000
# What differs between messages of one form: numbers, addresses among them, and quoted words.
_VARIES = re.compile(r"""\d[\da-fA-F:.]*|"[^"]*"|'[^']*'""")


class Samples:
    """What is worth showing of the entries: an example of each kind for each pattern, and misses.

    Missed messages that differ in numbers only are of one form and counted together.
    """

    def __init__(self) -> None:
        self._hits: dict[tuple[int, Kind], tuple[str, str]] = {}
        self._forms: dict[str, tuple[int, str]] = {}

    def see(self, entry: Entry, found: Detection) -> None:
        """Take in one entry."""
        if found.place is None:
            self._miss(entry.message)
        elif (found.place, found.kind) not in self._hits:
            address = found.address or ("nobody" if found.kind is Kind.FAILURE else "-")
            self._hits[found.place, found.kind] = (address, entry.message)

    def _miss(self, message: str) -> None:
        form = _VARIES.sub("0", message)
        known = self._forms.get(form)
        if known is not None:
            self._forms[form] = (known[0] + 1, known[1])
        elif len(self._forms) < _MOST_FORMS:
            self._forms[form] = (1, message)

    def hits(self) -> list[tuple[int, Kind, str, str]]:
        """Return an example for each pattern and kind: place, kind, address, message."""
        found = sorted(self._hits.items(), key=lambda item: (item[0][0], item[0][1].value))
        return [(place, kind, *example) for (place, kind), example in found]

    def misses(self) -> list[tuple[int, str]]:
        """Return how often each form was missed, with an example; the most frequent first."""
        return sorted(self._forms.values(), key=lambda form: -form[0])


class Report:
    """Turns a trial's numbers into lines; ``width`` is what a line may take, 0 for any."""

    def __init__(self, trial: Trial, samples: Samples, width: int) -> None:
        self._trial = trial
        self._samples = samples
        self._width = width

    def lines(self, tested: Iterable[tuple[str, str]], *, misses: bool) -> Iterator[Line]:
        """Yield the report; ``tested`` says with labels what is tested and on what."""
        yield from facts((*tested, *self._numbers()))
        columns = ("#", "hits", "time", "ms", "failregex")
        yield from table("Patterns", columns, self._rows(), self._width)
        counted = self._trial.addresses.most_common(TOP_ADDRESSES)
        rows = [("", (f"{number:,}", address)) for address, number in counted]
        yield from table("Addresses", ("failures", "address"), rows, self._width)
        hits = [
            (STYLES[kind], (str(place + 1), kind.value, address, message))
            for place, kind, address, message in self._samples.hits()
        ]
        head = ("#", "verdict", "address", "message")
        yield from table("Examples", head, hits, self._width)
        if misses:
            yield from self._missed()

    def _numbers(self) -> Iterator[tuple[str, str]]:
        trial, kinds = self._trial, self._trial.kinds
        rate = f", {trial.entries / trial.seconds:,.0f} entries/s" if trial.seconds > 0 else ""
        yield "Entries", f"{trial.entries:,} in {trial.seconds:.2f} s{rate}"
        counted = f"{count(kinds[Kind.FAILURE], 'failure')}, {count(kinds[Kind.HELPER], 'helper')}"
        left = f"{kinds[Kind.IGNORED]:,} ignored, {kinds[Kind.MISS]:,} missed"
        yield "Verdicts", f"{counted}, {left}"
        if trial.runaways:
            yield "Runaways", f"{count(trial.runaways, 'message')} took a pattern too long"

    def _rows(self) -> Iterator[Row]:
        traced = self._trial.filter
        total = sum(traced.nanoseconds) + traced.gate_nanoseconds
        if traced.gate is not None:
            share = _share(traced.gate_nanoseconds, total)
            yield "", ("pref", "", *share, traced.gate.text)
        for place, pattern in enumerate(traced.patterns):
            hits = traced.hits[place]
            share = _share(traced.nanoseconds[place], total)
            yield "" if hits else "dim", (str(place + 1), f"{hits:,}", *share, pattern.text)

    def _missed(self) -> Iterator[Line]:
        forms = self._samples.misses()
        rows = [("", (f"{number:,}", message)) for number, message in forms[:TOP_FORMS]]
        yield from table("Missed", ("times", "such as"), rows, self._width)
        if len(forms) > TOP_FORMS:
            more = f"{len(forms) - TOP_FORMS:,} more forms; --missed shows every missed message"
            yield [("dim", more)]


def _share(part: int, total: int) -> tuple[str, str]:
    return f"{100 * part / total if total else 0:.0f} %", f"{part * 1000 / _NANOSECONDS:,.1f}"
