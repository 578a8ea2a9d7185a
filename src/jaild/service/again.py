# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module asks again where there was no answer, less and less often, while that matters."""

from collections.abc import Callable
from dataclasses import dataclass

from jaild.core.address import Address
from jaild.service.feed import Handle, Loop

FIRST_MS = 30_000
LONGEST_MS = 3_600_000
# Of more addresses the later ones are not asked about again.
MOST = 10_000


@dataclass(slots=True)
class _Doubt:
    pause: int = FIRST_MS
    left: int = FIRST_MS


class Again:
    """The addresses that are to be asked about again; a timer runs only while there are any."""

    def __init__(
        self, loop: Loop, matters: Callable[[Address], bool], ask: Callable[[Address], None]
    ) -> None:
        self._loop = loop
        self._matters = matters
        self._ask = ask
        self._doubts: dict[Address, _Doubt] = {}
        self._timer: Handle | None = None

    def failed(self, address: Address) -> None:
        """Ask again later: after FIRST_MS, then after twice that, and so on."""
        doubt = self._doubts.get(address)
        if doubt is not None:
            doubt.pause = min(doubt.pause * 2, LONGEST_MS)
            doubt.left = doubt.pause
        elif len(self._doubts) < MOST:
            self._doubts[address] = _Doubt()
        self._wait()

    def answered(self, address: Address) -> None:
        """Ask no more."""
        self._doubts.pop(address, None)

    def close(self) -> tuple[Address, ...]:
        """Ask about nobody any more; returns those that were to be asked about again."""
        left = tuple(self._doubts)
        self._doubts.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return left

    def _wait(self) -> None:
        if self._timer is None and self._doubts:
            self._timer = self._loop.after(FIRST_MS, self._look)

    def _look(self) -> None:
        self._timer = None
        for address, doubt in list(self._doubts.items()):
            doubt.left -= FIRST_MS
            if not self._matters(address):
                del self._doubts[address]
            elif doubt.left <= 0:
                self._ask(address)
        self._wait()
