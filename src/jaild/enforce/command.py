# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module changes ufw by its command line: slow, and only for a ufw whose package is unknown.

Each rule is a command of its own (about 0.2 s). The command takes ufw's lock itself.
"""

import shlex
from collections.abc import Callable, Sequence

from jaild.core.errors import FirewallFailed
from jaild.core.rule import Rule
from jaild.enforce import program, tag
from jaild.enforce.engine import Condition, Result, mark
from jaild.enforce.port import Outcome, Refusal, State

UFW = "/usr/sbin/ufw"


class Commands:
    """Changes ufw rule by rule."""

    def __init__(self, pulse: Callable[[], object]) -> None:
        """Call ``pulse`` between two commands, for whoever watches that the process lives."""
        self._pulse = pulse

    def apply(self, add: Sequence[Rule], drop: Sequence[Rule]) -> Result:
        """Add and drop rules; a rule in both stays. Unlike a transaction, it may fail half-way."""
        there = self._there()
        stays = set(add)
        new = [rule for rule in dict.fromkeys(add) if rule not in there]
        return self._change(there, new, [rule for rule in there if rule in set(drop) - stays])

    def sync(self, rules: Sequence[Rule]) -> Result:
        """Make jaild's rules exactly these; what the kernel alone has lost is not noticed."""
        there = self._there()
        new = [rule for rule in dict.fromkeys(rules) if rule not in there]
        return self._change(there, new, sorted(there - set(rules)))

    def present(self) -> list[Rule]:
        """Return jaild's rules as ufw has them now, sorted."""
        return sorted(self._there())

    def flush(self) -> int:
        """Remove every rule of jaild's; return how many there were."""
        return self.sync(()).outcome.dropped

    def look(self) -> Condition:
        """Look without changing anything."""
        return Condition(self._state(), mark(self._there()))

    def _change(self, there: set[Rule], new: Sequence[Rule], drop: Sequence[Rule]) -> Result:
        refused = [refusal for rule in new if (refusal := self._prepend(rule))]
        for rule in drop:
            self._ufw("delete", *words_of(rule))
        left = self._there() if new or drop else there
        added = tuple(rule for rule in new if rule in left)
        told = {(refusal.jail, refusal.address) for refusal in refused}
        # ufw answers "Skipping" with exit status 0 when another rule is for the same packets.
        refused += [
            Refusal(rule.jail, rule.address, "ufw has a rule of somebody else's for it")
            for rule in new
            if rule not in left and (rule.jail, rule.address) not in told
        ]
        state = self._state()
        outcome = Outcome(state, tuple(refused), added=len(added), dropped=len(drop))
        return Result(outcome, added, Condition(state, mark(left)))

    def _prepend(self, rule: Rule) -> Refusal | None:
        try:
            self._ufw("prepend", *words_of(rule))
        except FirewallFailed as error:
            return Refusal(rule.jail, rule.address, str(error))
        return None

    def _state(self) -> State:
        status = self._ufw("status").splitlines()
        return "active" if status[:1] == ["Status: active"] else "inactive"

    def _there(self) -> set[Rule]:
        found = (parse(line) for line in self._ufw("show", "added").splitlines())
        return {rule for rule in found if rule is not None}

    def _ufw(self, *words: str) -> str:
        self._pulse()
        return program.run([UFW, *words])[1]


def words_of(rule: Rule) -> list[str]:
    """Return a rule as ufw's command line takes it."""
    protocol = ["proto", rule.protocol] if rule.ports else []
    ports = ["port", rule.ports] if rule.ports else []
    comment = ["comment", tag.comment_of(rule.jail)]
    return [rule.verdict, *protocol, "from", rule.address, "to", "any", *ports, *comment]


def parse(line: str) -> Rule | None:
    """Return the rule of jaild's in a line of ``ufw show added``; None for any other line."""
    try:
        words = shlex.split(line)
    except ValueError:
        return None
    if words[:1] != ["ufw"] or len(words) % 2:
        return None
    found = dict(zip(words[2::2], words[3::2], strict=True))
    jail = tag.jail_of(found.pop("comment", ""))
    source = found.pop("from", "")
    ports = found.pop("port", "any") if found.pop("to", "any") == "any" else ""
    protocol = found.pop("proto", "any")
    if not jail or not ports or found:
        return None
    return tag.rule(jail, source, ports, protocol, words[1])
