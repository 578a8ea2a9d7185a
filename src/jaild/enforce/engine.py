# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module defines what the enforcer wants of a way to change ufw, whichever way that is.

A call returns when the change is in force; nobody else changes ufw meanwhile.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from jaild.core.rule import Rule
from jaild.enforce.port import Outcome, State

IPV6_IS_OFF = "IPv6 is switched off in /etc/default/ufw"


@dataclass(frozen=True, slots=True)
class Condition:
    """How ufw stands: its state, its rules of jaild's, and how many of them the kernel lacks.

    ``problem`` says which of its files is damaged: that one's rules are not among them. Equal
    sets of rules have equal marks, within one process.
    """

    state: State
    mark: int
    missing: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """A change, done: ``new`` are the rules that were not there before.

    ``generation`` is the kernel's number of the rules that it has left; None when somebody else may
    have changed files or kernel meanwhile.
    """

    outcome: Outcome
    new: tuple[Rule, ...]
    condition: Condition
    generation: int | None = None


class Engine(Protocol):
    """A way to change ufw; each method raises FirewallFailed, and then nothing has changed."""

    def apply(self, add: Sequence[Rule], drop: Sequence[Rule]) -> Result:
        """Add and drop rules; a rule in both stays."""

    def sync(self, rules: Sequence[Rule]) -> Result:
        """Make jaild's rules exactly these, in ufw's files and in the kernel."""

    def present(self) -> list[Rule]:
        """Return jaild's rules as ufw has them now, sorted."""

    def flush(self) -> int:
        """Remove every rule of jaild's; return how many there were."""

    def look(self) -> Condition:
        """Look without changing anything; raises Busy at once when ufw is at work."""


def mark(rules: Iterable[Rule]) -> int:
    """Return the mark of a set of rules."""
    return hash(frozenset(rules))
