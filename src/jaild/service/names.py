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
        self._refresh: Handle | None = None
        self._retry: Handle | None = None

    def restore(self, known: Mapping[str, tuple[Address, ...]]) -> None:
        """Take up what an earlier run has known."""
        self._known.update(known)

    def known(self) -> dict[str, tuple[Address, ...]]:
        """Return what is known of the names."""
        return dict(self._known)

    def follow(self, names: Iterable[str]) -> list[str]:
        """Ask for these names from now on, and return those forgotten that were known."""
        self._wanted = frozenset(names)
        gone = self._known.keys() - self._wanted
        for name in gone:
            del self._known[name]
        self._failed &= self._wanted
        self._ask_all()
        return sorted(gone)

    def addresses(self, names: Iterable[str]) -> dict[Address, str]:
        """Return the known addresses of some names, each with its name."""
        return {address: name for name in names for address in self._known.get(name, ())}

    def _ask_all(self) -> None:
        for timer in (self._refresh, self._retry):
            if timer is not None:
                timer.cancel()
        self._refresh = self._retry = None
        if self._wanted:
            self._refresh = self._loop.after(REFRESH_MS, self._ask_all)
        self._ask(self._wanted)

    def _ask_failed(self) -> None:
        self._retry = None
        self._ask(self._failed)

    def _ask(self, names: Iterable[str]) -> None:
        for name in sorted(names):
            self._lookup.resolve(name, lambda answer, name=name: self._hear(name, answer))  # type: ignore[misc]

    def _hear(self, name: str, answer: tuple[Address, ...] | JaildError) -> None:
        if name not in self._wanted:
            return
        if isinstance(answer, JaildError):
            if name not in self._failed:
                last = ", ".join(self._known.get(name, ())) or "none"
                logger.warning("%s; the addresses known last are spared: %s", answer, last)
            self._failed.add(name)
            if self._retry is None:
                self._retry = self._loop.after(RETRY_MS, self._ask_failed)
            return
        self._failed.discard(name)
        addresses = tuple(sorted(answer))
        if self._known.get(name) != addresses:
            self._known[name] = addresses
            self.changed(name, addresses)
