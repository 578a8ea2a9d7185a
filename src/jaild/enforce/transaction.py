# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module changes ufw in one transaction: lock, read, change, write, load, replace, unlock.

The kernel takes the new rules in one step per family before ufw's files are replaced. Whatever
fails, files and kernel are as they were before; whenever a crash comes, each of them is whole.
"""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from jaild.core.errors import FirewallFailed
from jaild.core.rule import Rule
from jaild.enforce import lock
from jaild.enforce.agreement import Agreement
from jaild.enforce.engine import IPV6_IS_OFF, Condition, Result, mark
from jaild.enforce.kernel import FAMILIES, IPV4, IPV6, Kernel, family_of
from jaild.enforce.port import Outcome, Refusal, State
from jaild.enforce.rule_set import RuleSet
from jaild.enforce.ufw import Package

logger = logging.getLogger(__name__)

LOCK_PATIENCE = 10.0
# From so many rules on, the kernel takes longer to list them than to load them anew.
MANY = 30_000
# More are counted, not listed, by a look: others may give reason for one every few minutes.
LISTED = 5_000

# From the rules there are: those to add and those to drop.
Plan = Callable[[set[Rule]], tuple[list[Rule], set[Rule]]]


class Transactions:
    """Changes ufw through its own Python package."""

    def __init__(self, package: Package, lock_path: str = lock.PATH) -> None:
        self._package = package
        self._lock_path = lock_path
        self._kernels = {family: Kernel(family) for family in FAMILIES}
        self._agreement = Agreement()
        self._is_puzzled = False
        self._problem = ""

    def apply(self, add: Sequence[Rule], drop: Sequence[Rule]) -> Result:
        """Add rules in front of the administrator's and drop others; a rule in both stays."""

        def plan(there: set[Rule]) -> tuple[list[Rule], set[Rule]]:
            new = [rule for rule in dict.fromkeys(add) if rule not in there]
            return new, there & (set(drop) - set(add))

        return self._transact(plan)

    def sync(self, rules: Sequence[Rule]) -> Result:
        """Make jaild's rules exactly these, in ufw's files and in the kernel."""

        def plan(there: set[Rule]) -> tuple[list[Rule], set[Rule]]:
            return [rule for rule in dict.fromkeys(rules) if rule not in there], there - set(rules)

        return self._transact(plan)

    def present(self) -> list[Rule]:
        """Return jaild's rules as ufw's files have them now, sorted."""
        with lock.held(self._lock_path, LOCK_PATIENCE):
            transaction = self._begin()
            _require_whole(transaction.rules.problem)
            return transaction.present()

    def flush(self) -> int:
        """Remove every rule of jaild's; return how many there were."""
        outcome = self.sync(()).outcome
        count = outcome.dropped + self._flush_sleeping()
        _require_whole(outcome.problem)
        return count

    def look(self) -> Condition:
        """Look without changing anything; raises Busy at once when ufw is at work."""
        with lock.held(self._lock_path, 0):
            return self._begin().condition()

    def _flush_sleeping(self) -> int:
        """Remove the IPv6 rules that lie in ufw's file while its IPv6 is switched off."""
        with lock.held(self._lock_path, LOCK_PATIENCE):
            rules = self._package.load_sleeping()
            _require_whole(rules.problem)
            if not rules.has_tagged(IPV6):
                return 0
            transaction = _Transaction(rules, self._kernels, self._agreement)
            return transaction.run(lambda there: ([], there)).outcome.dropped

    def _transact(self, plan: Plan) -> Result:
        with lock.held(self._lock_path, LOCK_PATIENCE):
            transaction = self._begin()
            result = transaction.run(plan)
            self._package.keep(transaction.rules)
            return result

    def _begin(self) -> "_Transaction":
        transaction = _Transaction(self._package.load(), self._kernels, self._agreement)
        self._say_once(transaction)
        return transaction

    def _say_once(self, transaction: "_Transaction") -> None:
        problem = transaction.rules.problem
        if problem and problem != self._problem:
            logger.warning("%s", problem)
        self._problem = problem
        is_puzzled = transaction.rules.enabled and transaction.state() == "inactive"
        if is_puzzled and not self._is_puzzled:
            logger.warning(
                "ufw is enabled, but packets do not pass its chains in the kernel: 'ufw reload'"
                " would bring jaild's rules into force"
            )
        self._is_puzzled = is_puzzled


