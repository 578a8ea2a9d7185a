# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module decides who is spared and how long a ban lasts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from jaild.core.address import Address, Network, Networks, of_network, parse_network
from jaild.core.ban import FOREVER, Evidence
from jaild.core.increment import Increment
from jaild.core.tally import Failure


class Listed:
    """The networks of one ignoreip; jails that have it in common share it, for it may be long."""

    def __init__(self, networks: Iterable[Network]) -> None:
        self.networks = tuple(networks)
        self.members = Networks(self.networks)

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """The networks as text, in their order."""
        return tuple(map(str, self.networks))


class Ignored:
    """Who is never banned, and by which rule."""

    def __init__(
        self,
        listed: Listed,
        own: Iterable[str] = (),
        named: Mapping[Address, str] = MappingProxyType({}),
        untouchable: Sequence[Networks] = (),
    ) -> None:
        """Take ignoreip's networks and, for ignoreself, the host's own addresses.

        ``named`` are the addresses of the names in ignoreip, each with its name. ``untouchable`` is
        what no jail's ban may touch: networks are spared for its sake. A single address is not, for
        the failures of one that another jail ignores do count here.
        """
        self._listed = listed
        self._own = Networks(parse_network(text) for text in own)
        self._names = {parse_network(address): name for address, name in named.items()}
        self._named = Networks(self._names)
        self._untouchable = untouchable
        self._spares = bool(listed.members or self._own or self._named)

    def why(self, address: Address) -> str:
        """Return the rule that spares an address as part of a sentence, "" if none does.

        A network is spared if it would hit anything that is.
        """
        why = self._why_spared(address) if self._spares else ""
        return why or (self.why_untouchable(address) if "/" in address else "")

    def _why_spared(self, address: Address) -> str:
        listed = self._listed.members.touches(address)
        if listed is not None:
            return f"ignoreip lists {listed}"
        if self._own.touches(address) is not None:
            return "it is an address of this host"
        named = self._named.touches(address)
        if named is not None:
            return f"ignoreip lists {self._names[named]}, which is {of_network(named)}"
        return ""

    def why_untouchable(self, address: Address) -> str:
        """Return why no ban of an address would be made, whichever jail asks for it."""
        found = (networks.touches(address) for networks in self._untouchable)
        return next((f"no jail may ban {of_network(one)}" for one in found if one is not None), "")

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """Ignoreip's networks as text, in their order, and what its names stand for."""
        names = tuple(f"{name} ({of_network(at)})" for at, name in self._names.items())
        return self._listed.texts + names if names else self._listed.texts


@dataclass(frozen=True, slots=True)
class Policy:
    """How a jail punishes: the length of a ban in microseconds, FOREVER for no end.

    ``maxmatches`` is how many entries a ban names as its evidence, None for all that led to it;
    ``increment`` makes bans longer for those who come again, None for nobody.
    """

    bantime: int
    maxmatches: int | None = None
    increment: Increment | None = None

    def evidence(self, failures: Sequence[Failure]) -> tuple[Evidence, ...]:
        """Return what a ban keeps of the failures that led to it, the last ``maxmatches``."""
        first = 0 if self.maxmatches is None else max(0, len(failures) - self.maxmatches)
        return tuple(Evidence(one.time, one.cursor, one.message) for one in failures[first:])

    def length(self, earlier: int, chance: float) -> int:
        """Return how long a ban lasts after ``earlier`` ones; see Increment for chance.

        Raises InvalidConfig where the formula of longer bans comes to no number.
        """
        if self.increment is None:
            return self.bantime
        return self.increment.length(self.bantime, earlier, chance)

    def weight(self, earlier: int, maxretry: int) -> int:
        """Return how many times each failure counts of an address with ``earlier`` bans."""
        return 1 if self.increment is None else self.increment.weight(earlier, maxretry)

    def until(self, since: int, duration: int = 0) -> int:
        """Return when a ban ends; a duration of 0 stands for the jail's bantime."""
        length = duration or self.bantime
        return FOREVER if length == FOREVER else min(since + length, FOREVER)
