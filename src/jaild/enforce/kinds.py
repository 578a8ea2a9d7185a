# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module writes rules as they cross the border: by kinds, each with all of its addresses.

A roster of 100,000 rules has few kinds. As so many rows of five strings it took D-Bus and both
processes two seconds; as lists of addresses it takes a fraction.
"""

from collections.abc import Iterable, Iterator, Sequence

from jaild.core.rule import Rule

# Jail, ports, protocol, verdict, and the addresses of all rules that have these.
Kind = tuple[str, str, str, str, Sequence[str]]
SIGNATURE = "a(ssssas)"


def pack(rules: Iterable[Rule]) -> list[Kind]:
    """Return rules as they are sent, each kind with its addresses in their order."""
    found: dict[tuple[str, str, str, str], list[str]] = {}
    for rule in rules:
        kind = (rule.jail, rule.ports, rule.protocol, rule.verdict)
        found.setdefault(kind, []).append(rule.address)
    return [(*kind, addresses) for kind, addresses in found.items()]


def count(kinds: Iterable[Kind]) -> int:
    """Return how many rules these are."""
    return sum(len(addresses) for *_, addresses in kinds)


def unpack(kinds: Iterable[Kind]) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield five strings for each rule, unchecked, as from_tuple() takes them."""
    for jail, ports, protocol, verdict, addresses in kinds:
        for address in addresses:
            yield jail, address, ports, protocol, verdict
