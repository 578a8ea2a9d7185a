# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module counts failures in an exact sliding window.

The window holds the entry times themselves, not a rate: an address has reached the limit when
``maxretry`` failures lie less than ``findtime`` apart, first to last. Entries need not come in the
order of their times: a clock can be set back.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from jaild.core.address import Address

# Above this many suspects the one that has been quiet longest is forgotten.
MOST = 100_000


class Failure(NamedTuple):
    """One failure: entry time in microseconds since the epoch, and the entry's journal cursor.

    ``distinct`` tells it from others of its address, where only different ones count (the port, in
    a scan of ports); "" where every failure counts. ``message`` is the beginning of the entry's.
    """

    time: int
    cursor: str
    distinct: str = ""
    message: str = ""


class Tally:
    """The failures of one jail's suspects; at most ``maxretry`` are kept of each.

    ``crowded`` counts the suspects that were forgotten early, because there were more than MOST.
    """

    def __init__(self, maxretry: int, findtime: int) -> None:
        self.maxretry = maxretry
        self.findtime = findtime
        self.crowded = 0
        # In the order of their last failures, so that what expires first stands first. Windows are
        # lists, because there are many and they are short: an empty deque takes ten times the room.
        self._suspects: OrderedDict[Address, list[Failure]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._suspects)

    def __contains__(self, address: Address) -> bool:
        return address in self._suspects

    def add(self, address: Address, failure: Failure, weight: int = 1) -> tuple[Failure, ...]:
        """Count one failure; returns the failures that reach the limit, this one last, or ().

        ``weight`` is how many times each failure of the address counts at present, those before as
        well. An address that has reached the limit starts again from nothing.
        """
        window = self._suspects.setdefault(address, [])
        self._suspects.move_to_end(address)
        since, until = failure.time - self.findtime, failure.time + self.findtime
        while window and window[0].time <= since:
            del window[0]
        while window and window[-1].time >= until:
            window.pop()
        if (len(window) + 1) * weight < self.maxretry:
            _insert(window, failure)
            return ()
        del self._suspects[address]
        return (*window, failure)[-self.maxretry :]

    def repeats(self, address: Address, failure: Failure) -> bool:
        """Return whether the window has a failure already that is not distinct from this one."""
        window = self._suspects.get(address, ()) if failure.distinct else ()
        return any(
            one.distinct == failure.distinct and abs(one.time - failure.time) < self.findtime
            for one in window
        )

    def window(self, address: Address, now: int) -> tuple[Failure, ...]:
        """Return the failures of an address that count at a time, oldest first."""
        window = self._suspects.get(address, ())
        return tuple(one for one in window if abs(one.time - now) < self.findtime)

    def restore(self, failures: Iterable[tuple[Address, Failure]]) -> None:
        """Take up failures of an earlier run, oldest first; none of them reaches the limit here."""
        for address, failure in failures:
            window = self._suspects.setdefault(address, [])
            window.append(failure)
            self._suspects.move_to_end(address)

    def failures(self) -> Iterator[tuple[Address, Failure]]:
        """Yield what counts, as restore() takes it."""
        rows = ((a, failure) for a, window in self._suspects.items() for failure in window)
        return iter(sorted(rows, key=lambda row: row[1].time))

    def take_back(self, address: Address, time: int) -> tuple[Failure, ...] | None:
        """Count the failure of a time no longer; returns those left, None if there was none."""
        window = self._suspects.get(address, [])
        left = [one for one in window if one.time != time]
        if len(left) == len(window):
            return None
        if left:
            self._suspects[address] = left
        else:
            del self._suspects[address]
        return tuple(left)

    def forget(self, address: Address) -> None:
        """Drop what is counted against one address."""
        self._suspects.pop(address, None)

    def expire(self, now: int) -> list[Address]:
        """Forget and return the suspects without a failure less than a window away from now.

        A failure from after now is there when the clock has been set back. Were it kept, it would
        be until the clock has come there again.
        """
        quiet = []
        since, until = now - self.findtime, now + self.findtime
        while self._suspects:
            address, window = next(iter(self._suspects.items()))
            near = window[-1].time > since and window[0].time < until
            if near and len(self._suspects) <= MOST:
                break
            self.crowded += near
            del self._suspects[address]
            quiet.append(address)
        return quiet


def _insert(window: list[Failure], failure: Failure) -> None:
    """Put a failure in its place by its time: nearly always the last."""
    place = len(window)
    while place and window[place - 1].time > failure.time:
        place -= 1
    window.insert(place, failure)
