# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module finds out whose an address is: what the registries publish, kept for a day.

What they publish is written by those whose networks they are, so it may be an attacker's text.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from itertools import islice

from jaild.core.address import Address, Network, Networks, parse_network, to_network
from jaild.core.text import printable
from jaild.notify import assignment
from jaild.notify.patience import Now, Patience
from jaild.notify.registries import inquire, place

DAY = 86_400.0
# Answers that are kept; questions a minute.
MOST_KEPT = 1000
MOST_ASKED = 30
MOST_LINES = 200
LONGEST_LINE = 200
_EXAMPLES = Networks(
    map(parse_network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"))
)

SILENT = "whois did not answer"
TOO_MANY = "whois was not asked: too many in a short time"
NOT_PUBLIC = "whois was not asked: the address is not a public one"
EMPTY = "whois knows nothing"

Inquire = Callable[[str, tuple[str, int] | None], str]


class Whois:
    """Asks and remembers.

    ``server`` is host or host:port, asked alone and of every address; "" asks the registries, of
    public addresses only and of those for examples, as a test does. ``now`` in seconds, ``limit``
    in questions a minute. Raises InvalidConfig for a server that cannot be one.
    """

    def __init__(
        self, server: str = "", now: Now = time.monotonic, limit: int = MOST_ASKED,
        ask: Inquire = inquire,
    ) -> None:  # fmt: skip
        self._server = place(server) if server else None
        self._now = now
        self._inquire = ask
        self._patience = Patience(limit, now=now)
        self._kept: OrderedDict[Network, tuple[float, str]] = OrderedDict()
        # Why the last answer was "", one sentence without a full stop for the mail; "" otherwise.
        self.why = ""

    def ask(self, address: Address) -> str:
        """Return what is published about an address or network, harmless, in lines; else "".

        Takes up to SECONDS. It does not raise: ``why`` then says why there is nothing.
        """
        self.why = ""
        network = to_network(address)
        text = next(filter(None, map(self._recall, assignment.around(network))), "")
        return text or self._fetch(address, network)

    def _fetch(self, address: Address, network: Network) -> str:
        if self._server is None and not (network.is_global or _EXAMPLES.find(address)):
            self.why = NOT_PUBLIC
        elif self._patience.is_tired():
            self.why = SILENT
        elif not self._patience.ask():
            self.why = TOO_MANY
        else:
            return self._answer(network)
        return ""

    def _answer(self, network: Network) -> str:
        try:
            answer = self._inquire(str(network.network_address), self._server)
        except OSError:
            self._patience.failed()
            self.why = SILENT
            return ""
        self._patience.answered()
        # Nothing but comments may also be a refusal for the day.
        text = tidy(answer)
        self.why = "" if text else EMPTY
        if text:
            self._keep(assignment.of_answer(answer, network), text)
        return text

    def _recall(self, network: Network) -> str:
        since, text = self._kept.get(network, (0.0, ""))
        if text and self._now() - since >= DAY:
            del self._kept[network]
            return ""
        return text

    def _keep(self, network: Network, text: str) -> None:
        self._kept[network] = (self._now(), text)
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)


def tidy(answer: str) -> str:
    """Return an answer without its comments and without anything that a terminal obeys.

    At most MOST_LINES lines, the last of which says so if there were more.
    """
    lines = list(islice(_lines(answer), MOST_LINES + 1))
    while lines and not lines[-1]:
        lines.pop()
    if len(lines) > MOST_LINES:
        lines[MOST_LINES - 1 :] = ["(there is more)"]
    return "\n".join(lines)


def _lines(answer: str) -> Iterator[str]:
    """Yield the lines that say something, and one empty line for what lies between."""
    empty = True
    for raw in answer.split("\n"):
        if raw.startswith(("%", "#")):
            continue
        line = printable(raw[: 2 * LONGEST_LINE].expandtabs().rstrip())[:LONGEST_LINE]
        if line or not empty:
            yield line
        empty = not line
