# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module knows whom the jails spare: what they list, this host, names, and who is asked."""

from collections.abc import Callable, Iterable

from jaild.config.model import JailConfig
from jaild.core.address import Address, Network, Networks, parse_network
from jaild.core.never import NEVER
from jaild.core.policy import Ignored, Listed
from jaild.lookup.port import Lookup
from jaild.service.feed import Loop
from jaild.service.names import Changed, Names
from jaild.service.questions import Interest, Questions


class Sparing:
    """Whom to spare, beyond what a jail's configuration lists; ``own`` are the host's addresses.

    ``untouchable`` is what the enforcer lets no jail ban. Whoever is told hears later of what the
    answers change.
    """

    def __init__(
        self,
        loop: Loop,
        lookup: Lookup,
        now: Callable[[], int],
    ) -> None:
        """``now`` gives microseconds since the epoch."""
        self.own: tuple[Address, ...] = ()
        self.untouchable: tuple[Networks, ...] = ()
        self.names = Names(loop, lookup)
        self._shield = Networks(NEVER)
        # By what has no like: to compare long lists takes long.
        self._listed: dict[int, Listed] = {}
        self._loop = loop
        self._lookup = lookup
        self._now = now
        self._interest = Interest()
        self._questions: dict[str, tuple[tuple[str, ...], Questions]] = {}

    def tell(self, renamed: Changed, interest: Interest) -> None:
        """Let ``renamed`` hear of names with other addresses, and somebody of commands' answers."""
        self.names.changed = renamed
        self._interest = interest

    def shield(self, ignored: tuple[Network, ...]) -> None:
        """Take what the whole configuration lists in ignoreip."""
        self._shield = untouchable(ignored)
        self._listed.clear()
        self.set_own(self.own)

    def set_own(self, own: tuple[Address, ...]) -> None:
        """Take the host's own addresses."""
        self.own = own
        self.untouchable = self._shield, Networks(map(parse_network, own))

    def follow(self, jails: Iterable[JailConfig]) -> list[str]:
        """Ask for the names of these jails from now on; returns those that are forgotten."""
        return self.names.follow(name for jail in jails for name in jail.ignorenames)

    def ignored(self, jail: JailConfig) -> Ignored:
        """Return whom a jail spares without asking."""
        own = self.own if jail.ignoreself else ()
        names = self.names.addresses(jail.ignorenames)
        listed = self._listed.get(id(jail.ignoreip))
        if listed is None:
            listed = self._listed[id(jail.ignoreip)] = Listed(jail.ignoreip)
        return Ignored(listed, own, names, self.untouchable)

    def questions(self, jail: JailConfig) -> Questions | None:
        """Return what a jail asks its ignorecommand, None if it has none."""
        command, found = self._questions.get(jail.name, ((), None))
        if command == jail.ignorecommand and found and found.cache == jail.ignorecache:
            return found
        left = found.close() if found is not None else ()
        self._questions.pop(jail.name, None)
        if not jail.ignorecommand:
            return None
        found = Questions(
            jail.name, jail.ignorecache, self._lookup, self._loop, self._now, self._interest
        )
        self._questions[jail.name] = (jail.ignorecommand, found)
        for address in left:
            # The command that has failed may just have been mended.
            found.ask(address)
        return found


def untouchable(ignored: Iterable[Network]) -> Networks:
    """Return what no jail's ban may touch, as the enforcer sees it, but for the host's addresses.

    A jail that chose such a network would have it refused again and again, and its attackers free.
    """
    return Networks([*NEVER, *ignored])
