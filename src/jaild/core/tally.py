# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module counts failures in an exact sliding window.

The window holds the entry times themselves, not a rate: an address has reached the limit when
``maxretry`` failures lie less than ``findtime`` apart, first to last.
"""

from collections import OrderedDict, deque
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
    """The failures of one jail's suspects; at most ``maxretry`` are kept of each."""

    def __init__(self, maxretry: int, findtime: int) -> None:
        self.maxretry = maxretry
        self.findtime = findtime
        # In the order of their last failures, so that what expires first stands first.
        self._suspects: OrderedDict[Address, deque[Failure]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._suspects)

    def __contains__(self, address: Address) -> bool:
        return address in self._suspects

    def add(self, address: Address, failure: Failure, weight: int = 1) -> tuple[Failure, ...]:
        """Count one failure; returns the failures that reach the limit, oldest first, or ().

        ``weight`` is how many times each failure of the address counts at present, those before as
        well. An address that has reached the limit starts again from nothing.
        """
        window = self._suspects.setdefault(address, deque())
        self._suspects.move_to_end(address)
        while window and window[0].time <= failure.time - self.findtime:
            window.popleft()
        window.append(failure)
        if len(window) * weight < self.maxretry:
            return ()
        del self._suspects[address]
        return tuple(window)[-self.maxretry :]

    def repeats(self, address: Address, failure: Failure) -> bool:
        """Return whether the window has a failure already that is not distinct from this one."""
        window = self._suspects.get(address, ()) if failure.distinct else ()
        since = failure.time - self.findtime
        return any(one.distinct == failure.distinct and one.time > since for one in window)

    def window(self, address: Address, now: int) -> tuple[Failure, ...]:
        """Return the failures of an address that count at a time, oldest first."""
        since = now - self.findtime
        return tuple(one for one in self._suspects.get(address, ()) if one.time > since)

    def restore(self, failures: Iterable[tuple[Address, Failure]]) -> None:
        """Take up failures of an earlier run, oldest first; none of them reaches the limit here."""
        for address, failure in failures:
            window = self._suspects.setdefault(address, deque(maxlen=max(self.maxretry - 1, 1)))
            window.append(failure)
            self._suspects.move_to_end(address)
        for address, window in self._suspects.items():
            self._suspects[address] = deque(window)

    def failures(self) -> Iterator[tuple[Address, Failure]]:
        """Yield what counts, as restore() takes it."""
        rows = ((a, failure) for a, window in self._suspects.items() for failure in window)
        return iter(sorted(rows, key=lambda row: row[1].time))

    def forget(self, address: Address) -> None:
        """Drop what is counted against one address."""
        self._suspects.pop(address, None)

    def expire(self, now: int) -> list[Address]:
        """Forget and return the suspects without a failure in the window that ends at now."""
        quiet = []
        while self._suspects:
            address, window = next(iter(self._suspects.items()))
            if window[-1].time > now - self.findtime and len(self._suspects) <= MOST:
                break
            del self._suspects[address]
            quiet.append(address)
        return quiet

    def quiet_at(self) -> int | None:
        """Return when the next suspect has been quiet for a whole window, None without suspects."""
        if not self._suspects:
            return None
        return next(iter(self._suspects.values()))[-1].time + self.findtime
