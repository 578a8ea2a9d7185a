# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module remembers who has been banned before, for longer bans of those who come again."""

from bisect import bisect_left, bisect_right
from collections import OrderedDict

from jaild.core.address import Address

# Above this many pairs of jail and address the one whose last ban is longest ago is forgotten.
MOST = 100_000
# Of each pair this many bans are remembered, the last ones: no length depends on more.
MOST_EACH = 100


class Offences:
    """The bans that failures have led to, in all jails; only when they began is kept.

    Nothing is while they are not ``wanted``.
    """

    def __init__(self, *, wanted: bool = True) -> None:
        self.wanted = wanted
        # In the order of their last bans, so that what is forgotten first stands first.
        self._times: OrderedDict[tuple[str, Address], list[int]] = OrderedDict()
        self._jails: set[str] = set()

    def __len__(self) -> int:
        return len(self._times)

    def note(self, jail: str, address: Address, time: int) -> None:
        """Remember a ban that began at a time, in microseconds since the epoch."""
        if not self.wanted:
            return
        self._jails.add(jail)
        times = self._times.setdefault((jail, address), [])
        self._times.move_to_end((jail, address))
        place = bisect_left(times, time)
        # The same ban may be told of twice: by the state file and as not yet saved.
        if times[place : place + 1] != [time]:
            times.insert(place, time)
        del times[:-MOST_EACH]
        if len(self._times) > MOST:
            self._times.popitem(last=False)

    def strike(self, jail: str, address: Address, time: int) -> None:
        """Forget one ban that has not been made after all."""
        times = self._times.get((jail, address), [])
        if time in times:
            times.remove(time)
        if not times:
            self._times.pop((jail, address), None)

    def count(self, address: Address, after: int, before: int, jail: str = "") -> int:
        """Return how many bans of an address began between two times, both of them left out.

        ``jail`` is the one whose bans count; "" is all.
        """
        jails = (jail,) if jail else self._jails
        return sum(self._between((name, address), after, before) for name in jails)

    def expire(self, before: int) -> None:
        """Forget the bans that began before a time."""
        for key, times in list(self._times.items()):
            if times[0] < before:
                del times[: bisect_left(times, before)]
            if not times:
                del self._times[key]

    def _between(self, key: tuple[str, Address], after: int, before: int) -> int:
        times = self._times.get(key)
        if times is None:
            return 0
        return max(0, bisect_left(times, before) - bisect_right(times, after))
