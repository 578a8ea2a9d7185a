# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module is the service: the only owner of state, entries in, decisions out.

Everything runs in the loop's one thread.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from jaild import __version__
from jaild.config.compile import compile_filter
from jaild.config.model import Config
from jaild.core.address import Address, covering, parse
from jaild.core.ban import Ban
from jaild.core.errors import InvalidConfig, JaildError, NoSuchJail, StoreFailed
from jaild.core.offences import Offences
from jaild.core.tally import Failure
from jaild.enforce.keeper import Keeper
from jaild.enforce.port import Firewall
from jaild.journal.record import Recorder
from jaild.service.commands import Commands, Counted
from jaild.service.explain import MOST_PAST, Explanation, explain
from jaild.service.feed import Loop
from jaild.service.guard import Guard, Past, pasts_of
from jaild.service.ledger import OVER, PAST, Ledger
from jaild.service.limit import Limit
from jaild.service.pace import Pace
from jaild.service.reading import News, Reading
from jaild.service.salvage import Salvage
from jaild.service.status import JailStatus, Listener, State
from jaild.state.saved import Saved
from jaild.state.store import Store

logger = logging.getLogger(__name__)

GONE = "its jail is gone"


@dataclass(frozen=True, slots=True)
class Parts:
    """What the service is built from.

    ``now`` gives microseconds since the epoch; ``journal`` is a directory of journal files, None
    for the host's own; ``status`` hears a line for systemd's status display at each change.
    """

    loop: Loop
    store: Store
    firewall: Firewall
    recorder: Recorder
    now: Callable[[], int]
    load: Callable[[], Config]
    status: Callable[[str], None]
    journal: Path | None = None


