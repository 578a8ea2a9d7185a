# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module has the enabled jails: made from a configuration, with what came before."""

from collections.abc import Callable, Iterator, Mapping

from jaild.config.compile import compile_filter
from jaild.config.model import BrokenJail, Config
from jaild.core.errors import InvalidConfig, NoSuchJail
from jaild.core.tally import Failure
from jaild.journal.record import Recorder
from jaild.service.guard import Guard, Past, Surroundings
from jaild.service.ledger import Ledger
from jaild.service.status import State
from jaild.state.store import Store


class Jails:
    """The enabled jails by name, in the configuration's order."""

    def __init__(
        self,
        around: Surroundings,
        ledger: Ledger,
        store: Store,
        recorder: Recorder,
        now: Callable[[], int],
    ) -> None:
        self._around = around
        self._ledger = ledger
        self._store = store
        self._recorder = recorder
        self._now = now
        self._guards: dict[str, Guard] = {}
        self.settled = False

    def __iter__(self) -> Iterator[Guard]:
        return iter(self._guards.values())

    def __contains__(self, name: str) -> bool:
        return name in self._guards

    def get(self, name: str) -> Guard | None:
        """Return a jail, None if there is none of that name."""
        return self._guards.get(name)

    def find(self, name: str) -> Guard:
        """Return a jail; raises NoSuchJail."""
        guard = self._guards.get(name)
        if guard is None:
            known = ", ".join(self._guards) or "none"
            raise NoSuchJail(f"there is no jail '{name}'; the enabled jails are: {known}")
        return guard

    def by_name(self) -> Mapping[str, Guard]:
        """Return all of them by name."""
        return self._guards

    def build(self, config: Config, pasts: Mapping[str, Past]) -> None:
        """Make the jails of a configuration at the start of the service."""
        self._guards = {jail.name: Guard(jail.name, jail) for jail in config.jails}
        for guard in self:
            self.start(guard, pasts.get(guard.name, Past()))
        for broken in config.broken:
            past = pasts.get(broken.name, Past())
            self._guards[broken.name] = _idle(broken, past)
        self._tell_failed()

    def rebuild(self, config: Config) -> list[BrokenJail]:
        """Make the jails of another configuration, and return those that have a mistake in it.

        A jail with a mistake is shown as failed; if it was at work it goes on as it was configured
        before.
        """
        pasts = {guard.name: guard.past() for guard in self}
        before = self._guards
        mistakes = [*config.broken, *_uncompilable(config)]
        broken = {mistake.name for mistake in mistakes}
        self._guards = {jail.name: Guard(jail.name, jail) for jail in config.jails}
        for guard in self:
            was, past = before.get(guard.name), pasts.get(guard.name, Past())
            if was is not None and was.state is State.STOPPED:
                # Until somebody starts it, or the service.
                guard.kept, guard.banned, guard.reason = past, past.banned, was.reason
            elif guard.name not in broken:
                # What was logged while there was no such jail at work is not its business.
                guard.since = self._now() if was is None or was.jail is None else 0
                self.start(guard, past)
        for mistake in mistakes:
            self._guards[mistake.name] = self._kept(
                mistake, before.get(mistake.name), pasts.get(mistake.name, Past())
            )
        for name in pasts.keys() - self._guards.keys():
            self._forget(name, pasts[name])
        self._tell_failed()
        return mistakes

    def start(self, guard: Guard, past: Past) -> None:
        """Let a jail go on from its past; one that cannot is shown as failed."""
        try:
            if guard.hears_bans and not past.known:
                self._tell_of_earlier_bans(guard, past)
            guard.start(past, self._around)
        except InvalidConfig as error:
            guard.kept = past
            guard.stop(State.FAILED, str(error))
            return
        if self.settled:
            self._count_anew(guard)

    def count_anew(self) -> None:
        """Let failures count by what is known now: the host's own addresses too."""
        self.settled = True
        for guard in self:
            self._count_anew(guard)

    def check_some_run(self) -> None:
        """Raise InvalidConfig when there are jails and not a single one can run."""
        failed = [guard for guard in self if guard.state is State.FAILED]
        if failed and len(failed) == len(self._guards):
            raise InvalidConfig(f"no jail can run: {failed[0].reason}")

    def _forget(self, name: str, past: Past) -> None:
        batch = self._ledger.batch
        for address, _ in past.failures:
            batch.clear(name, address)
        for process, _ in past.connections:
            batch.connections[name, process] = None

    def _kept(self, mistake: BrokenJail, before: Guard | None, past: Past) -> Guard:
        if before is None or before.config is None or before.jail is None:
            return _idle(mistake, past)
        guard = Guard(mistake.name, before.config)
        self.start(guard, past)
        guard.state = State.FAILED
        guard.reason = f"{mistake.error}; until this is mended it goes on as configured before"
        return guard

    def _count_anew(self, guard: Guard) -> None:
        """Save the failures again that now count against a network, or no longer do."""
        jail, batch = guard.jail, self._ledger.batch
        if jail is None:
            return
        failures = list(jail.tally.failures())
        if all(jail.unit(address) == address for address in {address for address, _ in failures}):
            return
        moved = [(jail.unit(address), failure) for address, failure in failures]
        for (address, failure), (unit, _) in zip(failures, moved, strict=True):
            if unit != address:
                jail.tally.forget(address)
                batch.clear(guard.name, address)
                batch.fail(guard.name, unit, failure, jail.tally.findtime)
        for unit, _ in moved:
            jail.tally.forget(unit)
        jail.tally.restore(moved)

    def _tell_of_earlier_bans(self, guard: Guard, past: Past) -> None:
        """Let a new jail that looks at bans know those of its finding window."""
        assert guard.config is not None  # noqa: S101 - else it would not hear bans
        findtime, batch = guard.config.findtime, self._ledger.batch
        for address, since in self._store.bans_since(self._now() - findtime, guard.name):
            past.failures.append((address, Failure(since, "")))
            batch.fail(guard.name, *past.failures[-1], findtime)
        batch.counters[guard.name] = (0, 0)

    def _tell_failed(self) -> None:
        for guard in self:
            if guard.state is State.FAILED:
                recorder = self._recorder
                tell = recorder.jail_failed if guard.jail is None else recorder.jail_kept
                tell(guard.name, guard.reason)


def _idle(mistake: BrokenJail, past: Past) -> Guard:
    reason = str(mistake.error)
    return Guard(mistake.name, None, None, State.FAILED, reason, past.banned, past)


def _uncompilable(config: Config) -> Iterator[BrokenJail]:
    for jail in config.jails:
        try:
            compile_filter(jail.filter)
        except InvalidConfig as error:
            yield BrokenJail(jail.name, error)
