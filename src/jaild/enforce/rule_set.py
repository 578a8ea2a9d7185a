# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module holds ufw's rules in memory, as one transaction reads, changes and writes them.

ufw's package takes long with many rules. So it reads and writes only those of others, and files
whose rules are not as it would write them; jaild's own stand in the order of all rules as text.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import NamedTuple, Protocol

from jaild.core.errors import FirewallFailed
from jaild.core.rule import Rule
from jaild.enforce import blocks, tag
from jaild.enforce.blocks import Form, Scanned
from jaild.enforce.kernel import FAMILIES, IPV4, IPV6, family_of
from jaild.enforce.quiet import quiet, words
from jaild.enforce.rules_file import RulesFile, Stamp
from jaild.enforce.ufw_face import Backend, Capabilities, UfwRule

ANYWHERE = {IPV4: "0.0.0.0/0", IPV6: "::/0"}
KEYS = {IPV4: "rules", IPV6: "rules6"}


class Known(NamedTuple):
    """A file that has been read or written: which version, and what is in it."""

    stamp: Stamp
    scanned: Scanned


class Maker(Protocol):
    """What a rule set needs of ufw's package."""

    refusal: type[Exception]
    known: dict[Path, Known]

    def read(self, backend: Backend) -> None:
        """Let ufw read its files."""

    def build(self, rule: Rule, family: int) -> UfwRule:
        """Return a rule in ufw's own form; raises ``refusal``."""

    def form(self, rule: Rule, family: int) -> Form | None:
        """Return how ufw writes such a rule, None if that is not sure."""


class RuleSet:
    """ufw's rules in memory.

    A family whose file is damaged is left out, and ``damaged`` says why: what one file has lost is
    no reason to ban nobody by the other.
    """

    def __init__(self, maker: Maker, backend: Backend, *, ipv6: bool) -> None:
        """Read them; raises FirewallFailed when no file is whole."""
        self._maker = maker
        self._backend = backend
        self.ipv6 = ipv6
        self.enabled = backend.is_enabled()
        self.files: dict[int, RulesFile] = {}
        self.stamps: dict[int, Stamp | None] = {}
        self.damaged: dict[int, str] = {}
        self._written: dict[int, Scanned] = {}
        # All rules in their order: jaild's, and ufw's own objects for others.
        self._order: dict[int, list[Rule | UfwRule]] = {}
        for family in FAMILIES if ipv6 else FAMILIES[:1]:
            self._take_up(family, RulesFile(backend.files[KEYS[family]]))
        if not self.files:
            raise FirewallFailed("; ".join(self.damaged.values()))
        self._own = {family: _own(self._order[family]) for family in self.files}
        self._tagged = {family: _tagged(self._theirs(family)) for family in self.files}

    @property
    def capabilities(self) -> Capabilities | None:
        """What the kernel can do, if it was asked."""
        return self._backend.caps

    @property
    def problem(self) -> str:
        """What is not as it should be because a file is damaged, as a sentence; else ""."""
        return "; ".join(
            f"{why}; until it is mended, nothing changes for IPv{family} addresses, while the other"
            " bans are in force"
            for family, why in self.damaged.items()
        )

    def ask_capabilities(self) -> None:
        """Let ufw find out what the kernel can do, which it does by changing it for a moment."""
        with suppress(FirewallFailed), quiet("ask the kernel"):
            # If it fails, writing tells.
            self._backend.initcaps()

    def count(self, family: int) -> int:
        """Return how many rules a family has."""
        return len(self._order[family])

    def tagged(self, family: int) -> set[Rule]:
        """Return jaild's rules of one family."""
        return self._own.get(family, set()).union(self._tagged.get(family, ()))

    def has_tagged(self, family: int) -> bool:
        """Return whether a family has rules of jaild's."""
        return bool(self._own.get(family) or self._tagged.get(family))

    def remove(self, rules: Iterable[Rule]) -> None:
        """Take rules of jaild's away."""
        gone = set(rules)
        if not gone:
            return
        for family in self.files:
            theirs = {id(found) for rule in gone for found in self._tagged[family].pop(rule, ())}
            self._own[family] -= gone
            self._order[family] = [
                item
                for item in self._order[family]
                if (item not in gone if isinstance(item, Rule) else id(item) not in theirs)
            ]

    def put_in_front(self, rules: Sequence[Rule]) -> dict[Rule, str]:
        """Add rules before all others; return those that ufw does not take, with its reason."""
        refused: dict[Rule, str] = {}
        new: dict[int, list[Rule | UfwRule]] = {family: [] for family in self.files}
        with quiet("take new rules"):
            for rule in rules:
                family = family_of(rule)
                if self._maker.form(rule, family) is not None:
                    new[family].append(rule)
                    self._own[family].add(rule)
                    continue
                try:
                    made = self._maker.build(rule, family)
                except self._maker.refusal as error:
                    refused[rule] = f"ufw does not take it: {words(error)}"
                    continue
                new[family].append(made)
                self._tagged[family][rule] = [made]
        for family, items in new.items():
            self._order[family][:0] = items
        return refused

    def insertion(self, rules: Sequence[Rule], family: int) -> str | None:
        """Return what puts rules in front of the kernel's chain, as put_in_front() did.

        None when only loading the file is sure to have the same effect.
        """
        lines: list[str] = []
        for rule in reversed(rules):
            form = self._maker.form(rule, family)
            if form is None:
                return None
            lines.append(form.insertion(rule.address))
        return f"*filter\n{''.join(lines)}COMMIT\n"

    def write(self, family: int, path: Path) -> None:
        """Write a family's rules to another file than its own; raises FirewallFailed."""
        self._let_write(family, path, self._theirs(family))
        own = [self._block(item, family) for item in self._order[family]]
        content = path.read_bytes()
        parts = blocks.split(content.decode("ascii", "replace"))
        if parts is not None and len(parts.blocks) == own.count(None):
            items = [item if isinstance(item, Rule) else None for item in self._order[family]]
            self._written[family] = Scanned(items, content)
            if len(parts.blocks) < len(own):
                path.write_text("".join(blocks.merge(parts, own)), "ascii")
            return
        # Not as ufw wrote the forms: then it writes everything.
        build = self._maker.build
        order = self._order[family]
        made = [build(item, family) if isinstance(item, Rule) else item for item in order]
        self._let_write(family, path, made)

    def settle(self) -> None:
        """Take that what was written is ufw's file now, so that it need not be read again."""
        for family, file in self.files.items():
            if family in self._written:
                self.stamps[family] = file.committed
                self._remember(family, self._written.pop(family))

    def _take_up(self, family: int, file: RulesFile) -> None:
        self.files[family] = file
        self.stamps[family] = file.stamp()
        try:
            self._read(family, file)
        except FirewallFailed as error:
            self.damaged[family] = str(error)
            del self.files[family], self.stamps[family]

    def _read(self, family: int, file: RulesFile) -> None:
        known = self._recall(family)
        scanned = known or blocks.scan(file.content(), self._form)
        if not self._let_read(family, scanned):
            known, scanned = None, Scanned(None, file.content())
            self._let_read(family, scanned)
        if known is None:
            file.check(self.count(family))
            if file.stamp() == self.stamps[family]:
                self._remember(family, scanned)

    def _let_read(self, family: int, scanned: Scanned) -> bool:
        """Let ufw read what is not jaild's; return whether it found as many rules."""
        self._backend.rules.clear()
        self._backend.rules6.clear()
        path = self.files[family].path
        with quiet(f"read {path}"), _only(self._backend, family, scanned.rest):
            self._maker.read(self._backend)
        found = self._found(family)
        theirs = iter(found)
        if scanned.items is None:
            self._order[family] = list(theirs)
        elif scanned.items.count(None) == len(found):
            self._order[family] = [item or next(theirs) for item in scanned.items]
        else:
            return False
        return True

    def _let_write(self, family: int, path: Path, rules: Sequence[UfwRule]) -> None:
        key = KEYS[family]
        own = self._backend.files[key]
        self._found(family)[:] = rules
        self._backend.files[key] = str(path)
        try:
            with quiet(f"write {own}"):
                self._backend._write_rules(v6=family == IPV6)  # noqa: SLF001 - checked
        finally:
            self._backend.files[key] = own

    def _found(self, family: int) -> list[UfwRule]:
        return self._backend.rules6 if family == IPV6 else self._backend.rules

    def _theirs(self, family: int) -> list[UfwRule]:
        return [item for item in self._order[family] if not isinstance(item, Rule)]

    def _form(self, rule: Rule) -> Form | None:
        return self._maker.form(rule, family_of(rule))

    def _block(self, item: Rule | UfwRule, family: int) -> str | None:
        form = self._maker.form(item, family) if isinstance(item, Rule) else None
        return form.block(item.address) if form and isinstance(item, Rule) else None

    def _recall(self, family: int) -> Scanned | None:
        known = self._maker.known.get(self.files[family].path)
        return known.scanned if known is not None and known.stamp == self.stamps[family] else None

    def _remember(self, family: int, scanned: Scanned) -> None:
        path, stamp = self.files[family].path, self.stamps[family]
        self._maker.known.pop(path, None)
        if stamp is not None:
            self._maker.known[path] = Known(stamp, scanned)


