# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module ends the connections of addresses that have just been banned.

ufw lets established connections pass before it looks at a ban, so an attacker who is inside would
stay. Nothing waits for this, and its failure is no failure of the ban.
"""

import logging
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from jaild.core.address import parse_host
from jaild.core.errors import InvalidAddress
from jaild.core.rule import Rule
from jaild.enforce.program import one_line

logger = logging.getLogger(__name__)

# One filter of ss goes to the kernel as a program of bounded size.
ADDRESSES_AT_ONCE = 100
# Of more new rules than this, only those are gone through whose addresses have connections.
FEW = 100
LIST_LIMIT = 1 << 23
# conntrack takes one address at a time; a large roster's flows have ended long ago.
MOST_FLOWS = 500
TIMEOUT_MS = 10_000
# TCP connections, with numbers and without a heading.
LIST = ("-H", "-n", "-t")
_FOUND_NOTHING = 1
_PLACES = ("/usr/bin", "/usr/sbin", "/bin", "/sbin")


_Ended = Callable[[int, str], None]


class Spawner(Protocol):
    """The loop, as far as it is needed here."""

    def spawn(
        self, argv: list[str], done: Callable[[int, str], None], *, timeout_ms: int, limit: int
    ) -> object:
        """Run a program and call done(status, output) when it has ended; output is cut to limit."""


class Sockets:
    """Ends connections, one program after the other, in the background."""

    def __init__(self, loop: Spawner, places: Sequence[str] = _PLACES) -> None:
        self._loop = loop
        self._ss = _find("ss", places)
        self._conntrack = _find("conntrack", places)
        self._waiting: deque[tuple[list[str], _Ended]] = deque()
        self._is_busy = False
        self._has_complained = False

    def end(self, rules: Sequence[Rule]) -> None:
        """End, some time soon, the connections that these rules would not have let come about."""
        if self._ss and len(rules) > FEW:
            self._waiting.append(([self._ss, *LIST], partial(self._listed, rules)))
        elif self._ss:
            self._waiting.extend(self._kills(rules))
        elif rules:
            self._complain("ss is not installed")
        if self._conntrack and len(rules) <= MOST_FLOWS:
            argvs = ([self._conntrack, *words] for rule in rules for words in forgets(rule))
            self._waiting.extend((argv, self._ended) for argv in argvs)
        if not self._is_busy:
            self._next()

    def _next(self) -> None:
        self._is_busy = bool(self._waiting)
        if self._waiting:
            argv, ended = self._waiting.popleft()
            self._loop.spawn(argv, ended, timeout_ms=TIMEOUT_MS, limit=LIST_LIMIT)

    def _kills(self, rules: Sequence[Rule]) -> list[tuple[list[str], _Ended]]:
        return [([self._ss, *words], self._ended) for words in kills(rules)]

    def _listed(self, rules: Sequence[Rule], status: int, output: str) -> None:
        is_whole = status == 0 and len(output) < LIST_LIMIT
        chosen = connected(rules, output) if is_whole else rules
        self._waiting.extendleft(reversed(self._kills(chosen)))
        self._next()

    def _ended(self, status: int, output: str) -> None:
        # ss ends with 0 where the kernel cannot do it, conntrack with 1 where it found nothing.
        if status not in {0, _FOUND_NOTHING} or "not supported" in output:
            self._complain(one_line(output) or f"exit status {status}")
        self._next()

    def _complain(self, why: str) -> None:
        level = logging.DEBUG if self._has_complained else logging.WARNING
        self._has_complained = True
        logger.log(level, "Open connections of banned addresses could not be ended: %s", why)


def connected(rules: Iterable[Rule], listed: str) -> list[Rule]:
    """Return the rules that may be for one of the connections in a list of ss's."""
    peers = {_peer(line) for line in listed.splitlines()}
    return [rule for rule in rules if rule.address in peers or "/" in rule.address]


def kills(rules: Iterable[Rule]) -> Iterator[list[str]]:
    """Yield the arguments of ss that end the TCP connections of these rules' addresses."""
    groups: dict[str, list[str]] = defaultdict(list)
    for rule in rules:
        if rule.protocol != "udp":
            # In brackets, the colons of IPv6 are not taken for a port's.
            peer = f"[{rule.address}]" if ":" in rule.address else str(rule.address)
            groups[rule.ports].append(peer)
    for ports, addresses in groups.items():
        for start in range(0, len(addresses), ADDRESSES_AT_ONCE):
            peers = [["dst", peer] for peer in addresses[start : start + ADDRESSES_AT_ONCE]]
            local = [_span(part) for part in ports.split(",") if part]
            yield ["-K", "-H", "-n", "-t", *_any(peers), *(["and", *_any(local)] if local else [])]


def forgets(rule: Rule) -> Iterator[list[str]]:
    """Yield the arguments of conntrack that make the kernel forget a rule's flows."""
    family = "ipv6" if ":" in rule.address else "ipv4"
    base = ["-D", "-f", family, "-s", rule.address]
    if not rule.ports:
        yield base
    elif ":" in rule.ports:  # conntrack knows no ranges; the innocent flows are found again
        yield [*base, "-p", rule.protocol]
    else:
        for port in rule.ports.split(","):
            yield [*base, "-p", rule.protocol, "--dport", port]


def _peer(line: str) -> str:
    """Return the peer's address in a line of ss's, "" if there is none."""
    _, _, _, _, peer, *_ = [*line.split(), *[""] * 5]
    address, _, _ = peer.rpartition(":")[0].strip("[]").partition("%")
    try:
        return parse_host(address)
    except InvalidAddress:
        return ""


def _span(part: str) -> list[str]:
    low, _, high = part.partition(":")
    if not high:
        return ["sport", "=", f":{low}"]
    return ["(", "sport", ">=", f":{low}", "and", "sport", "<=", f":{high}", ")"]


def _any(terms: Sequence[Sequence[str]]) -> list[str]:
    words = ["(", *terms[0]]
    for term in terms[1:]:
        words += ["or", *term]
    return [*words, ")"]


def _find(name: str, places: Sequence[str]) -> str:
    paths = (Path(place, name) for place in places)
    return next((str(path) for path in paths if path.exists()), "")
