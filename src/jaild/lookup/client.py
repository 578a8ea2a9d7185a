# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module is how jaild asks: over D-Bus, and the bus starts jaild-lookup if need be."""

from collections.abc import Callable, Sequence

from jaild.core.address import Address, parse_host
from jaild.core.errors import (
    InvalidAddress,
    InvalidConfig,
    JaildError,
    NoSuchJail,
    NotAuthorized,
)
from jaild.dbus.bus import Bus
from jaild.dbus.call import Call, Outcome
from jaild.lookup.bus_names import INTERFACE, MOST_ADDRESSES, NAME, PATH
from jaild.lookup.port import LookupFailed, ResolveDone, SparesDone

# More than a command or a name may take, waiting for its turn included.
TIMEOUT_MS = 20_000

_ITS_OWN = (LookupFailed, NoSuchJail, InvalidAddress, InvalidConfig, NotAuthorized)


class Client:
    """Asks jaild-lookup; each question is answered within TIMEOUT_MS, if only by an error."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def spares(self, jail: str, address: Address, done: SparesDone) -> None:
        """Ask whether a jail's ignorecommand spares an address or network."""

        def answered(answer: Outcome) -> None:
            done(_sentence(answer) if isinstance(answer, JaildError) else bool(answer[0]))

        self._call("Spares", "ss", (jail, address), answered)

    def resolve(self, name: str, done: ResolveDone) -> None:
        """Ask for the addresses of a host name that ignoreip lists: at least one, at most 64."""

        def answered(answer: Outcome) -> None:
            done(_sentence(answer) if isinstance(answer, JaildError) else _read(name, answer[0]))

        self._call("Resolve", "s", (name,), answered)

    def _call(
        self,
        method: str,
        signature: str,
        arguments: tuple[str, ...],
        done: Callable[[Outcome], None],
    ) -> None:
        call = Call(NAME, PATH, INTERFACE, method, signature, arguments)
        self._bus.call(call, done, timeout_ms=TIMEOUT_MS)


def _read(name: str, texts: Sequence[str]) -> tuple[Address, ...] | LookupFailed:
    try:
        found = tuple(parse_host(text) for text in texts[:MOST_ADDRESSES])
    except InvalidAddress as error:
        return LookupFailed(f"jaild-lookup.service answers with a bad address: {error}")
    return found or LookupFailed(f"the host name '{name}' has no address")


def _sentence(error: JaildError) -> JaildError:
    """Return the other side's own error, or what a failure of the bus means for a person."""
    if isinstance(error, _ITS_OWN):
        return error
    return LookupFailed(f"jaild-lookup.service does not answer: {error}")
