# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module is a firewall that shuts nobody out: for replaying history, and for tests."""

from collections.abc import Sequence

from jaild.core.address import Address
from jaild.core.errors import JaildError
from jaild.core.rule import Rule
from jaild.enforce.port import AddressesDone, Done, Outcome, Refusal, RulesDone, State


class Memory:
    """Keeps the rules in memory and answers at once.

    Set ``failure`` to have every change, and the question which rules there are, fail, ``state`` to
    be an inactive firewall, ``refuses`` to have it refuse addresses (with the reason).
    """

    def __init__(self, hosts: Sequence[Address] = ()) -> None:
        self.rules: set[Rule] = set()
        self.hosts = tuple(hosts)
        self.state: State = "active"
        self.failure: JaildError | None = None
        self.refuses: dict[Address, str] = {}

    def apply(self, add: Sequence[Rule], drop: Sequence[Rule], done: Done) -> None:
        """Add some rules and drop others; a rule in both stays."""
        self._become((self.rules - set(drop)) | set(add), done)

    def sync(self, rules: Sequence[Rule], done: Done) -> None:
        """Make the rules exactly these."""
        self._become(set(rules), done)

    def present(self, done: RulesDone) -> None:
        """Answer with the rules, sorted."""
        done(self.failure if self.failure is not None else tuple(sorted(self.rules)))

    def host_addresses(self, done: AddressesDone) -> None:
        """Answer with the addresses given at the start."""
        done(self.hosts)

    def _become(self, wanted: set[Rule], done: Done) -> None:
        if self.failure is not None:
            done(self.failure)
            return
        refused = tuple(
            Refusal(rule.jail, rule.address, self.refuses[rule.address])
            for rule in sorted(rule for rule in wanted if rule.address in self.refuses)
        )
        wanted = {rule for rule in wanted if rule.address not in self.refuses}
        before, self.rules = self.rules, wanted
        done(
            Outcome(
                self.state,
                refused,
                added=len(wanted - before),
                dropped=len(before - wanted),
            )
        )
