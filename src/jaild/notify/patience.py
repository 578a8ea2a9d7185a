# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module keeps from asking, again and again, somebody who does not answer."""

import time
from collections import deque
from collections.abc import Callable

Now = Callable[[], float]

MINUTE = 60.0


class Patience:
    """Whether to ask: after ``most`` failures in a row not for a minute; ``limit`` times a minute.

    Each question may take its full time, and whoever asks waits for it.
    """

    def __init__(self, limit: int, most: int = 3, now: Now = time.monotonic) -> None:
        """Count by now, in seconds."""
        self._limit = limit
        self._most = most
        self._now = now
        self._asked: deque[float] = deque()
        self._failures = 0
        self._rests_until = 0.0

    def is_tired(self) -> bool:
        """Return whether nobody has answered lately."""
        return self._now() < self._rests_until

    def ask(self) -> bool:
        """Take one of this minute's questions; False if there is none left."""
        now = self._now()
        while self._asked and self._asked[0] <= now - MINUTE:
            self._asked.popleft()
        if len(self._asked) >= self._limit:
            return False
        self._asked.append(now)
        return True

    def answered(self) -> None:
        """Note an answer."""
        self._failures = 0

    def failed(self) -> None:
        """Note that there was none."""
        self._failures += 1
        if self._failures >= self._most:
            self._failures = 0
            self._rests_until = self._now() + MINUTE
