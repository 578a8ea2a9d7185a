# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module keeps the firewall equal to the roster.

One request is under way at a time; what comes in meanwhile gathers into the next. A request that
failed, or news that somebody else changed the firewall, makes the next one a full comparison with
the roster: level, not edge. Nobody waits here: answers come by callback.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from jaild.core.errors import FirewallFailed, JaildError
from jaild.core.rule import Rule
from jaild.enforce.port import Firewall, Outcome

RETRY_FIRST_MS = 500
RETRY_MOST_MS = 60_000

INACTIVE = (
    "ufw is not active; its rules are prepared and come into force with 'sudo ufw enable'"
    " (allow ssh first: 'sudo ufw allow ssh')"
)

Done = Callable[[Outcome | JaildError], None]


class Timer(Protocol):
    """Something that can be called off."""

    def cancel(self) -> None:
        """Call it off."""


class Clock(Protocol):
    """The loop, as far as it is needed here."""

    def after(self, milliseconds: int, callback: Callable[[], None]) -> Timer:
        """Call callback once, later."""


class Keeper:
    """Brings the roster into force; ``problem`` is a sentence while that fails, else ""."""

    def __init__(
        self,
        firewall: Firewall,
        clock: Clock,
        roster: Callable[[], Sequence[Rule]],
        report: Callable[[str], None],
    ) -> None:
        """``roster`` gives all rules that are meant; ``report`` hears when the problem changes."""
        self._firewall = firewall
        self._clock = clock
        self._roster = roster
        self._report = report
        self._wanted: dict[Rule, bool] = {}
        self._waiting: list[Done] = []
        self._busy = False
        self._compare = False
        self._retry: Timer | None = None
        self._pause = RETRY_FIRST_MS
        self.problem = ""

    def change(self, add: Iterable[Rule], drop: Iterable[Rule], done: Done | None = None) -> None:
        """Bring these changes into force; done hears how the request that carried them went."""
        self._wanted.update(dict.fromkeys(drop, False))
        self._wanted.update(dict.fromkeys(add, True))
        self._enqueue(done)

    def compare(self, done: Done | None = None) -> None:
        """Make the firewall equal to the whole roster."""
        self._compare = True
        self._enqueue(done)

    def _enqueue(self, done: Done | None) -> None:
        if done is not None:
            self._waiting.append(done)
        if not self._busy:
            self._next()

    def _next(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        wanted, self._wanted = self._wanted, {}
        waiting, self._waiting = self._waiting, []
        compare, self._compare = self._compare or bool(self.problem), False
        if not (compare or wanted or waiting):
            return
        self._busy = True

        def answered(outcome: Outcome | JaildError) -> None:
            self._answered(outcome, waiting)

        if compare:
            self._firewall.sync(self._roster(), answered)
        else:
            add = [rule for rule, present in wanted.items() if present]
            drop = [rule for rule, present in wanted.items() if not present]
            self._firewall.apply(add, drop, answered)

    def _answered(self, outcome: Outcome | JaildError, waiting: list[Done]) -> None:
        self._busy = False
        self._judge(outcome)
        told = outcome
        if self.problem and not isinstance(outcome, JaildError):
            told = FirewallFailed(self.problem)
        for done in waiting:
            done(told)
        if self._busy:
            return
        if self._wanted or self._waiting or self._compare:
            self._next()
        elif isinstance(outcome, JaildError) and self._retry is None:
            # A ufw that is switched on announces itself as drift; a failure does not.
            self._retry = self._clock.after(self._pause, self._again)
            self._pause = min(self._pause * 2, RETRY_MOST_MS)

    def _again(self) -> None:
        self._retry = None
        self.compare()

    def _judge(self, outcome: Outcome | JaildError) -> None:
        before = self.problem
        if isinstance(outcome, JaildError):
            self.problem = str(outcome)
        else:
            self.problem = outcome.problem if outcome.state == "active" else INACTIVE
        if not self.problem:
            self._pause = RETRY_FIRST_MS
        if self.problem != before:
            self._report(self.problem)
