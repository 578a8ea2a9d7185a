# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module looks at, and fills, ufw's chains in the kernel, through iptables' own programs."""

import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from jaild.core import address
from jaild.core.errors import FirewallFailed, InvalidAddress
from jaild.core.rule import Rule
from jaild.enforce import chain, program

IPV4 = 4
IPV6 = 6
FAMILIES = (IPV4, IPV6)
_NO_SUCH_CHAIN = 1
# iptables of the old kind has a lock of its own, which others hold for moments.
_WAIT = "--wait=10"
_WIDTH = {IPV4: "/32", IPV6: "/128"}
_NUMBERS = {IPV4: int(socket.AF_INET), IPV6: int(socket.AF_INET6)}
_PREFIXES = {IPV4: "ufw", IPV6: "ufw6"}
_PORTS = ("--dport", "--dports")


@dataclass(frozen=True, slots=True)
class Shape:
    """What the kernel knows of a ban: all but the jail."""

    source: str
    ports: str
    protocol: str
    verdict: str


def family_of(rule: Rule) -> int:
    """Return 4 or 6."""
    return IPV6 if ":" in rule.address else IPV4


def user_chain(family: int) -> str:
    """Return the name of the chain that holds the rules of ufw's users for incoming packets."""
    return f"{_PREFIXES[family]}-user-input"


def shape_of(rule: Rule) -> Shape:
    """Return what a rule looks like in the kernel."""
    return Shape(rule.address, rule.ports, rule.protocol, rule.verdict)


class Kernel:
    """One family of the kernel's packet filter."""

    def __init__(self, family: int, directory: str = "/usr/sbin") -> None:
        prefix = "ip6tables" if family == IPV6 else "iptables"
        self.family = family
        self._chain = user_chain(family)
        self._list = str(Path(directory, prefix))
        self._restore = str(Path(directory, f"{prefix}-restore"))

    def is_hooked(self) -> bool:
        """Return whether incoming packets pass ufw's user chain; raises FirewallFailed."""
        before = f"{_PREFIXES[self.family]}-before-input"
        return self._jumps(before, self._chain) and self._jumps("INPUT", before)

    def missing(self, rules: Iterable[Rule]) -> set[Rule]:
        """Return those rules that the kernel's user chain lacks; raises FirewallFailed."""
        there = set(self._shapes())
        return {rule for rule in rules if shape_of(rule) not in there}

    def lost(self, content: bytes) -> int | None:
        """Return how many of a file's rules the user chain lacks; None if it is not known.

        They are only counted: whoever replaces a rule by another is not found out. But to list each
        rule takes the longer the more there are, 5 s for 100,000, and so long bans have to wait.
        """
        found = chain.use(_NUMBERS[self.family], "filter", self._chain)
        if found is None:
            return None
        meant = content.count(f"\n-A {self._chain} ".encode())
        # One jumps to it; what others have put in is no loss.
        return max(0, meant + 1 - found)

    def load(self, path: Path) -> None:
        """Replace the chains that a rules file names by its rules, in one step.

        Raises FirewallFailed, and then nothing has changed.
        """
        try:
            with path.open("rb") as rules:
                self._take(rules)
        except OSError as error:
            raise FirewallFailed(f"{path} cannot be read: {error.strerror}") from error

    def insert(self, lines: str) -> None:
        """Carry out what iptables-restore reads, in one step, beside the rules there are.

        Raises FirewallFailed, and then nothing has changed.
        """
        with TemporaryFile() as rules:
            rules.write(lines.encode())
            rules.seek(0)
            self._take(rules)

    def _take(self, rules: IO[bytes]) -> None:
        program.run([self._restore, _WAIT, "--noflush"], stdin=rules)

    def _jumps(self, chain: str, target: str) -> bool:
        lines = self._rules(chain)
        return any(line.startswith("-A ") and line.endswith(f" -j {target}") for line in lines)

    def _shapes(self) -> Iterator[Shape]:
        for line in self._rules(self._chain):
            shape = parse(line, self.family)
            if shape is not None:
                yield shape

    def _rules(self, chain: str) -> list[str]:
        argv = [self._list, _WAIT, "-S", chain]
        status, output = program.run(argv, accept=(0, _NO_SUCH_CHAIN))
        return output.splitlines() if status == 0 else []


def parse(line: str, family: int) -> Shape | None:
    """Return the ban that a line of ``iptables -S`` tells of; None if it is not of a ban's kind."""
    words = line.split()
    if words[:1] != ["-A"] or len(words) % 2:
        return None
    found: dict[str, str] = {}
    for option, value in zip(words[2::2], words[3::2], strict=True):
        if option not in {"-s", "-p", "-m", "-j", "--reject-with", *_PORTS}:
            return None
        found["--ports" if option in _PORTS else option] = value
    verdict = {"REJECT": "reject", "DROP": "deny"}.get(found.get("-j", ""))
    if verdict is None or "-s" not in found:
        return None
    source = _canonical(found["-s"], family)
    return Shape(source, found.get("--ports", ""), found.get("-p", "any"), verdict)


def _canonical(source: str, family: int) -> str:
    text = source.removesuffix(_WIDTH[family])
    if ":" in text and "." in text:  # the C library's way with some IPv6 addresses
        try:
            return address.parse(text)
        except InvalidAddress:
            return text
    return text