class _Transaction:
    """One transaction, under ufw's lock."""

    def __init__(self, rules: RuleSet, kernels: dict[int, Kernel], agreement: Agreement) -> None:
        """See which families are in force; raises FirewallFailed."""
        self.rules = rules
        self._kernels = kernels
        self._agreement = agreement
        self._agreement.begin()
        self._files = rules.files
        self._hooked = {
            family: rules.enabled and kernels[family].is_hooked()
            for family in (*rules.files, *rules.damaged)
        }

    def run(self, plan: Plan) -> Result:
        """Carry the plan out."""
        wanted, drop = plan(self._there())
        add = [rule for rule in wanted if family_of(rule) not in self.rules.damaged]
        refused = {rule: IPV6_IS_OFF for rule in add if family_of(rule) not in self._files}
        self.rules.remove(drop)
        refused |= self.rules.put_in_front([rule for rule in add if rule not in refused])
        new = tuple(rule for rule in add if rule not in refused)
        changed = {family_of(rule) for rule in (*new, *drop)}
        only_new = changed - {family_of(rule) for rule in drop}
        # With nothing to write, the caller may still be right that the kernel lacks something.
        load = self._to_load(changed)
        if load:
            self.rules.ask_capabilities()
        self._put(changed, load, self._insertions(new, only_new))
        refusals = tuple(Refusal(rule.jail, rule.address, why) for rule, why in refused.items())
        state, problem = self.state(), self.rules.problem
        outcome = Outcome(state, refusals, added=len(new), dropped=len(drop), problem=problem)
        condition = Condition(state, mark(self._there()), problem=problem)
        return Result(outcome, new, condition, self._generation())

    def present(self) -> list[Rule]:
        """Return jaild's rules, sorted."""
        return sorted(self._there())

    def condition(self) -> Condition:
        """Return how ufw stands."""
        missing = sum(self._lost(family) for family in self._files)
        return Condition(self.state(), mark(self._there()), missing, self.rules.problem)

    def state(self) -> State:
        """Return whether jaild's rules, as they are now in memory, are or will be in force."""
        used = {family for family in self._files if self.rules.has_tagged(family)}
        return "active" if all(self._hooked[family] for family in used | {IPV4}) else "inactive"

    def _generation(self) -> int | None:
        stamps = self.rules.stamps
        is_ours = all(file.stamp() == stamps[family] for family, file in self._files.items())
        return self._agreement.left() if is_ours else None

    def _there(self) -> set[Rule]:
        # A union of sets, for it need not ask each rule for its hash.
        return set().union(*map(self.rules.tagged, self._files))

    def _missing(self, family: int) -> set[Rule]:
        if self._is_complete(family):
            return set()
        missing = self._kernels[family].missing(self.rules.tagged(family))
        if not missing:
            self._agreement.seen(family, self.rules.stamps[family])
        return missing

    def _lost(self, family: int) -> int:
        """Return how many rules the kernel lacks; with very many of them, only by their number."""
        is_known = self._is_complete(family) or not self._agreement.is_counted(family)
        if self.rules.count(family) > LISTED and not is_known:
            lost = self._kernels[family].lost(self._files[family].content())
            if lost is not None:
                return lost
        return len(self._missing(family))

    def _is_complete(self, family: int) -> bool:
        """Return whether it is known that the kernel lacks nothing that it should have."""
        if not self.rules.has_tagged(family) or not self._hooked[family]:
            return True
        return self._agreement.is_complete(family, self.rules.stamps[family])

    def _to_load(self, changed: set[int]) -> set[int]:
        # A crash may have left rules in the kernel that no file tells of.
        wanted = changed | {
            family for family, file in self._files.items() if file.was_interrupted()
        }
        wanted |= {family for family in self._files if family not in wanted and self._lacks(family)}
        return {family for family in wanted if self._hooked[family]}

    def _lacks(self, family: int) -> bool:
        """Return whether the kernel may lack rules of a family."""
        if self.rules.count(family) < MANY:
            return bool(self._missing(family))
        return not self._is_complete(family)

    def _insertions(self, new: Sequence[Rule], families: set[int]) -> dict[int, str]:
        """Return what brings new rules into force where the kernel has all the rest, in order."""
        found: dict[int, str] = {}
        for family in families:
            if self._agreement.is_equal(family, self.rules.stamps[family]):
                mine = [rule for rule in new if family_of(rule) == family]
                lines = self.rules.insertion(mine, family)
                if lines is not None and not self._files[family].was_interrupted():
                    found[family] = lines
        return found

    def _put(self, changed: set[int], load: set[int], insertions: dict[int, str]) -> None:
        loaded: list[int] = []
        try:
            for family in changed:
                self._write(family)
            self._agreement.refresh()
            for family in load:
                file = self._files[family]
                path = file.staged if family in changed else file.path
                self._load(family, path, insertions.get(family), loaded)
            for family in changed:
                self._files[family].commit()
        except FirewallFailed:
            self._bring_back(changed, loaded)
            raise
        for file in self._files.values():
            file.discard()
        self.rules.settle()
        self._agreement.settle(self.rules.stamps)

    def _load(self, family: int, path: Path, insertion: str | None, loaded: list[int]) -> None:
        """Bring a family into force, and add it to ``loaded`` before it can have changed."""
        # A program that fails may have done its work all the same: it may have been too slow.
        loaded.append(family)
        if insertion is None or not self._insert(family, insertion):
            self._agreement.load(family, partial(self._kernels[family].load, path))

    def _insert(self, family: int, lines: str) -> bool:
        """Add new rules alone; return whether the kernel surely has just what the file says."""
        # Asked again: meanwhile the file has been written, which takes a while.
        if not self._agreement.is_equal(family, self.rules.stamps[family]):
            return False
        try:
            return self._agreement.load(family, partial(self._kernels[family].insert, lines))
        except FirewallFailed as error:
            logger.warning("all of ufw's rules are loaded anew: %s", error)
            return False

    def _write(self, family: int) -> None:
        file = self._files[family]
        file.stage()
        self.rules.write(family, file.staged)
        file.check_staged(self.rules.count(family))

    def _bring_back(self, changed: set[int], loaded: list[int]) -> None:
        for family in changed:
            _attempt(self._files[family].revert)
        for family in loaded:
            _attempt(partial(self._kernels[family].load, self._files[family].path))


def _require_whole(problem: str) -> None:
    if problem:
        raise FirewallFailed(problem)


def _attempt(step: Callable[[], None]) -> None:
    try:
        step()
    except FirewallFailed as error:
        logger.critical("ufw could not be brought back to what it was before: %s", error)
