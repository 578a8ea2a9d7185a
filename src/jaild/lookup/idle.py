# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module notices that nobody has asked for a while."""

from jaild.dbus.loop import Callback, Handle, Loop


class Idle:
    """Calls ``rested`` each time no question has been open for a while."""

    def __init__(self, loop: Loop, rested: Callback) -> None:
        """Nothing happens before arm()."""
        self._loop = loop
        self._rested = rested
        self._milliseconds: int | None = None
        self._open = 0
        self._timer: Handle | None = None

    def arm(self, milliseconds: int) -> None:
        """Say how long a while is, from now on; it begins now, or with the last answer."""
        self._milliseconds = milliseconds
        self._wait()

    def began(self) -> None:
        """Note a question."""
        self._open += 1
        self._wait()

    def ended(self) -> None:
        """Note an answer."""
        self._open -= 1
        self._wait()

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._open and self._milliseconds is not None:
            self._timer = self._loop.after(self._milliseconds, self._rested)
