# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module answers from memory: for tests, and where nothing may be run."""

from collections import deque
from collections.abc import Callable

from jaild.core.address import Address
from jaild.core.errors import JaildError
from jaild.lookup.port import LookupFailed, ResolveDone, SparesDone


class Memory:
    """Has the answers in two dicts and gives them at once, or, with ``holds``, on release().

    ``spared`` answers by jail and address; what is not in it is not spared. ``names`` answers by
    name; what is not in it fails. ``asked`` lists the questions, (jail, address) or (name,).
    """

    def __init__(self) -> None:
        self.spared: dict[tuple[str, str], bool | JaildError] = {}
        self.names: dict[str, tuple[Address, ...] | JaildError] = {}
        self.asked: list[tuple[str, ...]] = []
        self.holds = False
        self._held: deque[Callable[[], None]] = deque()

    def spares(self, jail: str, address: Address, done: SparesDone) -> None:
        """Answer whether a jail spares an address."""
        self.asked.append((jail, address))
        self._give(lambda: done(self.spared.get((jail, address), False)))

    def resolve(self, name: str, done: ResolveDone) -> None:
        """Answer with a name's addresses."""
        self.asked.append((name,))
        unknown = LookupFailed(f"the host name '{name}' cannot be resolved")
        self._give(lambda: done(self.names.get(name, unknown)))

    def release(self) -> None:
        """Give the answers that were held back, in the order of the questions."""
        while self._held:
            self._held.popleft()()

    def _give(self, answer: Callable[[], None]) -> None:
        if self.holds:
            self._held.append(answer)
        else:
            answer()
