# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module finds the name of an address: what its owner wrote down, and whether it is true.

Whoever has a network writes any name he likes for its addresses, google.com too. Only if that
name in turn has the address is it said without "claims to be".
"""

import time
from collections import OrderedDict

from jaild.core.address import Address
from jaild.notify.dial import addresses, getent, is_name
from jaild.notify.patience import Now, Patience

HOUR = 3_600.0
MOST_KEPT = 1000
MOST_ASKED = 60


class Names:
    """Asks and remembers for an hour; ``now`` in seconds, ``limit`` in questions a minute."""

    def __init__(self, now: Now = time.monotonic, limit: int = MOST_ASKED) -> None:
        self._now = now
        self._patience = Patience(limit, now=now)
        self._kept: OrderedDict[Address, tuple[float, str]] = OrderedDict()

    def ask(self, address: Address) -> str:
        """Return "NAME", or "claims to be NAME" if the name does not confirm it, or "".

        Takes up to twice LOOKUP_SECONDS. Networks have no name. It does not raise.
        """
        since, text = self._kept.get(address, (0.0, ""))
        if text and self._now() - since < HOUR:
            return text
        self._kept.pop(address, None)
        if "/" in address or self._patience.is_tired() or not self._patience.ask():
            return ""
        text = self._find(address)
        if text:
            self._kept[address] = (self._now(), text)
            if len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return text

    def _find(self, address: Address) -> str:
        try:
            name = read(getent("hosts", address))
            confirmed = bool(name) and address in addresses(name)
        except OSError:
            self._patience.failed()
            return ""
        self._patience.answered()
        return name if confirmed or not name else f"claims to be {name}"


def read(output: str) -> str:
    """Return the name in getent's answer, in lower case; "" for none, or one that cannot be."""
    words = output.split("\n", 1)[0].split()
    name = words[1].removesuffix(".").lower() if len(words) > 1 else ""
    return name if is_name(name) else ""
