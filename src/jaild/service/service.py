# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module is the service: the only owner of state, entries in, decisions out.

Everything runs in the loop's one thread.
"""

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from jaild import __version__
from jaild.config.model import BrokenJail, Config
from jaild.core.address import Address, covering, parse
from jaild.core.ban import Ban, Due, Duty
from jaild.core.errors import InvalidConfig, JaildError
from jaild.core.offences import Offences
from jaild.enforce.keeper import Keeper
from jaild.enforce.port import Firewall
from jaild.journal.record import Recorder
from jaild.lookup.port import Lookup
from jaild.service.banning import Banning
from jaild.service.commands import Commands, Counted
from jaild.service.explain import MOST_PAST, Explanation, explain
from jaild.service.feed import Loop
from jaild.service.guard import Guard, Surroundings, pasts_of
from jaild.service.jails import Jails
from jaild.service.ledger import Ledger
from jaild.service.limit import Limit
from jaild.service.memory import Memory
from jaild.service.pace import Pace
from jaild.service.reading import News, Reading
from jaild.service.salvage import Salvage
from jaild.service.sparing import Sparing
from jaild.service.status import JailStatus, Listener, State
from jaild.service.uptake import GONE, begin_of, take_up
from jaild.state.batch import Batch
from jaild.state.store import Store

logger = logging.getLogger(__name__)

# What has been logged at a time can be read by then, however busy journald is.
SETTLED_MS = 2000


@dataclass(frozen=True, slots=True)
class Parts:
    """What the service is built from.

    ``now`` gives microseconds since the epoch; ``recorded`` what the journal has records of since
    such a time; ``journal`` is a directory of journal files, None for the host's own; ``status``
    hears a line for systemd's status display at each change.
    """

    loop: Loop
    store: Store
    firewall: Firewall
    recorder: Recorder
    now: Callable[[], int]
    load: Callable[[], Config]
    status: Callable[[str], None]
    lookup: Lookup
    recorded: Callable[[int], Collection[Duty]]
    journal: Path | None = None


class Service:
    """The running jaild. Methods that take ``done`` call it once, in this or a later turn.

    ``missing`` is what a start still waits for, of "firewall" and "journal".
    """

    version = __version__

    def __init__(self, parts: Parts, config: Config) -> None:
        self.config = config
        self._parts = parts
        self._ledger = Ledger(parts.store, parts.recorder, lambda: self._reading.place)
        self._pace = Pace(parts.loop, self._ledger, parts.now, self._say, self._bans_over)
        self._limit = Limit()
        offences = Offences(wanted=False)
        self._memory = Memory(parts.store, self._ledger, offences, parts.now)
        self._sparing = Sparing(parts.loop, parts.lookup, parts.now)
        self._sparing.shield(config.ignored)
        around = Surroundings(self._ledger.roster, self._limit, offences, self._sparing)
        self._jails = Jails(around, self._ledger, parts.store, parts.recorder, parts.now)
        self._banning = Banning(
            self._jails, self._sparing, offences, self._ledger, self._pace, parts.now
        )
        news = News(
            self._banning.found, self._jail_failed, self._crowded, self._lost, self._caught_up
        )
        self._reading = Reading(
            parts.loop, parts.now, parts.journal, self._ledger, self._pace, news
        )
        self._banning.pass_on = self._reading.pass_on
        self._salvage = Salvage(
            parts.firewall, self._ledger, self._jails.by_name, parts.now, self._salvaged
        )
        self._keeper = Keeper(self._salvage, parts.loop, self._ledger.rules, self._firewall_news)
        self._ledger.keeper, self._ledger.whole = self._keeper, self._whole
        self._commands = Commands(self._ledger, self._pace, self._jails.find, parts.now)
        self.ban = self._commands.ban
        self.unban = self._commands.unban
        self.unban_all = self._commands.unban_all
        self.missing: set[str] = set()
        self._unheard: list[Ban] = []
        self._ready: Callable[[], None] | None = None

    # Life

    def start(self, ready: Callable[[], None]) -> None:
        """Take up the saved state and begin; ``ready`` is called once, when the host is guarded.

        Raises StoreFailed, and InvalidConfig when not a single enabled jail can run.
        """
        self._limit.start()
        saved = self._parts.store.load()
        self._memory.recall_offences(self.config.jails)
        if saved.lost is not None:
            self._salvage.needed = True
            self._parts.recorder.state_lost(saved.lost.reason, saved.lost.kept)
        self._reading.place = saved.position
        self._sparing.names.restore(saved.names)
        self._jails.build(self.config, pasts_of(saved))
        self._jails.check_some_run()
        if saved.position is not None:
            self._ledger.known = self._parts.recorded(begin_of(saved, self._parts.now()))
            self._memory.recall_ended(saved.position.entry_time)
        self._unheard = take_up(saved, self._jails, self._ledger)
        self._banning.ask_anew(self._unheard)
        self._ready = ready
        self.missing = {"firewall", "journal"}
        self._parts.firewall.host_addresses(self._begin)

    def stop(self) -> None:
        """Save the position; bans stay in force."""
        # At the journal's end it is known that nothing more was missed until now.
        self._reading.look()
        self._reading.close()
        self._pace.flush(last=True)
        self._limit.stop()

    def _begin(self, own: tuple[Address, ...] | JaildError) -> None:
        self._set_own(own)
        self._jails.count_anew()
        self._banning.follow_names()
        self._banning.deny()
        self._ledger.expire(self._parts.now())
        self._reading.open(list(self._jails))
        self._pass_on()
        # A state that cannot be saved is said before the first attack, not after.
        self._pace.flush()
        self._ledger.compare(lambda _outcome: self._arrived("firewall"))

    def _pass_on(self) -> None:
        """Tell the jails that look at bans of those that were to wait when the process ended."""
        unheard, self._unheard = self._unheard, []
        for ban in unheard:
            guard = self._jails.get(ban.jail)
            if guard is not None:
                self._reading.pass_on(guard, ban)
            self._ledger.batch.settle(ban, Due.PASSED)

    def _whole(self) -> Batch:
        """Return all that is in memory as one batch."""
        batch = self._salvage.whole()
        batch.names = self._sparing.names.known()
        return batch

    def _arrived(self, what: str) -> None:
        self.missing.discard(what)
        if not self.missing and self._ready is not None:
            ready, self._ready = self._ready, None
            ready()
            self._say()

    def _salvaged(self) -> None:
        self._pace.flush(durable=True)
        self._banning.lift_ignored()

    # News from the journal

    def _crowded(self, name: str, count: int) -> None:
        self._parts.recorder.evicted(name, count, "suspects")

    def _bans_over(self) -> None:
        # What has been logged under them is to be read before the clock may be set back.
        self._parts.loop.after(SETTLED_MS + 100, self._reading.look)

    def _lost(self, since: int) -> None:
        self._parts.recorder.position_lost(since)

    def _caught_up(self) -> None:
        if self._ledger.known:
            # What an earlier process has told and not saved has been found again, and is told next.
            self._parts.loop.soon(self._forget_known)
        # The clock may be set back, and the time of a ban that is over come again.
        self._ledger.roster.caught_up(self._parts.now() - SETTLED_MS * 1000)
        if self.missing:
            self._arrived("journal")

    def _forget_known(self) -> None:
        self._ledger.known = ()

    def prune(self) -> None:
        """Forget what is older than the configuration wants to remember."""
        self._memory.prune(self._jails, self.config.daemon.dbpurgeage)
        # In peace the position moves on too: what is vacuumed later has been seen.
        self._reading.look()
        self._pace.flush()

    # News from the firewall

    def firewall_drifted(self, reason: str) -> None:
        """Make the firewall equal to the roster again: somebody else has changed it."""
        if not self._jails.settled:
            # Such as that the first call has started the enforcer: the start compares anyway.
            return
        logger.info("comparing the firewall with the bans: %s", reason)
        self._ledger.compare()

    def addresses_changed(self) -> None:
        """Ask for the host's own addresses again."""
        self._parts.firewall.host_addresses(self._set_own)

    def _set_own(self, own: tuple[Address, ...] | JaildError) -> None:
        if isinstance(own, JaildError):
            logger.warning("the host's own addresses are not known: %s", own)
            return
        self._banning.set_own(own)

    def _firewall_news(self, problem: str) -> None:
        if problem:
            self._parts.recorder.firewall_failed(problem)
        else:
            self._parts.recorder.firewall_mended(len(self._ledger.roster))
        self._say()

    def _say(self) -> None:
        states = [guard.state for guard in self._jails]
        failed = states.count(State.FAILED)
        parts = [
            _plural(states.count(State.RUNNING), "jail"),
            *([f"{failed} failed"] if failed else []),
            _plural(len(self._ledger.roster), "ban"),
        ]
        problems = {
            "NOT READING": self._reading.problem,
            "NOT IN FORCE": self._keeper.problem,
            "NOT SAVED": self._ledger.problem,
        }
        told = (f"{what}: {problem}" for what, problem in problems.items() if problem)
        self._parts.status("; ".join((", ".join(parts), *told)))

    # Configuration

    def reload(self) -> None:
        """Use the configuration as it is on disk now.

        Raises InvalidConfig for any mistake in it. One of a single jail keeps that jail as it was,
        the others have changed; one of the whole has changed nothing.
        """
        try:
            config = self._parts.load()
        except InvalidConfig as error:
            self._parts.recorder.config_refused(str(error))
            raise
        before = self.at_work
        mistakes = self._adopt(config)
        self._parts.recorder.reloaded(
            len(config.jails) + len(config.broken) - len(mistakes),
            [name for name in self.at_work if name not in before],
            [name for name in before if name not in self._jails],
        )
        for listener in self.listeners:
            listener.reloaded()
        self._jails_changed()
        if mistakes:
            raise _partly_used(mistakes, self._jails)

    def start_jail(self, name: str) -> None:
        """Let a stopped jail watch again; raises NoSuchJail, and InvalidConfig if it cannot."""
        guard = self._jails.find(name)
        if guard.jail is not None:
            return
        self._jails.start(guard, guard.past())
        if guard.state is State.FAILED:
            raise InvalidConfig(guard.reason)
        self._banning.deny()
        self._parts.recorder.jail_started(name)
        self._jails_changed()

    def stop_jail(self, name: str, done: Counted) -> None:
        """Let a jail watch no longer and lift its bans; done hears how many. Raises NoSuchJail."""
        guard = self._jails.find(name)
        self._reading.gather()
        guard.stop(State.STOPPED, "stopped by hand")
        self._parts.recorder.jail_stopped(name, guard.reason)
        self._jails_changed()
        self._commands.lift_all(name, done)

    def _jail_failed(self, guard: Guard) -> None:
        self._parts.recorder.jail_failed(guard.name, guard.reason)
        self._jails_changed()

    def _jails_changed(self) -> None:
        self._say()
        for listener in self.listeners:
            listener.jails_changed()

    def _adopt(self, config: Config) -> list[BrokenJail]:
        self._reading.close()
        self._pace.flush()
        self.config = config
        self._sparing.shield(config.ignored)
        self._memory.recall_offences(self.config.jails)
        mistakes = self._jails.rebuild(config)
        gone = [ban for ban in self._ledger.roster if ban.jail not in self._jails]
        self._ledger.lift(gone, GONE)
        self._banning.follow_names()
        self._pace.flush()
        self._banning.lift_ignored()
        self._banning.deny()
        self._ledger.reshape(lambda ban: self._jails.find(ban.jail).rule(ban.address))
        self._ledger.compare()
        self._reading.open(list(self._jails))
        self._say()
        return mistakes

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
    def at_work(self) -> list[str]:
        """The names of the jails that watch."""
        return [guard.name for guard in self._jails if guard.jail is not None]

    @property
    def ban_count(self) -> int:
        """How many bans are meant to be in force."""
        return len(self._ledger.roster)

    @property
    def jail_names(self) -> list[str]:
        """The enabled jails, in the configuration's order."""
        return list(self._jails.by_name())

    def jail_states(self) -> list[JailStatus]:
        """Return how all jails stand, in the configuration's order."""
        return [self.jail_status(guard.name) for guard in self._jails]

    def jail_status(self, name: str) -> JailStatus:
        """Return how one jail stands; raises NoSuchJail."""
        return self._jails.find(name).status(self._ledger.roster.of(name))

    def bans(self, jail: str) -> list[Ban]:
        """Return one jail's bans, or all with ""; raises NoSuchJail."""
        roster = self._ledger.roster
        return self._ledger.shown(roster.of(self._jails.find(jail).name) if jail else roster)

    def explain(self, text: str) -> Explanation:
        """Return what is known of an address or network; raises InvalidAddress, StoreFailed."""
        address, now = parse(text), self._parts.now()
        saved = self._parts.store.past(covering(address), MOST_PAST)
        return explain(address, self._jails, self._ledger, self._sparing.own, now, saved)


def _partly_used(mistakes: Sequence[BrokenJail], jails: Jails) -> InvalidConfig:
    """Return what to tell of a configuration that has a mistake in some of its jails."""
    first, more = mistakes[0], len(mistakes) - 1
    guard = jails.find(first.name)
    fate = "goes on as before" if guard.jail is not None else "does not run"
    others = f" (and {_plural(more, 'more jail')} with mistakes)" if more else ""
    error = first.error
    sentence = f"jail '{first.name}' {fate}{others}, the others use the new configuration"
    return InvalidConfig(f"{error.message}; {sentence}", error.path, error.line, error.hint)


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