def _own(order: Iterable[Rule | UfwRule]) -> set[Rule]:
    return {item for item in order if isinstance(item, Rule)}


def _tagged(rules: Sequence[UfwRule]) -> dict[Rule, list[UfwRule]]:
    """Return jaild's rules among ufw's; one that is there more than once has several of ufw's."""
    found: dict[Rule, list[UfwRule]] = {}
    jails: dict[str, str] = {}
    for rule in rules:
        if rule.comment not in jails:
            jails[rule.comment] = tag.decode(rule.comment)
        jail = jails[rule.comment]
        known = _rule(jail, rule) if jail else None
        if known is not None:
            found.setdefault(known, []).append(rule)
    return found


def _rule(jail: str, rule: UfwRule) -> Rule | None:
    """Return a rule that carries jaild's tag, unless somebody else wrote it."""
    rest = (rule.sport, rule.direction, rule.forward, rule.logtype)
    names = rule.dapp + rule.sapp + rule.interface_in + rule.interface_out
    if rest != ("any", "in", False, "") or names or rule.dst not in ANYWHERE.values():
        return None
    return tag.rule(jail, rule.src, rule.dport, rule.protocol, rule.action)


@contextmanager
def _only(backend: Backend, family: int, content: bytes) -> Iterator[None]:
    """Let ufw take a temporary file for its own, and nothing for the other family's."""
    own = dict(backend.files)
    try:
        with NamedTemporaryFile(prefix="jaild-") as file:
            file.write(content)
            file.flush()
            backend.files.update(dict.fromkeys(KEYS.values(), os.devnull))
            backend.files[KEYS[family]] = file.name
            yield
    finally:
        backend.files.update(own)
