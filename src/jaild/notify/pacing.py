# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module decides which bans are told by one mail, and when: pure, without clock or store.

A jail without a digest has a mail for each ban while the hour has places for as many as wait; else
one mail takes all that wait. When there is no place, bans gather until one comes free. A jail with
a digest gathers for so long in any case. Times and durations are in microseconds.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

HOUR = 3600 * 1_000_000


@dataclass(frozen=True, slots=True)
class Waiting:
    """The bans of one jail that are not yet told: how many, and since when the first has waited.

    ``digest`` and ``limit`` are the jail's, as in MailConfig.
    """

    jail: str
    count: int
    first: int
    digest: int
    limit: int


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail, of the ``count`` oldest bans of a jail that no mail before it takes."""

    jail: str
    count: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The mails to send now, in order, and when to plan again; None for not before more bans."""

    mails: tuple[Mail, ...]
    look: int | None


@dataclass(frozen=True, slots=True)
class Hour:
    """The mails of the last hour: jail and time of each; those under way have the present time.

    ``limit`` is how many there may be in all, ``jails`` are those that mail at all.
    """

    sent: Sequence[tuple[str, int]]
    limit: int
    jails: Collection[str]


def plan(waiting: Sequence[Waiting], hour: Hour, now: int) -> Plan:
    """Say what to send now.

    Of the places in all, up to half are kept for jails that have sent nothing within the hour.
    Mails that lie in the future, as after the clock was set, count as if they had never been.
    """
    counted = [(jail, time) for jail, time in hour.sent if now - HOUR < time <= now]
    by_jail = Counter(jail for jail, _ in counted)
    due = sorted(
        (one for one in waiting if _is_due(one, now)), key=lambda one: (one.first, one.jail)
    )
    wanted = {one.jail: _wanted(one, by_jail[one.jail]) for one in due}
    places = _share(wanted, set(by_jail), hour, hour.limit - len(counted))
    mails = [mail for one in due for mail in _mails(one, places.get(one.jail, 0))]
    told = {jail for jail, count in places.items() if count}
    return Plan(tuple(mails), _look(waiting, told, counted, now))


def _is_due(one: Waiting, now: int) -> bool:
    # What seems to wait since a time to come has waited since before the clock was set back.
    return one.count > 0 and (now >= one.first + one.digest or one.first > now)


def _wanted(one: Waiting, sent: int) -> int:
    """Return how many mails a jail would like to send and may."""
    return max(0, min(1 if one.digest else one.count, one.limit - sent))


def _share(wanted: dict[str, int], loud: set[str], hour: Hour, free: int) -> dict[str, int]:
    """Give out free places, one a round to each jail, who waits longest first."""
    given = dict.fromkeys(wanted, 0)
    silent = set(hour.jails).union(wanted) - loud
    for jail, most in wanted.items():
        if jail in silent and most and free > 0:
            given[jail], free = 1, free - 1
            silent.remove(jail)
    free -= min(len(silent), hour.limit // 2)
    while free > 0:
        open_ = [jail for jail in wanted if given[jail] < wanted[jail]]
        if not open_:
            break
        for jail in sorted(open_, key=given.__getitem__)[:free]:
            given[jail] += 1
        free -= len(open_)
    return given


def _mails(one: Waiting, places: int) -> Iterator[Mail]:
    if one.count <= places:
        for _ in range(one.count):
            yield Mail(one.jail, 1)
    elif places:
        yield Mail(one.jail, one.count)


def _look(
    waiting: Sequence[Waiting], told: set[str], counted: Sequence[tuple[str, int]], now: int
) -> int | None:
    """Return when something may be sent that cannot be now."""
    left = [one for one in waiting if one.count and one.jail not in told]
    times = [one.first + one.digest for one in left if not _is_due(one, now)]
    if any(_is_due(one, now) for one in left):
        # A place comes free when the oldest mail is an hour old; of those sent now, in an hour.
        times.append(min((time for _, time in counted), default=now) + HOUR)
    return min(times, default=None)
