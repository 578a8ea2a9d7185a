# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module writes what comes of a replay, as a person reads it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from jaild.cli.lines import Line
from jaild.cli.render import moment
from jaild.cli.replay.numbers import STEP_USEC, Found, Numbers
from jaild.cli.table import Row, facts, table
from jaild.core.ban import Ban

TOP_NETWORKS = 10
_BAR = 30
_EIGHTHS = " ▏▎▍▌▋▊▉"
_DAY = 86_400_000_000


class _Unit(NamedTuple):
    """What a row of the timeline stands for.

    ``length`` is how much it has of a time's text, ``stride`` a number of steps that passes over no
    unit, ``longest`` the longest history that it is for, in microseconds.
    """

    name: str
    length: int
    stride: int
    longest: int


_UNITS = (
    _Unit("hour", len("2000-01-01 00"), 1, 3 * _DAY),
    _Unit("day", len("2000-01-01"), 4, 92 * _DAY),
    _Unit("month", len("2000-01"), 96, 0),
)


class Difference(NamedTuple):
    """The bans that one configuration makes and another does not; ``other`` is its name."""

    other: str
    gained: Sequence[Found]
    lost: Sequence[Found]


class Report:
    """Turns a replay's numbers into lines; ``width`` is what a line may take, 0 for any."""

    def __init__(self, numbers: Numbers, difference: Difference | None, width: int) -> None:
        """With a difference, only the bans in which it lies are listed."""
        self._numbers = numbers
        self._difference = difference
        self._width = width

    def lines(self, replayed: Iterable[tuple[str, str]]) -> Iterator[Line]:
        """Yield the report; ``replayed`` says with labels what has been played to whom.

        The numbers come last, where a long table of bans leaves them in sight.
        """
        yield from facts(replayed)
        if self._difference is None:
            yield from self._bans("Bans", self._numbers.found)
        else:
            yield from self._bans("Gained", self._difference.gained)
            yield from self._bans("Lost", self._difference.lost)
        yield from self._timeline()
        yield from self._networks()
        head = ("failures", "bans", "addresses", "jail")
        yield from table("Jails", head, self._jails(), self._width)
        yield []
        yield from facts(self._totals())

    def _bans(self, title: str, found: Sequence[Found]) -> Iterator[Line]:
        rows = [("", _cells(one.ban, one.message)) for one in found]
        head = ("at", "until", "jail", "address", "why")
        yield from table(title, head, rows, self._width)

    def _timeline(self) -> Iterator[Line]:
        failures = self._numbers.times
        banned = Counter(ban.since // STEP_USEC for ban in self._numbers.bans)
        if not failures:
            return
        first, last = min(failures), max(failures)
        unit = _unit((last - first) * STEP_USEC)
        rows = {_label(step, unit): [0, 0] for step in (*range(first, last, unit.stride), last)}
        for place, times in enumerate((failures, banned)):
            for step, number in times.items():
                rows[_label(step, unit)][place] += number
        most = max(failed for failed, _ in rows.values())
        cells = [
            ("", (when, f"{failed:,}", f"{made:,}" if made else "", _bar(failed, most)))
            for when, (failed, made) in rows.items()
        ]
        yield from table("Timeline", (unit.name, "failures", "bans", ""), cells, 0)

    def _networks(self) -> Iterator[Line]:
        rows = [
            ("", (f"{failed:,}", f"{banned:,}", f"{addresses:,}", name))
            for name, failed, addresses, banned in self._numbers.networks()[:TOP_NETWORKS]
        ]
        head = ("failures", "bans", "addresses", "network")
        yield from table("Networks", head, rows, self._width)

    def _jails(self) -> Iterator[Row]:
        found = self._numbers.bans
        for name in self._numbers.jails:
            banned = [ban.address for ban in found if ban.jail == name]
            counts = (self._numbers.failures[name], len(banned), len(set(banned)))
            yield "" if any(counts) else "dim", (*(f"{number:,}" for number in counts), name)

    def _totals(self) -> Iterator[tuple[str, str]]:
        numbers = self._numbers
        rate = f", {numbers.entries / numbers.seconds:,.0f} entries/s" if numbers.seconds else ""
        yield "Entries", f"{numbers.entries:,} in {numbers.seconds:.2f} s{rate}"
        of = f"of {_addresses(len(numbers.addresses))}"
        yield "Failures", f"{numbers.failures.total():,} {of}"
        banned = _addresses(len({ban.address for ban in numbers.bans}))
        made = f"{len(numbers.found):,} of {banned}"
        if self._difference is not None:
            other, gained, lost = self._difference
            made += f"; {len(gained):,} gained and {len(lost):,} lost against {other}"
        yield "Bans", made


def _cells(ban: Ban, message: str) -> Sequence[str]:
    why = f"{ban.reason}, at last: {message}"
    return moment(ban.since), moment(ban.until), ban.jail, ban.address, why


def _unit(length: int) -> _Unit:
    return next((unit for unit in _UNITS if length <= unit.longest), _UNITS[-1])


def _label(step: int, unit: _Unit) -> str:
    return moment(step * STEP_USEC)[: unit.length]


def _bar(number: int, most: int) -> str:
    whole, part = divmod(-(-number * _BAR * 8 // most), 8)
    return ("█" * whole + _EIGHTHS[part]).rstrip()


def _addresses(number: int) -> str:
    return f"{number:,} address" if number == 1 else f"{number:,} addresses"
