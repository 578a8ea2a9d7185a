# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module keeps the addresses of the host names in ignoreip: asked for in advance, and again.

No decision waits for a name. What was known last counts until something else is known, also after
a restart: after a boot names can often not be looked up for a while.
"""

import logging
from collections.abc import Callable, Iterable, Mapping

from jaild.core.address import Address
from jaild.core.errors import JaildError
from jaild.lookup.port import Lookup
from jaild.service.feed import Handle, Loop

logger = logging.getLogger(__name__)

REFRESH_MS = 300_000
RETRY_MS = 30_000

Changed = Callable[[str, tuple[Address, ...]], None]


class Names:
    """The addresses of some names; ``changed`` hears of a name whose addresses are others now."""

    def __init__(self, loop: Loop, lookup: Lookup) -> None:
        self.changed: Changed = lambda _name, _addresses: None
        self._loop = loop
        self._lookup = lookup
        self._wanted: frozenset[str] = frozenset()
        self._known: dict[str, tuple[Address, ...]] = {}
        self._failed: set[str] = set()
        self._timer: Handle | None = None

    def restore(self, known: Mapping[str, tuple[Address, ...]]) -> None:
        """Take up what an earlier run has known."""
        self._known.update(known)

    def follow(self, names: Iterable[str]) -> list[str]:
        """Ask for these names from now on, and return those forgotten that were known."""
        self._wanted = frozenset(names)
        gone = self._known.keys() - self._wanted
        for name in gone:
            del self._known[name]
        self._failed &= self._wanted
        self._ask(self._wanted)
        return sorted(gone)

    def addresses(self, names: Iterable[str]) -> dict[Address, str]:
        """Return the known addresses of some names, each with its name."""
        return {address: name for name in names for address in self._known.get(name, ())}

    def _ask(self, names: Iterable[str]) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for name in sorted(names):
            self._lookup.resolve(name, lambda answer, name=name: self._hear(name, answer))  # type: ignore[misc]
        if self._wanted:
            wait = RETRY_MS if self._failed else REFRESH_MS
            self._timer = self._loop.after(wait, self._again)

    def _again(self) -> None:
        self._timer = None
        self._ask(self._wanted)

    def _hear(self, name: str, answer: tuple[Address, ...] | JaildError) -> None:
        if name not in self._wanted:
            return
        if isinstance(answer, JaildError):
            if name not in self._failed:
                last = ", ".join(self._known.get(name, ())) or "none"
                logger.warning("%s; the addresses known last are spared: %s", answer, last)
            self._failed.add(name)
            return
        self._failed.discard(name)
        addresses = tuple(sorted(answer))
        if self._known.get(name) != addresses:
            self._known[name] = addresses
            self.changed(name, addresses)
