# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module knows how ufw's rules files are put together: a head, a block for each rule, a tail.

jaild's own rules all look alike. Each kind of them is written by ufw once; from then on they are
recognised and written as text, whatever their number. Everything else is ufw's business.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from jaild.core.address import Address
from jaild.core.rule import Rule
from jaild.enforce import tag

_BEGIN = "### RULES ###\n"
_END = "\n### END RULES ###\n"
_BLOCK = "\n### tuple ### "
_OWN = re.compile(r"(reject|deny) (tcp|udp|any) (\S+) \S+ any (\S+) in comment=([0-9a-f]+)\n")
_LINES = 3  # an empty one, the rule for ufw, the rule for iptables


class Form(NamedTuple):
    """How ufw writes one kind of rule: all but the address, which stands in it twice."""

    first: str
    middle: str
    last: str

    def block(self, address: Address) -> str:
        """Return what stands in ufw's file."""
        return f"{self.first}{address}{self.middle}{address}{self.last}"

    def insertion(self, address: Address) -> str:
        """Return the line for iptables-restore that puts the rule in front of its chain."""
        return "-I" + self.block(address).splitlines()[-1].removeprefix("-A") + "\n"


class Parts(NamedTuple):
    """A rules file in pieces; together they are the file."""

    head: str
    blocks: list[str]
    tail: str


class Scanned(NamedTuple):
    """A rules file without jaild's rules.

    ``items`` has an element for each rule of the file: jaild's, or None for one in ``rest``, the
    file for ufw to read. None for all of them: ufw has to read the whole file.
    """

    items: list[Rule | None] | None
    rest: bytes


def split(text: str) -> Parts | None:
    """Take a file apart; None when it is not as ufw writes it."""
    if text.count(_BEGIN) != 1 or text.count(_END) != 1:
        return None
    begin = text.index(_BEGIN) + len(_BEGIN)
    # Without any rule, the end's first character is that of an empty line of its own.
    end = text.index(_END)
    if end < begin:
        return None
    first, *blocks = text[begin:end].split(_BLOCK)
    return None if first else Parts(text[:begin], [_BLOCK + block for block in blocks], text[end:])


def form(text: str, specimen: Address, chain: str) -> Form | None:
    """Return the form of the only rule in a file that ufw wrote; None when it is none."""
    parts = split(text)
    if parts is None or len(parts.blocks) != 1:
        return None
    block = parts.blocks[0]
    lines, pieces = block.splitlines(), block.split(specimen)
    if len(lines) != _LINES or not lines[-1].startswith(f"-A {chain} ") or block[-1] != "\n":
        return None
    return Form(*pieces) if len(pieces) == len(Form._fields) else None


def scan(content: bytes, form_of: Callable[[Rule], Form | None]) -> Scanned:
    """Find jaild's rules in a file: those that stand there exactly as ufw writes them."""
    parts = split(content.decode("ascii")) if content.isascii() else None
    if parts is None:
        return Scanned(None, content)
    items: list[Rule | None] = []
    rest: list[str] = []
    for block in parts.blocks:
        rule = _own(block, form_of)
        items.append(rule)
        if rule is None:
            rest.append(block)
    return Scanned(items, "".join((parts.head, *rest, parts.tail)).encode())


def merge(parts: Parts, blocks: Iterable[str | None]) -> Iterator[str]:
    """Yield the pieces of a file that has jaild's blocks, and one of ``parts`` for each None."""
    rest = iter(parts.blocks)
    yield parts.head
    for block in blocks:
        yield next(rest) if block is None else block
    yield parts.tail


def _own(block: str, form_of: Callable[[Rule], Form | None]) -> Rule | None:
    found = _OWN.match(block, len(_BLOCK))
    if found is None:
        return None
    verdict, protocol, ports, address, comment = found.groups()
    jail = tag.decode(comment)
    rule = tag.rule(jail, address, ports, protocol, verdict) if jail else None
    if rule is None:
        return None
    known = form_of(rule)
    return rule if known is not None and known.block(rule.address) == block else None
