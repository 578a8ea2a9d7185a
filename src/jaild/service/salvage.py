# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module makes good a loss of the state: from the firewall at the start, from memory later."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence

from jaild.config import schema, values
from jaild.core.ban import Ban
from jaild.core.errors import JaildError
from jaild.core.policy import Policy
from jaild.core.rule import Rule
from jaild.enforce.port import AddressesDone, Done, Firewall, RulesDone
from jaild.service.guard import Guard
from jaild.service.ledger import Ledger
from jaild.service.status import State
from jaild.state.batch import Batch

logger = logging.getLogger(__name__)

REASON = "found in the firewall after the state was lost"


class Salvage:
    """A firewall whose rules are first taken up as bans while ``needed``.

    Until that is done, no change gets through: the roster is not complete, and to make the firewall
    equal to it would let attackers in. A change fails as long as the firewall cannot be asked.
    """

    def __init__(
        self,
        firewall: Firewall,
        ledger: Ledger,
        guards: Callable[[], Mapping[str, Guard]],
        now: Callable[[], int],
        taken: Callable[[], None],
    ) -> None:
        """``taken`` is called when the bans are in the ledger, to be saved."""
        self.needed = False
        self._firewall = firewall
        self._ledger = ledger
        self._guards = guards
        self._now = now
        self._taken = taken

    def apply(self, add: Sequence[Rule], drop: Sequence[Rule], done: Done) -> None:
        """Add some rules and drop others."""
        if self.needed:
            self._take_up_first(done)
        else:
            self._firewall.apply(add, drop, done)

    def sync(self, rules: Sequence[Rule], done: Done) -> None:
        """Make jaild's rules in the firewall exactly these, or all of the ledger if need be."""
        if self.needed:
            self._take_up_first(done)
        else:
            self._firewall.sync(rules, done)

    def present(self, done: RulesDone) -> None:
        """Ask for jaild's rules as the firewall has them now."""
        self._firewall.present(done)

    def host_addresses(self, done: AddressesDone) -> None:
        """Ask for the host's own addresses."""
        self._firewall.host_addresses(done)

    def whole(self) -> Batch:
        """Return all that is in memory as one batch, for an empty state file."""
        batch = Batch(complete=not self.needed)
        for guard in self._guards().values():
            past = guard.past()
            for address, failure in past.failures:
                batch.failures.setdefault((guard.name, address), []).append(failure)
            for process, connection in past.connections:
                batch.connections[guard.name, process] = connection
            if past.known:
                batch.counters[guard.name] = (past.failed, past.banned)
        for ban in self._ledger.roster:
            batch.ban(ban)
        return batch

    def _take_up_first(self, done: Done) -> None:
        def answered(rules: tuple[Rule, ...] | JaildError) -> None:
            if isinstance(rules, JaildError):
                done(rules)
                return
            self._take_up(rules)
            self._firewall.sync(self._ledger.rules(), done)

        self._firewall.present(answered)

    def _take_up(self, rules: Iterable[Rule]) -> None:
        now, guards = self._now(), self._guards()
        taken = dropped = 0
        changed: dict[str, Guard] = {}
        for rule in rules:
            guard = guards.get(rule.jail)
            if guard is None or guard.state is State.STOPPED:
                dropped += 1
            elif self._ledger.roster.get(rule.jail, rule.address) is None:
                # Else the journal has told of it meanwhile, and since when.
                until = Policy(_bantime(guard)).until(now)
                ban = Ban(rule.jail, rule.address, now, until, 0, REASON)
                self._ledger.take_up(ban, guard.rule(rule.address))
                guard.banned += 1
                changed[guard.name] = guard
                taken += 1
        for name, guard in changed.items():
            guard.kept.banned = guard.banned
            self._ledger.batch.counters[name] = (guard.past().failed, guard.banned)
        self._ledger.batch.complete = True
        self.needed = False
        logger.warning(
            "bans found in the firewall and taken up: %d; rules of other jails, to be dropped: %d",
            taken,
            dropped,
        )
        self._taken()


def _bantime(guard: Guard) -> int:
    """Return how long a ban lasts: where a mistake keeps the jail from saying so, the default."""
    return guard.config.bantime if guard.config else values.length(schema.BANTIME.default)
