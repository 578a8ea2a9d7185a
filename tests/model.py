# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""jaild as its manual pages tell of it, in lists and loops: what the service is compared with.

Nothing here is quick or clever, and nothing comes from the code that it is to judge. All times are
microseconds since the epoch.
"""

import copy
from dataclasses import dataclass, field
from functools import cache
from ipaddress import ip_network

SECOND = 1_000_000
FOREVER = 2**64 - 1
DAY = 86_400 * SECOND


@dataclass(frozen=True)
class Rules:
    """The options of a jail; durations in seconds, a bantime of -1 for ever."""

    units: tuple[str, ...]
    maxretry: int = 3
    findtime: int = 4
    bantime: int = 10
    port: str = ""
    ignoreip: tuple[str, ...] = ()
    multipliers: tuple[int, ...] = ()
    maxtime: int = 0
    broken: bool = False

    @property
    def length(self):
        return FOREVER if self.bantime < 0 else self.bantime * SECOND


@dataclass(frozen=True)
class Failure:
    """A failure that counts against ``unit``, an address or its network."""

    jail: str
    unit: str
    time: int


@dataclass(frozen=True)
class Ban:
    jail: str
    address: str
    since: int
    until: int
    failures: int

    def __str__(self):
        return f"{self.jail} {self.address} {self.since}..{self.until} ({self.failures})"


@dataclass(frozen=True)
class Line:
    """An entry of the journal: at a time a unit wrote of an address; None is no failure."""

    time: int
    unit: str
    address: str | None


@cache
def within(inner, outer):
    """Return whether an address or network lies in another, or is it."""
    inner, outer = ip_network(inner), ip_network(outer)
    return inner.version == outer.version and inner.subnet_of(outer)


def touch(one, other):
    """Return whether two addresses or networks have an address in common."""
    return within(one, other) or within(other, one)


@cache
def attacker(address):
    """Return as what an address is counted and banned: of IPv6 the network of 64 bits."""
    if ":" not in address:
        return address
    return str(ip_network(address).supernet(new_prefix=64))


@dataclass
class Model:
    """The service; ``rules`` are those in use, by jail, ``own`` the host's addresses.

    ``anywhere`` is what any jail spares, so that no jail bans a network around it.

    ``past`` has the bans that have ended and how: "over" by their time, "late" when they were over
    before they could begin, "replaced", or "lifted". ``records`` are the decisions told. A jail
    with a mistake is ``failed``, and ``dead`` if it does not go on with its rules from before.
    ``removed`` are jails that have not been there all the time: of their totals nothing is said.
    ``last`` is the time of the last line read that a jail has asked for.
    """

    rules: dict[str, Rules] = field(default_factory=dict)
    own: tuple[str, ...] = ()
    anywhere: tuple[str, ...] = ()
    stopped: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    dead: set[str] = field(default_factory=set)
    failures: list[Failure] = field(default_factory=list)
    bans: list[Ban] = field(default_factory=list)
    past: list[tuple[Ban, str]] = field(default_factory=list)
    records: list[tuple] = field(default_factory=list)
    failed_total: dict[str, int] = field(default_factory=dict)
    banned_total: dict[str, int] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    counted: set[int] = field(default_factory=set)
    lines_read: int = 0
    last: int = 0

    def copy(self):
        return copy.deepcopy(self)

    # What can be asked

    def running(self):
        return [jail for jail in self.rules if jail not in self.stopped | self.dead]

    def state(self, jail):
        if jail in self.failed:
            return "failed"
        return "stopped" if jail in self.stopped else "running"

    def spared(self, jail, address):
        """Return whether a jail must not ban an address, or a network because it would hit one."""
        return any(touch(address, other) for other in (*self.rules[jail].ignoreip, *self.own))

    def shielded(self, address):
        """Return whether a network would hit somebody whom any jail spares, or this host."""
        return "/" in address and any(touch(address, one) for one in (*self.anywhere, *self.own))

    def unit(self, jail, address):
        """Return what the failures of an address count against."""
        network = attacker(address)
        return address if self.spared(jail, network) or self.shielded(network) else network

    def window(self, jail, unit, now):
        """Return the failures that count at a time."""
        since = now - self.rules[jail].findtime * SECOND
        return [f for f in self.failures if (f.jail, f.unit) == (jail, unit) and f.time > since]

    def holding(self, jail, address):
        """Return the bans in force of an address, and of networks that hold it."""
        return [ban for ban in self.bans if ban.jail == jail and within(address, ban.address)]

    def banned_at(self, jail, address, time):
        """Return whether an entry of that time came under a ban that has not been lifted."""
        over = [ban for ban, how in self.past if how in ("over", "late")]
        return any(
            ban.jail == jail and within(address, ban.address) and time < ban.until
            for ban in self.bans + over
        )

    def earlier(self, jail, unit, time):
        """Return how many bans that failures have led to make the next one longer."""
        made = [*self.bans, *(ban for ban, _ in self.past)]
        return sum(
            (ban.jail, ban.address) == (jail, unit)
            and ban.failures > 0
            and time - 90 * DAY < ban.since < time
            for ban in made
        )

    # What happens

    def read(self, lines, now):
        """Let the jails see all that the journal has and that they have not seen."""
        for number in range(self.lines_read, len(lines)):
            line = lines[number]
            if any(line.unit in self.rules[jail].units for jail in self.rules.keys() - self.dead):
                self.last = line.time
            for jail in self.running():
                if line.address is not None and line.unit in self.rules[jail].units:
                    before = self.failed_total.get(jail, 0)
                    self._fail(jail, line.address, line.time, now)
                    if self.failed_total.get(jail, 0) > before:
                        self.counted.add(number)
        if self.lines_read < len(lines):
            self.forget_suspects(self.last)
        self.lines_read = len(lines)

    def go_back(self, number, last):
        """Read on from an earlier line, after a crash: nothing may have counted from there on."""
        assert all(one < number for one in self.counted), (number, self.counted)
        self.lines_read = min(number, self.lines_read)
        self.last = last

    def _fail(self, jail, address, time, now):
        if self.spared(jail, address):
            return
        unit = self.unit(jail, address)
        if self.banned_at(jail, unit, time) or self.banned_at(jail, address, time):
            return
        self.failed_total[jail] = self.failed_total.get(jail, 0) + 1
        window = [*self.window(jail, unit, time), Failure(jail, unit, time)]
        self._forget(jail, unit)
        if len(window) < self.rules[jail].maxretry:
            self.failures += window
            return
        length = self._length(jail, self.earlier(jail, unit, time))
        until = FOREVER if length == FOREVER else time + length
        ban = Ban(jail, unit, time, until, min(len(window), self.rules[jail].maxretry))
        self.banned_total[jail] = self.banned_total.get(jail, 0) + 1
        if until <= now:
            self.past.append((ban, "late"))
        else:
            self._enter(ban)

    def _length(self, jail, earlier):
        rules = self.rules[jail]
        if rules.bantime < 0 or not earlier or not rules.multipliers:
            return rules.length
        length = rules.length * rules.multipliers[min(earlier, len(rules.multipliers) - 1)]
        if rules.maxtime:
            length = min(length, max(rules.maxtime, rules.bantime) * SECOND)
        return length

    def _forget(self, jail, unit):
        self.failures = [f for f in self.failures if (f.jail, f.unit) != (jail, unit)]

    def _enter(self, ban):
        for old in list(self.bans):
            if (old.jail, old.address) == (ban.jail, ban.address):
                self._end(old, "replaced")
        self.bans.append(ban)
        self.records.append(("banned", *vars(ban).values()))

    def _end(self, ban, how):
        self.bans.remove(ban)
        self.past.append((ban, how))
        if how != "replaced":
            self.records.append(("unbanned", ban.jail, ban.address))

    def pass_time(self, now):
        """End what has ended by its time; forget suspects who were quiet for a whole window."""
        self.end_bans(now)
        # A little later: an entry from before now may still come in.
        self.forget_suspects(now - 2 * SECOND)

    def end_bans(self, now):
        for ban in list(self.bans):
            if ban.until < now:
                self._end(ban, "over")

    def forget_suspects(self, now):
        for jail in self.running():
            since = now - self.rules[jail].findtime * SECOND
            for unit in {f.unit for f in self.failures if f.jail == jail}:
                times = [f.time for f in self.failures if (f.jail, f.unit) == (jail, unit)]
                if max(times) <= since:
                    self._forget(jail, unit)

    # What people do

    def ban(self, jail, address, seconds, now):
        """Ban by hand: 0 for the jail's bantime, -1 for ever; returns why not, "" if done."""
        if jail not in self.running():
            return "NoSuchJail"
        if self.spared(jail, address) or self.shielded(address):
            return "AddressIgnored"
        length = {0: self.rules[jail].length, -1: FOREVER}.get(seconds, seconds * SECOND)
        self._forget(jail, address)
        until = FOREVER if length == FOREVER else now + length
        self._enter(Ban(jail, address, now, until, 0))
        self.banned_total[jail] = self.banned_total.get(jail, 0) + 1
        return ""

    def unban(self, jail, address):
        """Lift what touches an address, in one jail or all (""); returns how many bans."""
        return self._lift(
            ban for ban in self.bans if jail in ("", ban.jail) and touch(ban.address, address)
        )

    def unban_all(self, jail):
        return self._lift(ban for ban in self.bans if jail in ("", ban.jail))

    def stop_jail(self, jail):
        self.forget_suspects(self.last)
        self.stopped.add(jail)
        return self.unban_all(jail)

    def start_jail(self, jail):
        self.stopped.discard(jail)
        self.count_anew()

    def _lift(self, bans):
        bans = list(bans)
        for ban in bans:
            self._end(ban, "lifted")
        return len(bans)

    # The configuration, and the life of the service

    def reload(self, rules):
        """Use other rules; a jail with a mistake goes on with those from before, if it ran."""
        self.forget_suspects(self.last)
        self.failed = {jail for jail in rules if rules[jail].broken}
        idle = self.stopped | self.dead
        self.dead = {jail for jail in self.failed if jail not in self.rules or jail in idle}
        self.stopped -= self.failed
        kept = {jail: self.rules.get(jail, rules[jail]) for jail in self.failed}
        self._use({**rules, **kept}, rules)
        self.set_own(self.own)

    def start(self, rules, own):
        """Start with what was saved."""
        self.stopped = set()
        self.failed = {jail for jail in rules if rules[jail].broken}
        self.dead = set(self.failed)
        self.own = own
        self._use(rules, rules)
        self.set_own(own)

    def _use(self, rules, written):
        self.anywhere = tuple(one for jail in written.values() for one in jail.ignoreip)
        self.removed |= self.rules.keys() - rules.keys()
        self.rules = dict(rules)
        self.stopped &= set(rules)
        self._lift([ban for ban in self.bans if ban.jail not in rules])
        self.failures = [f for f in self.failures if f.jail in rules]
        self.count_anew()

    def count_anew(self):
        """Let failures count against networks that may be banned now; not the other way round."""
        self.failures = [
            f
            if f.jail not in self.running()
            else Failure(f.jail, self.unit(f.jail, f.unit) if "/" not in f.unit else f.unit, f.time)
            for f in self.failures
        ]
        self.failures.sort(key=lambda f: f.time)

    def set_own(self, own):
        """Learn the host's own addresses; nobody who is spared now stays banned."""
        self.own = own
        for ban in list(self.bans):
            spared = ban.jail not in self.dead and self.spared(ban.jail, ban.address)
            if spared or self.shielded(ban.address):
                self._end(ban, "lifted")
        self.count_anew()
