# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module chooses from fail2ban's jail files what its administrator wrote and jaild needs."""

from collections.abc import Iterator
from pathlib import Path

from jaild import __version__
from jaild.config import call, layers, listed, schema, sparing
from jaild.config.action_names import Kind, kind
from jaild.config.ban import ban
from jaild.config.bring.model import Outcome, Remark
from jaild.config.bring.stock import Stock
from jaild.config.bring.text import Draft, Fate, Piece
from jaild.config.interpolate import Interpolation, option_of, references
from jaild.config.jail import FIXED
from jaild.config.layers import DEFAULT, INCLUDES, Value
from jaild.config.list_file import Lists
from jaild.config.schema import Effect, Scope
from jaild.config.section import Section
from jaild.config.tree import Tree
from jaild.core.errors import InvalidConfig, JaildError

# What was in jail.conf comes first among what is laid over jaild's own.
FIRST = "jail.d/00-fail2ban.conf"
_BASE = "jail.conf"
_TABLE = schema.of(Scope.JAIL)
# In an edited [DEFAULT] of jail.conf the firewall's recipes are fail2ban's own all the same.
_RECIPES = frozenset({"banaction", "banaction_allports", "filter", "enabled"})


class Jails:
    """fail2ban's jails, and what of their files is to be written for jaild."""

    def __init__(self, source: Path, tree: Tree, stock: Stock) -> None:
        self.unreadable: list[InvalidConfig] = []
        self.remarks: list[Remark] = []
        self._source = source
        self._stock = stock
        self._lists = Lists(tree.etc)
        origin = Tree(source, source)
        self._stack = layers.stack(origin, origin.layers("jail"), self.unreadable.append)
        base = tree.shipped / _BASE
        self._shipped = layers.stack(tree, [base] if base.exists() else [])
        fixed = {**FIXED, "fail2ban_version": __version__, "fail2ban_confpath": str(tree.etc)}
        self._interpolation = Interpolation(self._stack, fixed)
        self.enabled = tuple(name for name in self._stack.sections if self._is_enabled(name))

    def drafts(self) -> list[Draft]:
        """Return the files to write; raises InvalidConfig for one that cannot be read."""
        paths = dict.fromkeys(value.path for value in self._stack.everything())
        drafts = [draft for path in paths if (draft := self._draft(Path(path)))]
        used = {name for draft in drafts for name in _references(draft)}
        for draft in drafts:
            for piece in draft.assignments():
                if piece.fate is Fate.STAYS and piece.option not in used:
                    self._note(piece, Path(draft.origin))
        return [draft for draft in drafts if not draft.is_empty()]

    def filters(self) -> dict[str, str]:
        """Return the names of the filters of the enabled jails, each with one jail that uses it."""
        found: dict[str, str] = {}
        for name in self.enabled:
            section = Section(name, self._stack, self._interpolation)
            try:
                found.setdefault(call.parse_one(section.text(schema.FILTER)).name, name)
            except InvalidConfig:
                continue  # the trial says so, at the place that is to be written
        return found

    def bans(self, name: str) -> bool:
        """Return whether a jail of fail2ban's really shuts out, and does not only tell of it."""
        section = Section(name, self._stack, self._interpolation)
        try:
            calls = call.parse(section.text(schema.ACTION))
            found = [one for one in calls if kind(one.name) in (Kind.UFW, Kind.FIREWALL)]
            # Where it only lets in, there is an error; ports do not matter here.
            for one in found:
                ban(one.name, {"blocktype": one.parameters.get("blocktype", "reject")})
            return bool(found)
        except JaildError:
            return False

    def _is_enabled(self, name: str) -> bool:
        try:
            return Section(name, self._stack, self._interpolation).read(schema.ENABLED)
        except InvalidConfig:
            return False

    def _is_stock(self, value: Value) -> bool:
        return self._is_stock_file(Path(value.path)) is True

    def _is_stock_file(self, path: Path) -> bool | None:
        return path.is_relative_to(self._source) and self._stock.is_stock(
            str(path.relative_to(self._source))
        )

    def _draft(self, path: Path) -> Draft | None:
        relative = str(path.relative_to(self._source)) if path.is_relative_to(self._source) else ""
        if not relative:
            self._remark(Outcome.REFUSED, path, 0, str(path), f"it is not below {self._source}")
            return None
        if relative == _BASE:
            return self._base(path)
        if self._is_stock_file(path):
            return None
        draft = Draft.of(relative, path)
        for piece in draft.assignments():
            self._decide(piece, path)
        return draft

    def _base(self, path: Path) -> Draft:
        """Return what is needed of jail.conf: what was edited, and jails that jaild lacks."""
        draft = Draft.of(FIRST, path)
        edited = self._is_stock_file(path) is not True
        for piece in draft.assignments():
            if not self._is_needed(piece, edited=edited):
                piece.fate = Fate.LEFT_OUT
        # Some jails have variables of their own.
        used = {piece.section: _references(draft, piece.section) for piece in draft.pieces}
        for piece in draft.assignments():
            if piece.option not in _TABLE and piece.option in used[piece.section]:
                piece.fate = Fate.STAYS
        return draft

    def _is_needed(self, piece: Piece, *, edited: bool) -> bool:
        option = _TABLE.get(piece.option)
        if not option or option.effect is Effect.NOTED:
            return False
        if piece.section == DEFAULT:
            plain = option.effect is Effect.HONOURED and option.name not in _RECIPES
            return edited and plain and not self._is_shipped(piece)
        if piece.section not in self.enabled:
            return False
        known = piece.section in self._shipped.sections
        return not known or (edited and not self._is_shipped(piece))

    def _is_shipped(self, piece: Piece) -> bool:
        """Return whether jaild's own files say the same."""
        shipped = self._shipped.own(piece.section, piece.option)
        return shipped is not None and _same(shipped.text, piece.text)

    def _decide(self, piece: Piece, path: Path) -> None:
        if piece.section == INCLUDES:
            names = (path.parent / name for name in piece.text.split())
            if all(self._is_stock_file(name) for name in names):
                piece.fate = Fate.LEFT_OUT
        elif self._is_redundant(piece, path):
            piece.fate = Fate.LEFT_OUT
        elif piece.option == sparing.IGNOREIP.name:
            self._keep_spared(piece, path)

    def _is_redundant(self, piece: Piece, path: Path) -> bool:
        """Return whether the option is the same without this piece."""
        history = list(self._history(piece))
        places = [(value.path, value.line) for value in history]
        if (str(path), piece.line) not in places:
            return True  # set once more in the same file
        number = places.index((str(path), piece.line))
        earlier = history[number + 1] if number + 1 < len(history) else None
        if earlier and _same(earlier.text, piece.text):
            return True
        return (not earlier or self._is_stock(earlier)) and self._is_shipped(piece)

    def _history(self, piece: Piece) -> Iterator[Value]:
        value = self._stack.own(piece.section, piece.option)
        while value:
            yield value
            value = self._stack.before(value.layer, piece.section, piece.option)

    def _keep_spared(self, piece: Piece, path: Path) -> None:
        """Leave out the words of ignoreip that jaild refuses: the others have to stay."""
        words = piece.text.replace(",", " ").split()
        kept = []
        for word in words:
            try:
                if "%(" not in word:
                    self._lists.whole(sparing.IGNOREIP.parse(word), listed.spared)
                kept.append(word)
            except JaildError as error:
                self._remark(Outcome.REFUSED, path, piece.line, _named(piece, word), str(error))
        if len(kept) < len(words):
            piece.rewrite(" ".join(kept))

    def _note(self, piece: Piece, path: Path) -> None:
        """Leave out what jaild would only answer with a note."""
        option = _TABLE.get(piece.option)
        if piece.section == INCLUDES or not option or option.effect is not Effect.NOTED:
            return
        piece.fate = Fate.LEFT_OUT
        if " ".join(piece.text.split()).lower() not in ("", *option.silent):
            self._remark(Outcome.NOTED, path, piece.line, _named(piece, piece.text), option.why)

    def _remark(self, outcome: Outcome, path: Path, line: int, what: str, why: str) -> None:
        self.remarks.append(Remark(outcome, str(path), line, what, why))


def _references(draft: Draft, section: str | None = None) -> set[str]:
    """Return the options that what stays of a draft, or of one section, refers to."""
    return {
        option_of(name)
        for piece in draft.assignments(section)
        if piece.fate is Fate.STAYS
        for name in references(piece.text)
    }


def _named(piece: Piece, text: str) -> str:
    return f"[{piece.section}] {piece.option} = {' '.join(text.split())}"


def _same(one: str, other: str) -> bool:
    return one.split() == other.split()
