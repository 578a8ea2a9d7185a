# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module is the firewall as jaild reaches it: it asks the enforcer over D-Bus."""

from collections.abc import Callable, Sequence
from typing import cast

from jaild.core.address import Address
from jaild.core.errors import FirewallFailed, JaildError, NotAuthorized
from jaild.core.rule import Rule, from_tuple
from jaild.dbus.bus import Bus
from jaild.dbus.call import Call
from jaild.dbus.call import Outcome as Answer
from jaild.enforce.bus_names import INTERFACE, NAME, PATH
from jaild.enforce.kinds import SIGNATURE, pack, unpack
from jaild.enforce.port import AddressesDone, Done, Outcome, Refusal, RulesDone, State

# Another ufw command may hold ufw's lock for a while, and a large roster takes its time: on a busy
# machine, 20 s for 100,000 rules.
TIMEOUT_MS = 60_000
MS_A_RULE = 2

STARTED = "the enforcer has started"


class Client:
    """Asks the enforcer, which the bus starts if need be.

    ``on_drift`` hears why jaild's rules should be compared again: somebody else changed them, or
    the enforcer has just (re)started. ``on_addresses`` hears that the host's own addresses changed.
    """

    def __init__(
        self, bus: Bus, on_drift: Callable[[str], None], on_addresses: Callable[[], None]
    ) -> None:
        self._bus = bus
        # How many rules the firewall holds, about: the time of any change depends on all of them.
        self._roster = 0
        self._handles = [
            bus.subscribe(NAME, INTERFACE, "Drifted", on_drift),
            bus.subscribe(NAME, INTERFACE, "HostAddressesChanged", on_addresses),
            bus.watch_name(NAME, lambda _owner: self._appeared(on_drift, on_addresses), _ignore),
        ]

    def close(self) -> None:
        """Hear no more."""
        for handle in self._handles:
            handle.cancel()

    def apply(self, add: Sequence[Rule], drop: Sequence[Rule], done: Done) -> None:
        """Add some rules and drop others; ``added`` and ``dropped`` count what was asked for."""

        def answered(answer: Answer) -> None:
            if isinstance(answer, JaildError):
                done(_sentence(answer))
                return
            state, refused, problem = answer
            refusals = _refusals(refused)
            count = {"added": len(add) - len(refusals), "dropped": len(drop)}
            done(Outcome(cast("State", state), refusals, **count, problem=problem))

        size = self._roster + len(add) + len(drop)
        self._call("Apply", 2 * SIGNATURE, (pack(add), pack(drop)), answered, size)

    def sync(self, rules: Sequence[Rule], done: Done) -> None:
        """Make jaild's rules exactly these."""

        def answered(answer: Answer) -> None:
            if isinstance(answer, JaildError):
                done(_sentence(answer))
                return
            state, added, dropped, refused, problem = answer
            count = {"added": added, "dropped": dropped}
            done(Outcome(cast("State", state), _refusals(refused), **count, problem=problem))

        # All of those of before may have to go.
        size = self._roster + len(rules)
        self._roster = len(rules)
        self._call("Sync", SIGNATURE, (pack(rules),), answered, size)

    def present(self, done: RulesDone) -> None:
        """Ask for jaild's rules as ufw has them now."""

        def answered(answer: Answer) -> None:
            if isinstance(answer, JaildError):
                done(_sentence(answer))
                return
            try:
                rules = tuple(from_tuple(values) for values in unpack(answer[0]))
            except JaildError as error:
                done(FirewallFailed(f"jaild-enforcer.service answers with a bad rule: {error}"))
            else:
                done(rules)

        self._call("Rules", "", (), answered, self._roster)

    def host_addresses(self, done: AddressesDone) -> None:
        """Ask for the host's own addresses."""

        def answered(answer: Answer) -> None:
            if isinstance(answer, JaildError):
                done(_sentence(answer))
            else:
                done(tuple(Address(text) for text in answer[0]))

        self._call("HostAddresses", "", (), answered)

    def _call(
        self,
        method: str,
        signature: str,
        arguments: tuple[object, ...],
        done: Callable[[Answer], None],
        size: int = 0,
    ) -> None:
        call = Call(NAME, PATH, INTERFACE, method, signature, arguments)
        self._bus.call(call, done, timeout_ms=TIMEOUT_MS + MS_A_RULE * size)

    def _appeared(self, on_drift: Callable[[str], None], on_addresses: Callable[[], None]) -> None:
        on_addresses()
        on_drift(STARTED)


def _refusals(refused: Sequence[tuple[str, str, str]]) -> tuple[Refusal, ...]:
    return tuple(Refusal(jail, Address(address), reason) for jail, address, reason in refused)


def _sentence(error: JaildError) -> JaildError:
    """Return the enforcer's own error, or what a failure of the bus means for a person."""
    if isinstance(error, FirewallFailed | NotAuthorized):
        return error
    return FirewallFailed(f"jaild-enforcer.service does not answer: {error}")


def _ignore() -> None:
    """Do nothing about an enforcer that ended: the bus starts it again with the next call."""
