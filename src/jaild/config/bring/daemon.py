# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module takes over what fail2ban.conf and its kin say about the daemon itself."""

from jaild.config import layers, schema, values
from jaild.config.bring.model import Outcome, Remark
from jaild.config.bring.stock import Stock
from jaild.config.bring.text import Draft
from jaild.config.daemon import DEFINITION
from jaild.config.interpolate import Interpolation
from jaild.config.layers import Layers, Value
from jaild.config.schema import Effect, Option, Scope
from jaild.config.section import Section
from jaild.config.tree import Tree
from jaild.core.errors import InvalidConfig, JaildError

_BASE = "fail2ban"


class Daemon:
    """fail2ban's own settings, and which of them are to be written for jaild."""

    def __init__(self, source: Tree, tree: Tree, stock: Stock) -> None:
        self.unreadable: list[InvalidConfig] = []
        self.remarks: list[Remark] = []
        self._stack = layers.stack(source, source.layers(_BASE), self.unreadable.append)
        self._shipped = layers.stack(tree, tree.layers("jaild"))
        conf = f"{_BASE}.conf"
        self._stock = str(source.etc / conf) if stock.is_stock(conf) is not False else ""

    def draft(self) -> Draft | None:
        """Return ``jaild.local``, None if it has nothing to say."""
        draft = Draft("jaild.local")
        table = schema.of(Scope.DAEMON)
        for section in (layers.DEFAULT, *self._stack.sections):
            for name, value in self._stack.options(section).items():
                option = table.get(name)
                if option and option.effect is Effect.HONOURED:
                    self._take(draft, option, value)
                elif value.path != self._stock:
                    self._note(section, name, value, option)
        return draft if draft.pieces else None

    def _take(self, draft: Draft, option: Option[object], value: Value) -> None:
        try:
            text = Interpolation(self._stack).resolve(DEFINITION, value).strip()
            wanted = option.parse(text)
        except JaildError as error:
            self._remark(Outcome.REFUSED, value, _named(option.name, value), str(error))
            return
        if wanted != self._present(option, self._shipped):
            draft.add(DEFINITION, option.name, text.replace("%", "%%"))

    @staticmethod
    def _present(option: Option[object], stack: Layers) -> object:
        return Section(DEFINITION, stack, Interpolation(stack)).read(option)

    def _note(self, section: str, name: str, value: Value, option: Option[object] | None) -> None:
        text = " ".join(value.text.split())
        if option and text.lower() in ("", *option.silent):
            return
        hint = values.nearest(name, schema.of(Scope.DAEMON))
        unknown = f"jaild has no such option{f' ({hint})' if hint else ''}"
        why = option.why if option else unknown
        self._remark(Outcome.NOTED, value, f"[{section}] {_named(name, value)}", why)

    def _remark(self, outcome: Outcome, value: Value, what: str, why: str) -> None:
        self.remarks.append(Remark(outcome, value.path, value.line, what, why))


def _named(name: str, value: Value) -> str:
    return f"{name} = {' '.join(value.text.split())}"
