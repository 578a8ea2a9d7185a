# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module tells what each option comes to, where it was set, and what it was before."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from jaild import __version__
from jaild.config import daemon, layers, schema, values
from jaild.config.filter import Filters
from jaild.config.interpolate import Interpolation
from jaild.config.jail import FIXED, Jail
from jaild.config.layers import DEFAULT, Layers, Value
from jaild.config.model import JailConfig
from jaild.config.schema import Effect, Option, Scope
from jaild.config.section import Section
from jaild.config.tree import Tree
from jaild.core.errors import InvalidConfig, NoSuchJail


@dataclass(frozen=True, slots=True)
class Setting:
    """One option: ``place`` is where it was set, None for a default.

    ``raw`` says that references are left in ``text``; ``before`` are the values that it replaced,
    as written, the latest first.
    """

    name: str
    text: str
    place: Value | None
    before: tuple[Value, ...]
    raw: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """One section; ``unset`` are the options without any value."""

    name: str
    settings: tuple[Setting, ...]
    unset: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ShownJail:
    """One jail, and what it comes to: None if it has a mistake, which is told in ``mistake``."""

    section: Shown
    config: JailConfig | None
    mistake: InvalidConfig | None


class Display:
    """A configuration on display; lines that are no syntax are passed over and kept as mistakes."""

    def __init__(self, tree: Tree) -> None:
        self.mistakes: list[InvalidConfig] = []
        self._tree = tree
        self._jails = layers.stack(tree, tree.layers("jail"), self.mistakes.append)
        self._filters = Filters(tree)
        self._fixed = {
            **FIXED,
            "fail2ban_version": __version__,
            "fail2ban_confpath": str(tree.etc),
        }
        self._interpolation = Interpolation(self._jails, self._fixed)

    def daemon(self) -> Shown:
        """Return the settings of the daemon."""
        stack = layers.stack(self._tree, self._tree.layers("jaild"), self.mistakes.append)
        section = _Reading(daemon.DEFINITION, stack, Interpolation(stack))
        return section.shown(schema.of(Scope.DAEMON).values())

    def default(self) -> Shown:
        """Return what is set for all jails, as it is written: references depend on the jail."""
        own = self._jails.options(DEFAULT)
        known = schema.of(Scope.JAIL)
        chosen = [name for name, value in own.items() if name in known or self._is_own(value)]
        settings = tuple(
            Setting(name, own[name].text, own[name], _history(self._jails, DEFAULT, name), raw=True)
            for name in chosen
        )
        return Shown(DEFAULT, settings)

    def enabled(self) -> list[str]:
        """Return the names of the jails that are enabled, or mean to be."""
        return [name for name in self._jails.sections if self._is_enabled(name)]

    def jail(self, name: str) -> ShownJail:
        """Return one jail, enabled or not; raises NoSuchJail."""
        if name not in self._jails.sections:
            hint = values.nearest(name, self._jails.sections)
            hint = f" ({hint})" if hint else ""
            raise NoSuchJail(f"there is no jail '{name}' in the configuration{hint}")
        section = _Reading(name, self._jails, self._interpolation)
        shown = section.shown(schema.of(Scope.JAIL).values())
        try:
            config = Jail(name, self._jails, self._filters, self._fixed).build()
        except InvalidConfig as error:
            return ShownJail(shown, None, error)
        return ShownJail(shown, config, None)

    def _is_own(self, value: Value) -> bool:
        return value.path.startswith(f"{self._tree.etc}/")

    def _is_enabled(self, name: str) -> bool:
        try:
            return Section(name, self._jails, self._interpolation).read(schema.ENABLED)
        except InvalidConfig:
            return True


class _Reading:
    """One section being read."""

    def __init__(self, name: str, stack: Layers, interpolation: Interpolation) -> None:
        self._name = name
        self._layers = stack
        self._section = Section(name, stack, interpolation)

    def shown(self, options: Iterable[Option[object]]) -> Shown:
        settings = [self._setting(option) for option in options]
        return Shown(
            self._name,
            tuple(one for one in settings if one.place or one.text),
            tuple(one.name for one in settings if not one.place and not one.text),
        )

    def _setting(self, option: Option[object]) -> Setting:
        value = self._layers.get(self._name, option.name)
        before = _history(self._layers, self._name, option.name)
        if not value and option.effect is Effect.NOTED:
            return Setting(option.name, "", None, ())
        try:
            return Setting(option.name, self._section.text(option), value, before)
        except InvalidConfig:
            # The mistake is told elsewhere.
            text = value.text if value else option.default
            return Setting(option.name, text, value, before, raw=True)


def _history(stack: Layers, section: str, option: str) -> tuple[Value, ...]:
    """Return the values before the present one, the latest first."""
    found = list(_values(stack, section, option))
    if section != DEFAULT:
        found += _values(stack, DEFAULT, option)
    return tuple(found[1:])


def _values(stack: Layers, section: str, option: str) -> Iterator[Value]:
    value = stack.own(section, option)
    while value:
        yield value
        value = stack.before(value.layer, section, option)
