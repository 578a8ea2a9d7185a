# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module ends patterns that run away, so that no message can stall the service.

Python's ``re`` looks for signals while it works, and a signal's handler may raise. The timer runs
on the process's own computing time: it is silent while the process sleeps, and a busy host or a
suspended machine takes nothing from anybody's time.
"""

import signal
from types import FrameType

from jaild.core.errors import TooSlow
from jaild.core.filter import Filter, Verdict
from jaild.core.pattern import Pattern

# A message has between one and two of these; honest patterns need some microseconds.
TICK_SECONDS = 0.25


class Limit:
    """The one timer of a process; it belongs to the main thread."""

    def __init__(self) -> None:
        self._working = False
        self._number = 0
        self._seen = -1

    def start(self) -> None:
        """Begin to watch; until then nothing is limited."""
        signal.signal(signal.SIGVTALRM, self._tick)
        # System calls go on where they were.
        signal.siginterrupt(signal.SIGVTALRM, False)  # noqa: FBT003 - it has no name
        signal.setitimer(signal.ITIMER_VIRTUAL, TICK_SECONDS, TICK_SECONDS)

    def stop(self) -> None:
        """Watch no longer."""
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)

    def __enter__(self) -> None:
        self._number += 1
        self._working = True

    def __exit__(self, *_: object) -> None:
        self._working = False

    def _tick(self, _signum: int, _frame: FrameType | None) -> None:
        if self._working and self._seen == self._number:
            # Once: what handles the error has its own time.
            self._working = False
            raise TooSlow("a pattern takes too long on this message")
        self._seen = self._number


class Limited:
    """A filter that raises TooSlow instead of taking for ever."""

    def __init__(self, filter_: Filter, limit: Limit) -> None:
        self._filter = filter_
        self._limit = limit
        self.wants_prefix = filter_.wants_prefix
        self.prefixed = filter_.prefixed
        self.correlation = filter_.correlation

    def judge(self, message: str, prefix: str = "") -> Verdict:
        """Return what a message means; raises TooSlow."""
        with self._limit:
            return self._filter.judge(message, prefix)

    def culprit(self, message: str, prefix: str = "") -> str:
        """Return which pattern takes too long on a message, as ``failregex, pattern 2``."""
        chosen = self._filter
        named = [("prefregex", chosen.gate)] if chosen.gate else []
        for option, patterns in (("failregex", chosen.patterns), ("ignoreregex", chosen.ignored)):
            named += [(f"{option}, pattern {n}", p) for n, p in enumerate(patterns, 1)]
        lines = [message.replace("\n", "\\n")]
        lines += [prefix + lines[0]] if prefix else []
        return next((name for name, one in named if self._runs_away(one, lines)), "a pattern")

    def _runs_away(self, pattern: Pattern, lines: list[str]) -> bool:
        for line in lines:
            try:
                with self._limit:
                    pattern.match(line)
            except TooSlow:
                return True
        return False
