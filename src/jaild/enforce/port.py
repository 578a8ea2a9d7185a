# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module defines the firewall as the service sees it: rules in and out, answers by callback.

An answer comes when the change is in force, or with the reason why it is not. Nothing here waits.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from jaild.core.address import Address
from jaild.core.errors import JaildError
from jaild.core.rule import Rule

State = Literal["active", "inactive"]


class Refusal(NamedTuple):
    """A jail's ban of an address that must not be, or cannot be, and the reason."""

    jail: str
    address: Address
    reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a change.

    ``state`` is active when the rules are in force now, inactive when the firewall is switched off
    and they will be in force once it is switched on. ``added`` and ``dropped`` count rules.
    ``problem`` says what could not be changed, and stays as it was, while all the rest was; else
    "".
    """

    state: State
    refused: tuple[Refusal, ...] = ()
    added: int = 0
    dropped: int = 0
    problem: str = ""


Done = Callable[[Outcome | JaildError], None]
AddressesDone = Callable[[tuple[Address, ...] | JaildError], None]
RulesDone = Callable[[tuple[Rule, ...] | JaildError], None]


class Firewall(Protocol):
    """Whatever shuts addresses out."""

    def apply(self, add: Sequence[Rule], drop: Sequence[Rule], done: Done) -> None:
        """Add some rules and drop others in one step; a rule in both stays."""

    def sync(self, rules: Sequence[Rule], done: Done) -> None:
        """Make jaild's rules in the firewall exactly these."""

    def present(self, done: RulesDone) -> None:
        """Ask for jaild's rules as the firewall has them now."""

    def host_addresses(self, done: AddressesDone) -> None:
        """Ask for the host's own addresses, those of all interfaces."""
