# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module enters bans and lifts them: in the roster, the store, the firewall and the records.

The order is always the same. Changes gather in a batch; one commit saves them together with the
position in the journal; then the firewall is told, then the journal and the listeners.
"""

import heapq
import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from jaild.core.address import Address
from jaild.core.ban import FOREVER, Ban, Due, Duty, duty
from jaild.core.errors import JaildError, StoreFailed
from jaild.core.position import Position
from jaild.core.roster import Roster
from jaild.core.rule import Rule
from jaild.enforce.keeper import Keeper
from jaild.enforce.port import Outcome
from jaild.journal.record import Recorder
from jaild.service.status import Listener
from jaild.state.batch import REFUSED, Batch
from jaild.state.damage import Loss, StoreDamaged

logger = logging.getLogger(__name__)

# How bans end by themselves; for entries from before that they still count.
PAST, OVER = "past", "its time is over"

# While nothing can be saved so many changes gather; then all there is takes their place, and of the
# bans that have ended the last.
MOST_CHANGES = 50_000
MOST_ENDED = 10_000

# More would hold up the firewall, and each packet; the enforcer takes no more than twice as many.
MOST_BANS = 100_000
CROWDED = "there are too many bans"

Done = Callable[[Outcome | JaildError], None]


class Saver(Protocol):
    """The store, as far as it is needed here."""

    def commit(self, batch: Batch, *, durable: bool = False) -> None:
        """Save a batch in one transaction; raises StoreFailed, StoreDamaged."""

    def begin_anew(self) -> Loss:
        """Begin an empty file in place of a damaged one; raises StoreFailed."""


@dataclass(frozen=True, slots=True)
class _News:
    ban: Ban
    lifted: str = ""


class Ledger:
    """The bans in all their places; ``problem`` is a sentence while saving fails, else "".

    ``whole`` gives all that is in memory, for a state file that has to be begun anew; ``refused``
    hears of each ban that the firewall does not make. ``known`` is what an earlier process has done
    and could not save, which is not to be done again.
    """

    def __init__(
        self, saver: Saver, recorder: Recorder, position: Callable[[], Position | None]
    ) -> None:
        self.roster = Roster()
        self.batch = Batch()
        self.listeners: list[Listener] = []
        self.problem = ""
        self.keeper: Keeper | None = None
        self.whole: Callable[[], Batch] | None = None
        self.refused: Callable[[Ban], None] = lambda _ban: None
        self.known: Collection[Duty] = ()
        self._saver = saver
        self._recorder = recorder
        self._position = position
        self._held: dict[tuple[str, Address], Ban] = {}
        self._rules: dict[tuple[str, Address], Rule] = {}
        self._add: dict[Rule, None] = {}
        self._drop: dict[Rule, None] = {}
        self._news: list[_News] = []
        self._after: list[Done] = []
        self._notes: list[Callable[[], None]] = []
        self._denied = 0
        self._contained = 0

    def rules(self) -> list[Rule]:
        """Return the rules of all bans, for the firewall to equal."""
        return list(self._rules.values())

    def restore(self, ban: Ban, rule: Rule) -> None:
        """Take up a ban of an earlier run; the first comparison brings it into force."""
        self.roster.add(ban)
        self._denied += ban.denied
        self._rules[ban.jail, ban.address] = rule

    def enter(self, ban: Ban, rule: Rule) -> None:
        """Ban; the next flush() brings it into force."""
        self._note(ban, Due.BANNED)
        self._enforce(ban, rule)
        self._news.append(_News(ban))

    def enter_quietly(self, ban: Ban, rule: Rule) -> None:
        """Ban without a record and without telling the listeners."""
        self._note(ban)
        self._enforce(ban, rule)

    def tell_again(self, ban: Ban, lifted: str = "") -> None:
        """Record a ban or its end of an earlier run, which may not have come to do so."""
        self._news.append(_News(ban, lifted))

    def hold(self, ban: Ban) -> None:
        """Save a ban that is to wait: release() or annul() will follow, or a restart enforce it."""
        self._note(ban, Due.BANNED, Due.PASSED)
        self._held[ban.jail, ban.address] = ban

    def release(self, ban: Ban, rule: Rule) -> bool:
        """Enter a ban that has waited; returns False if it has been lifted meanwhile.

        The jails that look at bans have to hear of it before the next flush.
        """
        if not self._waits(ban):
            return False
        self._held.pop((ban.jail, ban.address), None)
        self.batch.settle(ban, Due.PASSED)
        self._enforce(ban, rule)
        self._news.append(_News(ban))
        return True

    def annul(self, ban: Ban) -> bool:
        """Strike out a ban that has waited, as if it had never been made."""
        if not self._waits(ban):
            return False
        self._held.pop((ban.jail, ban.address), None)
        self.roster.lift(ban.jail, ban.address)
        self.batch.annul(ban)
        return True

    def shown(self, bans: Iterable[Ban]) -> list[Ban]:
        """Return bans as people see them: of those that are held their reasons say so."""
        if not self._held:
            return list(bans)
        return [
            replace(ban, reason=f"{ban.reason}; it waits for ignorecommand")
            if self._waits(ban)
            else ban
            for ban in bans
        ]

    def take_up(self, ban: Ban, rule: Rule) -> None:
        """Enter a ban whose rule is in the firewall already, if perhaps in another form."""
        self.restore(ban, rule)
        self.batch.ban(ban, Due.BANNED)
        self._news.append(_News(ban))

    def lift(self, bans: Iterable[Ban], reason: str) -> int:
        """Strike bans out; the next flush() takes them out of force. Returns how many."""
        count = 0
        for ban in bans:
            if self.roster.lift(ban.jail, ban.address) is not None:
                self._end(ban, reason)
                count += 1
        return count

    def end_quietly(self, jail: str, address: Address, reason: str) -> None:
        """Lift a ban without a record and without telling the listeners."""
        ban = self.roster.lift(jail, address)
        if ban is not None:
            self._strike(ban, reason)

    def expire(self, now: int) -> int:
        """Strike out what has ended; returns how many bans."""
        ended = self.roster.expire(now)
        for ban in ended:
            self._end(ban, OVER)
        return len(ended)

    def past(self, ban: Ban) -> None:
        """Note a ban that was over before it could begin: it is recorded, not enforced."""
        self.batch.end(ban, PAST, Due.ENDED)
        self.roster.past(ban.jail, ban.address, ban.until)
        self._news.append(_News(ban, PAST))

    def denied(self, jail: str, banned: int, lifted: int) -> None:
        """Record how many permanent bans of a jail have come and gone quietly."""
        self._notes.append(lambda: self._recorder.denied(jail, banned, lifted))

    def flush(self, done: Done | None = None, *, durable: bool = False, save: bool = True) -> None:
        """Save all changes in one transaction, if they are to be saved, and bring them into force.

        A store that fails keeps the batch for the next flush: the host is protected all the same.
        """
        self._make_room()
        self._contain()
        self.batch.position = self._position()
        if self.batch.position is not None:
            self.roster.overtake(self.batch.position.entry_time)
        if save:
            self._save(durable=durable)
        add, self._add = self._add, {}
        drop, self._drop = self._drop, {}
        news, self._news = self._news, []
        after, self._after = self._after, []
        notes, self._notes = self._notes, []
        if done is not None:
            after.append(done)
        if self.keeper is not None and (add or drop or after):
            self.keeper.change(add, drop, lambda outcome: self._settle(outcome, after))
        for item in news:
            self._tell(item)
        for note in notes:
            note()

    def when_in_force(self, done: Done) -> None:
        """Let done hear how the firewall takes what the next flush() brings into force."""
        self._after.append(done)

    def compare(self, done: Done | None = None) -> None:
        """Make the firewall equal to the roster."""
        if self.keeper is not None:
            after = [done] if done is not None else []
            self.keeper.compare(lambda outcome: self._settle(outcome, after))

    def reshape(self, rule: Callable[[Ban], Rule]) -> None:
        """Make the rules anew, for a new configuration; compare() brings them into force."""
        bans = (ban for ban in self.roster if (ban.jail, ban.address) not in self._held)
        self._rules = {(ban.jail, ban.address): rule(ban) for ban in bans}
        self._add, self._drop = {}, {}

    def _make_room(self) -> None:
        """Lift the oldest bans when there are too many for the firewall."""
        over = len(self.roster) - self._denied - MOST_BANS
        if over <= 0:
            return
        # Some more than there are too many: each time the whole roster is looked at.
        oldest = heapq.nsmallest(over + MOST_BANS // 100, self._spare_bans(), key=_by_age)
        self.lift(oldest, CROWDED)
        for jail, count in Counter(ban.jail for ban in oldest).items():
            self._notes.append(partial(self._recorder.evicted, jail, count, "bans"))

    def _spare_bans(self) -> Iterator[Ban]:
        """Yield the bans that may go when there are too many: none that has only just come."""
        new = {(item.ban.jail, item.ban.address) for item in self._news if not item.lifted}
        for ban in self.roster:
            if not ban.denied and (ban.jail, ban.address) not in new:
                yield ban

    def _contain(self) -> None:
        """Keep in bounds what cannot be saved: no more than all there is."""
        most = self._contained + MOST_CHANGES
        if self.problem and self.whole is not None and self.batch.size > most:
            self._gather_all(self.whole())
            self._contained = self.batch.size

    def _gather_all(self, whole: Batch) -> None:
        """Save all there is in place of the changes, with what is nowhere else."""
        whole.inherit(self.batch, MOST_ENDED)
        for ban in self._held.values():
            whole.ban(ban, Due.BANNED, Due.PASSED)
        whole.whole = True
        self.batch = whole

    def _note(self, ban: Ban, *due: Due) -> None:
        replaced = self.roster.get(ban.jail, ban.address)
        if replaced is not None:
            self._unhold(replaced)
            self._denied -= replaced.denied
            self.batch.end(replaced, "replaced by another")
        self.roster.add(ban)
        self._denied += ban.denied
        self.batch.ban(ban, *due)

    def _enforce(self, ban: Ban, rule: Rule) -> None:
        self._rules[ban.jail, ban.address] = rule
        self._drop.pop(rule, None)
        self._add[rule] = None

    def _waits(self, ban: Ban) -> bool:
        return self._held.get((ban.jail, ban.address)) is ban

    def _unhold(self, ban: Ban) -> None:
        """Let a ban wait no longer, if it does: nobody has heard of it, and nobody will."""
        if self._waits(ban):
            del self._held[ban.jail, ban.address]
            self.batch.settle(ban, *Due)

    def _end(self, ban: Ban, reason: str) -> None:
        if self._waits(ban):
            self._strike(ban, reason)
        else:
            self._news.append(_News(ban, reason))
            self._strike(ban, reason, Due.ENDED)

    def _strike(self, ban: Ban, reason: str, *due: Due) -> None:
        self._unhold(ban)
        self._denied -= ban.denied
        self.batch.end(ban, reason, *due)
        rule = self._rules.pop((ban.jail, ban.address), None)
        if rule is not None:
            self._add.pop(rule, None)
            self._drop[rule] = None

    def _save(self, *, durable: bool) -> None:
        try:
            self._commit(durable=durable)
        except StoreFailed as error:
            if not self.problem:
                # Said once: every later attempt would say the same.
                logger.error("%s; it is kept in memory", error)  # noqa: TRY400 - expected
            self.problem = str(error)
        else:
            if self.problem:
                logger.warning("the state is saved again")
            self.problem, self._contained = "", 0
            self.batch = Batch()

    def _commit(self, *, durable: bool) -> None:
        try:
            self._saver.commit(self.batch, durable=durable)
        except StoreDamaged:
            if self.whole is None:
                raise
        else:
            return
        loss = self._saver.begin_anew()
        self._recorder.state_lost(loss.reason, loss.kept)
        # What the batch was to change is in memory already, but for the bans that are over.
        self._gather_all(self.whole())
        self.batch.position = self._position()
        self._saver.commit(self.batch, durable=True)

    def _settle(self, outcome: Outcome | JaildError, after: Iterable[Done]) -> None:
        if isinstance(outcome, Outcome) and outcome.refused:
            for jail, address, reason in outcome.refused:
                self._refuse(jail, address, f"{REFUSED}{reason}")
            self.flush()
        for done in after:
            done(outcome)

    def _refuse(self, jail: str, address: Address, reason: str) -> None:
        """Strike out a ban that the firewall does not make: that is recorded instead of its end."""
        ban = self.roster.get(jail, address)
        if ban is not None:
            self.lift([ban], reason)
            self.refused(ban)

    def _tell(self, item: _News) -> None:
        what = Due.ENDED if item.lifted else Due.BANNED
        if duty(what, item.ban) not in self.known:
            self._record(item)
        # Saved with whatever comes next: until then a start looks for the record.
        self.batch.settle(item.ban, what)
        for listener in self.listeners:
            if not item.lifted:
                listener.ban_added(item.ban)
            elif item.lifted != PAST:
                listener.ban_removed(item.ban, item.lifted)

    def _record(self, item: _News) -> None:
        if item.lifted == PAST:
            self._recorder.too_late(item.ban)
        elif item.lifted.startswith(REFUSED):
            self._recorder.refused(item.ban, item.lifted.removeprefix(REFUSED))
        elif item.lifted:
            self._recorder.unbanned(item.ban, item.lifted)
        else:
            self._recorder.banned(item.ban)


def _by_age(ban: Ban) -> tuple[bool, int]:
    """Return what sorts the oldest first, and last those that somebody has made for ever."""
    return (ban.until == FOREVER and not ban.failures, ban.since)
