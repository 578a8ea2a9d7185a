# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module puts a filter to the test: the daemon's own pipeline over entries, with numbers."""

from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial

from jaild.config.compile import compile_with
from jaild.config.model import FilterConfig
from jaild.core.connection import Connection
from jaild.core.detector import Detection, Detector
from jaild.core.entry import MESSAGE_MAX, Entry
from jaild.core.errors import TooSlow
from jaild.core.filter import Correlation, Kind
from jaild.core.trace import Step, TracedFilter
from jaild.service.limit import Limit, Limited

# The daemon suspends a filter at its first runaway match; here it is named so often at most.
MOST_NAMED = 3
# What the store would save is of no use here and is thrown away after so many entries.
_FORGET_AFTER = 1000
_NANOSECONDS = 1_000_000_000
# A longer message is not told whole.
_TOLD_MAX = 1 << 16

See = Callable[[Entry, Detection], None]


class Trial:
    """One filter at work.

    ``entries`` counts what it has seen, ``kinds`` by verdict; ``addresses`` are those of failures;
    ``seconds`` is the time that all of it took; ``runaways`` counts the messages on which a pattern
    took too long, which count as missed.
    """

    def __init__(
        self,
        config: FilterConfig,
        limit: Limit,
        clock: Callable[[], int],
        warn: Callable[[str], None],
    ) -> None:
        """``clock`` gives nanoseconds, ``warn`` takes sentences; raises InvalidConfig."""
        self.filter = compile_with(config, partial(TracedFilter, clock=clock))
        self.entries = 0
        self.kinds: Counter[Kind] = Counter()
        self.addresses: Counter[str] = Counter()
        self.seconds = 0.0
        self.runaways = 0
        self._limit = limit
        self._limited = Limited(self.filter, limit)
        self._detector = Detector(self._limited)
        self._clock = clock
        self._warn = warn

    def run(self, entries: Iterable[Entry], see: See) -> None:
        """Judge entries one after the other and let them be seen with what they mean."""
        take, kinds, connections = self.take, self.kinds, self._detector.connections
        start = self._clock()
        try:
            for entry in entries:
                self.entries += 1
                found = take(entry)
                kinds[found.kind] += 1
                if found.kind is Kind.FAILURE and found.address is not None:
                    self.addresses[found.address] += 1
                see(entry, found)
                if not self.entries % _FORGET_AFTER:
                    connections.changed = {}
        finally:
            self.seconds += (self._clock() - start) / _NANOSECONDS

    def take(self, entry: Entry) -> Detection:
        """Return what one entry means."""
        try:
            return self._detector.take(entry)
        except TooSlow:
            self.runaways += 1
            if self.runaways <= MOST_NAMED:
                which = self._limited.culprit(entry.message, entry.prefix())
                self._warn(f"{which} takes too long on this message: {entry.message}")
            return Detection(Kind.MISS)

    @property
    def correlates(self) -> bool:
        """Whether the lines of a connection have to do with each other."""
        return self.filter.correlation is not Correlation.NONE

    def steps(self) -> tuple[Step, ...]:
        """Return how the last verdict came about; () if a pattern takes too long."""
        try:
            with self._limit:
                return self.filter.steps
        except TooSlow:
            return ()

    def learnt(self) -> dict[str, Connection | None]:
        """Return what the entries since the last call have changed about their connections."""
        changed, self._detector.connections.changed = self._detector.connections.changed, {}
        return changed

    def summary(self) -> dict[str, object]:
        """Return the numbers for JSON; times are seconds."""
        traced = self.filter
        return {
            "entries": self.entries,
            "failures": self.kinds[Kind.FAILURE],
            "helpers": self.kinds[Kind.HELPER],
            "ignored": self.kinds[Kind.IGNORED],
            "missed": self.kinds[Kind.MISS],
            "runaways": self.runaways,
            "seconds": round(self.seconds, 6),
            "prefregex": traced.gate
            and {"text": traced.gate.text, "seconds": traced.gate_nanoseconds / _NANOSECONDS},
            "patterns": [
                {
                    "pattern": place,
                    "text": pattern.text,
                    "hits": traced.hits[place],
                    "seconds": traced.nanoseconds[place] / _NANOSECONDS,
                }
                for place, pattern in enumerate(traced.patterns)
            ],
        }


def whole_message(entry: Entry) -> str:
    """Return the message as it was written; filters see only its beginning if it is long."""
    if len(entry.message) < MESSAGE_MAX:
        return entry.message
    raw = entry.fields.get("MESSAGE", b"")[: 4 * _TOLD_MAX]
    return raw.decode(errors="replace")[:_TOLD_MAX] or entry.message
