# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module remembers client connections, so that one login attempt counts once.

A service tells of one attempt in several lines ("Invalid user …", then "Failed password for invalid
user …"). All lines of one connection come from one process, which journald names (``_BOOT_ID``,
``_PID``), if the filter does not name it better (F-MLFID); the steps of the patterns say which
lines belong to the same attempt.

Filters that were written for fail2ban know no attempts. Their lines are merged as they expect it:
every failing line counts, at the latest when a line of its connection tells the address.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from jaild.core.address import Address
from jaild.core.entry import Entry
from jaild.core.filter import Kind, Verdict
from jaild.core.pattern import Pattern

# A connection is remembered this long after its last line: five times sshd's LoginGraceTime.
MEMORY_USEC = 600_000_000
MOST = 10_000
# More is not needed to tell two of them apart.
KEY_MAX = 200
USER_MAX = 100


class Connection(NamedTuple):
    """What is known of one connection; a tuple, because every failure makes a new one.

    ``address`` is "" and ``port`` "" while unknown; ``step`` is the last step of the attempt under
    way; ``counted`` is how many attempts have counted; ``pending`` is one that waits for an
    address; ``time`` is that of the last line, in microseconds since the epoch; ``users`` are the
    first two names that were tried, cut to USER_MAX characters.
    """

    address: str = ""
    port: str = ""
    step: int = 0
    counted: int = 0
    pending: bool = False
    time: int = 0
    users: tuple[str, ...] = ()


class Connections:
    """The connections of one jail; ``changed`` collects what the store has yet to save."""

    def __init__(self, saved: Iterable[tuple[str, Connection]] = ()) -> None:
        self._known: OrderedDict[str, Connection] = OrderedDict(
            sorted(saved, key=lambda item: item[1].time)
        )
        self.changed: dict[str, Connection | None] = {}

    def __len__(self) -> int:
        return len(self._known)

    def known(self) -> Iterator[tuple[str, Connection]]:
        """Yield what is remembered, as the constructor takes it."""
        return iter(self._known.items())

    def weigh(self, entry: Entry, verdict: Verdict) -> Address | None:
        """Return the address that has failed once more by this line, or None.

        A line that is only hearsay about the address is left out when it contradicts the
        connection.
        """
        pattern = verdict.pattern
        if pattern is None:
            return None
        key = _cut(verdict.key) if verdict.key else _process(entry)
        before = self._recall(key, entry.time)
        now = _learn(before, verdict, pattern)
        if now is None:
            return None
        counts, step = False, now.step
        if verdict.kind is Kind.FAILURE:
            counts = _is_new_attempt(now, pattern)
            # After a line that counts once per connection, more may tell of the same attempt.
            step = pattern.step or (1 if counts and pattern.once else step)
        due = counts or now.pending
        failed = now.address if due else ""
        self._remember(
            key,
            None
            if verdict.forgets
            else Connection(
                now.address,
                now.port,
                step,
                now.counted + counts,
                due and not failed,
                entry.time,
            ),
        )
        return Address(failed) if failed else None

    def merge(self, time: int, verdict: Verdict) -> Address | None:
        """Return the address that has failed once more, by the rules of fail2ban's filters.

        A line that only tells facts (F-NOFAIL), or that its client was let in, counts all the same
        if a failure waits for its address or if the connection has tried more than one name: who
        logs in as himself in the end does not wipe out what he tried as somebody else.
        """
        key = _cut(verdict.key or "")
        before = self._recall(key, time)
        users = _with_user(before.users, verdict.user)
        waiting = before.pending and not verdict.gained
        fails = verdict.kind is Kind.FAILURE or waiting or len(users) > 1
        address = verdict.address or before.address
        pending = fails and not address and not verdict.written
        now = Connection(address or "", verdict.port, pending=pending, time=time, users=users)
        self._remember(key, None if verdict.forgets else now)
        return Address(address) if fails and address else None

    def _recall(self, key: str, time: int) -> Connection:
        known = self._known.get(key)
        if known is None or abs(time - known.time) > MEMORY_USEC:
            return Connection()
        return known

    def _remember(self, key: str, connection: Connection | None) -> None:
        if connection is None:
            if self._known.pop(key, None) is not None or key in self.changed:
                self.changed[key] = None
            return
        self._known[key] = connection
        self._known.move_to_end(key)
        self.changed[key] = connection
        if len(self._known) > MOST:
            self._forget_oldest()

    def expire(self, now: int) -> None:
        """Forget those that have been silent for long, or from before the clock was set back."""
        while self._known and abs(now - next(iter(self._known.values())).time) > MEMORY_USEC:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        oldest, _ = self._known.popitem(last=False)
        self.changed[oldest] = None


def _process(entry: Entry) -> str:
    fields = entry.fields
    return (fields.get("_BOOT_ID", b"") + b":" + fields.get("_PID", b"")).decode()


def _cut(key: str) -> str:
    # The client's words may be in it; the end is where the numbers are.
    return key.strip()[-KEY_MAX:]


def _with_user(users: tuple[str, ...], user: str | None) -> tuple[str, ...]:
    if not user or len(users) > 1 or user[:USER_MAX] in users:
        return users
    return (*users, user[:USER_MAX])


def _learn(known: Connection, verdict: Verdict, pattern: Pattern) -> Connection | None:
    """Return the connection with the line's address, or None if the line is not to be believed."""
    address, port = verdict.address, verdict.port or known.port
    if address is None or (known.address == address and known.port == port):
        return known
    if known.address in ("", address) and known.port in ("", port):
        return known._replace(address=address, port=port)
    if pattern.hearsay:
        return None
    # The service itself says so in a place that no client can write: another connection has got
    # the number of a process that ended without a word.
    return Connection(address, verdict.port)


def _is_new_attempt(known: Connection, pattern: Pattern) -> bool:
    if pattern.once:
        return not known.counted
    return not (pattern.step and 0 < known.step < pattern.step)
