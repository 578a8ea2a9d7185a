# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module judges messages as a filter does and tells how it came to each verdict."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from jaild.core.filter import Filter, Verdict
from jaild.core.pattern import Pattern

_PLACES = ("ip4", "ip6", "dns", "cidr")

Find = Callable[[str], re.Match[str] | None]

NO, LITERAL, MATCHED = "no", "literal", "matched"


@dataclass(frozen=True, slots=True)
class Step:
    """One pattern put to one text.

    ``option`` is failregex, ignoreregex or prefregex, ``place`` counts from 0; ``outcome`` is
    "matched", "no", or "literal" for a pattern that was not tried, because the text lacks something
    that every match contains. ``parts`` are the captured texts by their tags' names.
    """

    option: str
    place: int
    text: str
    outcome: str
    parts: Mapping[str, str] = field(default_factory=dict)
    nanoseconds: int = 0


class TracedFilter(Filter):
    """A filter that can tell how it came to its last verdict, and what each pattern has cost.

    ``hits`` and ``nanoseconds`` are by the places of failregex, over all messages judged.
    """

    def __init__(  # noqa: PLR0913 - a filter's, and the clock
        self,
        name: str,
        failregex: Sequence[str],
        ignoreregex: Sequence[str] = (),
        prefregex: str = "",
        *,
        prefixed: bool = False,
        daemon: str = "",
        clock: Callable[[], int],
    ) -> None:
        """``clock`` gives nanoseconds; raises InvalidPattern."""
        super().__init__(name, failregex, ignoreregex, prefregex, prefixed=prefixed, daemon=daemon)
        self.hits = [0] * len(self.patterns)
        self.nanoseconds = [0] * len(self.patterns)
        self.gate_nanoseconds = 0
        self._clock = clock
        self._line = ""
        self._untimed_gate = self.gate
        if self.gate is not None:
            self.gate = replace(self.gate, find=self._timed_gate(self.gate.find))
        # Only what is tried costs time worth knowing, so the clock is not asked about the others.
        self._tries = tuple(
            (place, literal, replace(pattern, find=self._timed(place, pattern.find)))
            for place, literal, pattern in self._tries
        )

    @property
    def steps(self) -> tuple[Step, ...]:
        """The patterns that were put to the last message, in their order, tried once more."""
        return tuple(self._retrace())

    def _judge(self, line: str) -> Verdict:
        self._line = line
        verdict = super()._judge(line)
        if verdict.place is None:
            return verdict
        return verdict._replace(pattern=self.patterns[verdict.place])

    def _timed(self, place: int, find: Find) -> Find:
        clock, nanoseconds, hits = self._clock, self.nanoseconds, self.hits

        def timed(text: str) -> re.Match[str] | None:
            start = clock()
            match = find(text)
            nanoseconds[place] += clock() - start
            if match is not None:
                hits[place] += 1
            return match

        return timed

    def _timed_gate(self, find: Find) -> Find:
        def timed(text: str) -> re.Match[str] | None:
            start = self._clock()
            match = find(text)
            self.gate_nanoseconds += self._clock() - start
            return match

        return timed

    def _retrace(self) -> Iterator[Step]:
        text = self._line
        if self._untimed_gate is not None:
            yield (step := self._try("prefregex", 0, self._untimed_gate, text))
            if step.outcome != MATCHED:
                return
            text = step.parts.get("F-CONTENT") or text
        for place, pattern in enumerate(self.patterns):
            yield (step := self._try("failregex", place, pattern, text))
            if step.outcome == MATCHED:
                break
        else:
            return
        for place, pattern in enumerate(self.ignored):
            yield (step := self._try("ignoreregex", place, pattern, self._line))
            if step.outcome == MATCHED:
                return

    def _try(self, option: str, place: int, pattern: Pattern, text: str) -> Step:
        if pattern.literal not in text:
            return Step(option, place, pattern.text, LITERAL)
        start = self._clock()
        match = pattern.find(text)
        spent = self._clock() - start
        parts = match.groupdict() if match else {}
        named = {_tag(name): part for name, part in parts.items() if part}
        return Step(option, place, pattern.text, MATCHED if match else NO, named, spent)


def _tag(group: str) -> str:
    """Return the name that a group has in the tags of the pattern."""
    names = {"addr": "ADDR", "fid": "F-ID", "fport": "F-PORT"}
    return names.get(group) or (group.upper() if group in _PLACES else f"F-{group.upper()}")
