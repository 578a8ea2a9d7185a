# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module is the enforcer's side of the border: it checks who calls and each word of a call.

It trusts jaild with nothing but its wishes: jaild reads what attackers write.
"""

import logging
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from jaild.core.address import Address
from jaild.core.errors import FirewallFailed, JaildError, NotAuthorized
from jaild.core.rule import InvalidRule, Rule, from_tuple
from jaild.dbus.publish import Caller
from jaild.dbus.reply import Deferred
from jaild.enforce import kinds
from jaild.enforce.bus_names import MOST_RULES
from jaild.enforce.engine import Engine, Result
from jaild.enforce.kinds import Kind
from jaild.enforce.port import Refusal
from jaild.enforce.veto import Veto

logger = logging.getLogger(__name__)

# Longer than any jail's name or address.
_WORD_MAX = 64


class Identify(Protocol):
    """The bus's word about who calls."""

    def __call__(self, sender: str, done: Callable[[int | JaildError], None]) -> None:
        """Call done with the uid behind a connection."""


class Enforcer:
    """``org.jaild1.Enforcer``: one transaction after the other."""

    def __init__(
        self,
        engine: Engine,
        veto: Veto,
        hosts: Callable[[], Sequence[Address]],
        identify: Identify,
        uids: Collection[int],
        changed: Callable[[Result], None],
    ) -> None:
        """Serve only ``uids``; ``changed`` hears of each transaction, after the caller has."""
        self._engine = engine
        self._veto = veto
        self._hosts = hosts
        self._identify = identify
        self._uids = frozenset(uids)
        self._changed = changed

    def Apply(  # noqa: N802 - D-Bus's name
        self, add: Sequence[Kind], drop: Sequence[Kind], caller: Caller
    ) -> Deferred:
        """Add and drop rules."""

        def answer() -> tuple[object, ...]:
            new, refused = self._judge(add)
            gone, malformed = _read(drop)
            result = self._engine.apply(new, gone)
            self._tell("changed", result)
            outcome = result.outcome
            refusals = [*refused, *malformed, *outcome.refused]
            return outcome.state, refusals, outcome.problem

        return self._serve(caller, kinds.count(add) + kinds.count(drop), answer)

    def Sync(self, rules: Sequence[Kind], caller: Caller) -> Deferred:  # noqa: N802
        """Make jaild's rules exactly these."""

        def answer() -> tuple[object, ...]:
            wanted, refused = self._judge(rules)
            result = self._engine.sync(wanted)
            self._tell("synchronised", result)
            outcome = result.outcome
            refusals = [*refused, *outcome.refused]
            return outcome.state, outcome.added, outcome.dropped, refusals, outcome.problem

        return self._serve(caller, kinds.count(rules), answer)

    def Rules(self, caller: Caller) -> Deferred:  # noqa: N802 - D-Bus's name
        """Return jaild's rules as ufw has them now."""
        return self._serve(caller, 0, lambda: (kinds.pack(self._engine.present()),))

    def HostAddresses(self, caller: Caller) -> Deferred:  # noqa: N802 - D-Bus's name
        """Return the host's own addresses."""
        return self._serve(caller, 0, lambda: (list(self._hosts()),))

    def _serve(
        self, caller: Caller, size: int, answer: Callable[[], tuple[object, ...]]
    ) -> Deferred:
        deferred = Deferred()

        def identified(uid: int | JaildError) -> None:
            try:
                self._admit(uid, size)
                values = answer()
            except FirewallFailed as error:
                # Its kinds are of no interest to the caller; the contract names one error.
                deferred.reject(FirewallFailed(str(error)))
            except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets an answer
                deferred.reject(error)
            else:
                deferred.resolve(*values)

        self._identify(caller.sender, identified)
        return deferred

    def _admit(self, uid: int | JaildError, size: int) -> None:
        if isinstance(uid, JaildError):
            raise NotAuthorized(f"the caller is unknown: {uid}")
        if uid not in self._uids:
            raise NotAuthorized("only jaild itself and root may change the firewall")
        if size > MOST_RULES:
            raise InvalidRule(f"a call may carry {MOST_RULES} rules, not {size}")

    def _judge(self, values: Sequence[Kind]) -> tuple[list[Rule], list[Refusal]]:
        rules, refused = _read(values)
        allowed: list[Rule] = []
        for rule in rules:
            reason = self._veto.reason(rule.address)
            if reason:
                refused.append(Refusal(rule.jail, rule.address, reason))
                logger.info("[%s] %s is not banned: %s", rule.jail, rule.address, reason)
            else:
                allowed.append(rule)
        return allowed, refused

    def _tell(self, verb: str, result: Result) -> None:
        outcome = result.outcome
        logger.debug("%s: +%d -%d, %s", verb, outcome.added, outcome.dropped, outcome.state)
        self._changed(result)


def _read(values: Sequence[Kind]) -> tuple[list[Rule], list[Refusal]]:
    rules: list[Rule] = []
    refused: list[Refusal] = []
    for value in kinds.unpack(values):
        try:
            rules.append(from_tuple(value))
        except JaildError as error:
            jail, address = (text[:_WORD_MAX] for text in value[:2])
            refused.append(Refusal(jail, Address(address), str(error)))
    return rules, refused