class Service:
    """The running jaild. Methods that take ``done`` call it once, in this or a later turn."""

    version = __version__

    def __init__(self, parts: Parts, config: Config) -> None:
        self.config = config
        self._parts = parts
        self._ledger = Ledger(parts.store, parts.recorder, lambda: self._reading.place)
        self._salvage = Salvage(
            parts.firewall, self._ledger, lambda: self._guards, parts.now, self._salvaged
        )
        self._keeper = Keeper(self._salvage, parts.loop, self._ledger.rules, self._firewall_news)
        self._ledger.keeper = self._keeper
        self._ledger.whole = self._salvage.whole
        self._limit = Limit()
        self._pace = Pace(parts.loop, self._ledger, parts.now, self._say)
        news = News(self._ban_found, self._jail_failed, self._lost, self._caught_up)
        self._reading = Reading(
            parts.loop, parts.now, parts.journal, self._ledger, self._pace, news
        )
        commands = Commands(self._ledger, self._pace, self._guard, parts.now)
        self.ban = commands.ban
        self.unban = commands.unban
        self.unban_all = commands.unban_all
        self._guards: dict[str, Guard] = {}
        self._offences = Offences()
        self._own: tuple[Address, ...] = ()
        self._missing: set[str] = set()
        self._ready: Callable[[], None] | None = None

    # Life

    def start(self, ready: Callable[[], None]) -> None:
        """Take up the saved state and begin; ``ready`` is called once, when the host is guarded.

        Raises StoreFailed, and InvalidConfig when not a single enabled jail can run.
        """
        self._limit.start()
        saved = self._parts.store.load()
        for offence in self._parts.store.offences():
            self._offences.note(*offence)
        if saved.lost is not None:
            self._salvage.needed = True
            self._parts.recorder.state_lost(saved.lost.reason, saved.lost.kept)
        self._reading.place = saved.position
        self._guards = self._build(self.config, pasts_of(saved))
        self._check_some_run()
        self._take_up(saved)
        if saved.position is not None:
            self._recall_ended(saved.position.entry_time)
        self._ready = ready
        self._missing = {"firewall", "journal"}
        self._parts.firewall.host_addresses(self._begin)

    def stop(self) -> None:
        """Save the position; bans stay in force."""
        self._reading.close()
        self._pace.flush()
        self._limit.stop()

    def _begin(self, own: tuple[Address, ...] | JaildError) -> None:
        self._set_own(own)
        self._lift_ignored()
        self._pace.expire()
        self._reading.open(list(self._guards.values()))
        self._ledger.compare(lambda _outcome: self._arrived("firewall"))

    def _arrived(self, what: str) -> None:
        self._missing.discard(what)
        if not self._missing and self._ready is not None:
            ready, self._ready = self._ready, None
            ready()
            self._say()

    def _build(self, config: Config, pasts: dict[str, Past]) -> dict[str, Guard]:
        guards = {jail.name: Guard(jail.name, jail) for jail in config.jails}
        for guard in guards.values():
            self._start(guard, pasts.get(guard.name, Past()))
        for broken in config.broken:
            past = pasts.get(broken.name, Past())
            guards[broken.name] = Guard(
                broken.name, None, None, State.FAILED, str(broken.error), past.banned, past
            )
        for guard in guards.values():
            if guard.state is State.FAILED:
                self._parts.recorder.jail_failed(guard.name, guard.reason)
        return guards

    def _start(self, guard: Guard, past: Past) -> None:
        def holds(address: Address, time: int) -> bool:
            return self._ledger.roster.holds(guard.name, address, time)

        try:
            if guard.hears_bans and not past.known:
                self._tell_of_earlier_bans(guard, past)
            guard.start(past, self._own, holds, self._limit, self._offences)
        except InvalidConfig as error:
            guard.kept = past
            guard.stop(State.FAILED, str(error))

    def _tell_of_earlier_bans(self, guard: Guard, past: Past) -> None:
        """Let a new jail that looks at bans know those of its finding window."""
        assert guard.config is not None  # noqa: S101 - else it would not hear bans
        findtime, batch = guard.config.findtime, self._ledger.batch
        for address, since in self._parts.store.bans_since(self._parts.now() - findtime):
            past.failures.append((address, Failure(since, "")))
            batch.fail(guard.name, *past.failures[-1], findtime)
        batch.counters[guard.name] = (0, 0)

    def _check_some_run(self) -> None:
        failed = [guard for guard in self._guards.values() if guard.state is State.FAILED]
        if failed and len(failed) == len(self._guards):
            raise InvalidConfig(f"no jail can run: {failed[0].reason}")

    def _recall_ended(self, seen: int) -> None:
        """Let entries that are yet to be read find the bans under which they came."""
        for jail, address, until in self._parts.store.ended_since(seen, (PAST, OVER)):
            self._ledger.roster.past(jail, address, until)

    def _take_up(self, saved: Saved) -> None:
        batch = self._ledger.batch
        for ban in saved.bans:
            guard = self._guards.get(ban.jail)
            if guard is None:
                batch.end(ban, GONE)
            else:
                # A jail with a mistake keeps its bans, on all ports: it no longer says on which.
                self._ledger.restore(ban, guard.rule(ban.address))
        for jail, address, _ in saved.failures:
            if jail not in self._guards:
                batch.clear(jail, address)
        for jail, process, _ in saved.connections:
            if jail not in self._guards:
                batch.connections[jail, process] = None

    def _salvaged(self) -> None:
        self._pace.flush(durable=True)
        self._lift_ignored()

    # News from the journal

    def _ban_found(self, guard: Guard, ban: Ban) -> None:
        if ban.until <= self._parts.now():
            self._ledger.past(ban)
        else:
            self._ledger.enter(ban, guard.rule(ban.address))

    def _lost(self, since: int) -> None:
        self._parts.recorder.position_lost(since)

    def _caught_up(self) -> None:
        if self._missing:
            self._arrived("journal")

    def prune(self) -> None:
        """Forget what is older than the configuration wants to remember."""
        now, guards = self._parts.now(), self._guards.values()
        # How far back a jail with a mistake wants to remember is not known: nothing goes.
        ages = [guard.config.history if guard.config else now for guard in guards]
        history = max(0, now - self.config.daemon.dbpurgeage)
        offences = min(history, max(0, now - max(ages, default=0)))
        try:
            self._parts.store.prune(history, offences)
        except StoreFailed as error:
            logger.warning("%s", error)
        else:
            self._offences.expire(offences)

    # News from the firewall

    def firewall_drifted(self, reason: str) -> None:
        """Make the firewall equal to the roster again: somebody else has changed it."""
        logger.info("comparing the firewall with the bans: %s", reason)
        self._ledger.compare()

    def addresses_changed(self) -> None:
        """Ask for the host's own addresses again."""
        self._parts.firewall.host_addresses(self._set_own)

    def _set_own(self, own: tuple[Address, ...] | JaildError) -> None:
        if isinstance(own, JaildError):
            logger.warning("the host's own addresses are not known: %s", own)
            return
        self._own = own
        for guard in self._guards.values():
            if guard.jail is not None and guard.config is not None:
                guard.jail.ignored = guard.ignored(own)
        self._lift_ignored()

    def _lift_ignored(self) -> None:
        lifted = 0
        for ban in list(self._ledger.roster):
            jail = self._guards[ban.jail].jail
            why = jail.ignored.why(ban.address) if jail is not None else ""
            if why:
                lifted += self._ledger.lift([ban], why)
        if lifted:
            self._pace.flush()

    def _firewall_news(self, problem: str) -> None:
        if problem:
            self._parts.recorder.firewall_failed(problem)
        else:
            self._parts.recorder.firewall_mended(len(self._ledger.roster))
        self._say()

    def _say(self) -> None:
        states = [guard.state for guard in self._guards.values()]
        failed = states.count(State.FAILED)
        parts = [
            _plural(states.count(State.RUNNING), "jail"),
            *([f"{failed} failed"] if failed else []),
            _plural(len(self._ledger.roster), "ban"),
        ]
        problem = self._keeper.problem or self._ledger.problem
        self._parts.status(", ".join(parts) + (f"; NOT IN FORCE: {problem}" if problem else ""))

    # Configuration

    def reload(self) -> None:
        """Use the configuration as it is on disk now.

        Raises InvalidConfig for any mistake in it: nothing has changed then.
        """
        try:
            config = self._parts.load()
            for broken in config.broken:
                raise broken.error
            for jail in config.jails:
                compile_filter(jail.filter)
        except InvalidConfig as error:
            self._parts.recorder.config_refused(str(error))
            raise
        self._adopt(config)
        self._parts.recorder.reloaded(len(config.jails))
        for listener in self.listeners:
            listener.reloaded()
        self._jails_changed()

    def start_jail(self, name: str) -> None:
        """Let a stopped jail watch again; raises NoSuchJail, and InvalidConfig if it cannot."""
        guard = self._guard(name)
        if guard.state is State.RUNNING:
            return
        self._start(guard, guard.past())
        if guard.state is State.FAILED:
            raise InvalidConfig(guard.reason)
        self._jails_changed()

    def stop_jail(self, name: str, done: Counted) -> None:
        """Let a jail watch no longer and lift its bans; done hears how many. Raises NoSuchJail."""
        guard = self._guard(name)
        self._reading.gather()
        guard.stop(State.STOPPED, "stopped by hand")
        self._jails_changed()
        self.unban_all(name, done)

    def _jail_failed(self, guard: Guard) -> None:
        self._parts.recorder.jail_failed(guard.name, guard.reason)
        self._jails_changed()

    def _jails_changed(self) -> None:
        self._say()
        for listener in self.listeners:
            listener.jails_changed()

    def _adopt(self, config: Config) -> None:
        self._reading.close()
        pasts = {name: guard.past() for name, guard in self._guards.items()}
        self.config = config
        self._guards = self._build(config, pasts)
        gone = [ban for ban in self._ledger.roster if ban.jail not in self._guards]
        self._ledger.lift(gone, GONE)
        self._pace.flush()
        self._lift_ignored()
        self._ledger.reshape(lambda ban: self._guards[ban.jail].rule(ban.address))
        self._ledger.compare()
        self._reading.open(list(self._guards.values()))
        self._say()

    # What others see

    @property
    def listeners(self) -> list[Listener]:
        """Whoever hears of decisions."""
        return self._ledger.listeners

    @property
    def cursor(self) -> str:
        """The cursor of the last entry read, "" before the first."""
        place = self._reading.place
        return place.cursor if place is not None else ""

    @property
    def entries_read(self) -> int:
        """How many entries have been read since the start."""
        return self._reading.entries

    @property
    def ban_count(self) -> int:
        """How many bans are meant to be in force."""
        return len(self._ledger.roster)

    def jail_states(self) -> list[JailStatus]:
        """Return how all jails stand, in the configuration's order."""
        return [self.jail_status(name) for name in self._guards]

    def jail_status(self, name: str) -> JailStatus:
        """Return how one jail stands; raises NoSuchJail."""
        return self._guard(name).status(self._ledger.roster.of(name))

    def bans(self, jail: str) -> list[Ban]:
        """Return one jail's bans, or all with ""; raises NoSuchJail."""
        return self._ledger.roster.of(self._guard(jail).name) if jail else list(self._ledger.roster)

    def explain(self, text: str) -> Explanation:
        """Return what is known of an address or network; raises InvalidAddress, StoreFailed."""
        address, now = parse(text), self._parts.now()
        saved = self._parts.store.past(covering(address), MOST_PAST)
        return explain(address, self._guards.values(), self._ledger, self._own, now, saved)

    def _guard(self, name: str) -> Guard:
        guard = self._guards.get(name)
        if guard is None:
            known = ", ".join(self._guards) or "none"
            raise NoSuchJail(f"there is no jail '{name}'; the enabled jails are: {known}")
        return guard


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
