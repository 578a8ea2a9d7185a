# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module lets a few questions be worked on at once and the others wait for their turn."""

import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from jaild.core.errors import JaildError
from jaild.lookup.port import LookupFailed

MOST_WAITING = 1_000
# Then the caller, who waits for an answer no longer than 20 s, would not hear it any more.
PATIENCE_SECONDS = 9.0

T = TypeVar("T")
Done = Callable[[T | JaildError], None]
Start = Callable[[Done[T]], None]


class Lane(Generic[T]):
    """Starts at most ``most`` questions at once; ``now`` is a clock in seconds."""

    def __init__(self, most: int, now: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._now = now
        self._running = 0
        self._waiting: deque[tuple[float, Start[T], Done[T]]] = deque()

    def add(self, start: Start[T], done: Done[T]) -> None:
        """Call start in its turn; it calls what it is given once, in a later turn of the loop.

        done gets that answer, or LookupFailed when there is no turn to be had in time.
        """
        if self._running < self._most:
            self._run(start, done)
        elif len(self._waiting) < MOST_WAITING:
            self._waiting.append((self._now() + PATIENCE_SECONDS, start, done))
        else:
            done(LookupFailed(f"too many questions at once: {MOST_WAITING} are waiting already"))

    def _run(self, start: Start[T], done: Done[T]) -> None:
        def ended(answer: T | JaildError) -> None:
            self._running -= 1
            done(answer)
            self._next()

        self._running += 1
        start(ended)

    def _next(self) -> None:
        while self._waiting and self._running < self._most:
            limit, start, done = self._waiting.popleft()
            if self._now() < limit:
                self._run(start, done)
            else:
                done(LookupFailed("too many questions at once: this one waited too long"))
