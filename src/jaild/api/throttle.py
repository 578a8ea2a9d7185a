# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module joins many reasons to act into few acts."""

from collections.abc import Callable
from typing import Protocol

Act = Callable[[], None]


class Timer(Protocol):
    """What this module needs of the loop."""

    def after(self, milliseconds: int, callback: Act) -> object:
        """Call callback once, not before milliseconds have passed."""


class Throttle:
    """Acts in the next turn of the loop after poke(), and at most once in ``pause_ms``.

    In peace it has no timer: nothing wakes up.
    """

    def __init__(self, timer: Timer, pause_ms: int, act: Act) -> None:
        self._timer = timer
        self._pause_ms = pause_ms
        self._act = act
        self._is_waiting = False
        self._is_poked = False

    def poke(self) -> None:
        """Say that there is a reason to act."""
        self._is_poked = True
        if not self._is_waiting:
            self._wait(0)

    def _wait(self, milliseconds: int) -> None:
        self._is_waiting = True
        self._timer.after(milliseconds, self._turn)

    def _turn(self) -> None:
        self._is_waiting = False
        if self._is_poked:
            self._is_poked = False
            self._wait(self._pause_ms)
            self._act()
