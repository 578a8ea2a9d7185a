# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module finds filter files and puts a jail's parameters into them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jaild.config import layers, tags, values
from jaild.config.call import Call
from jaild.config.interpolate import Interpolation
from jaild.config.layers import Layers, Value
from jaild.config.model import FilterConfig
from jaild.config.tree import Tree
from jaild.core.errors import InvalidConfig

DEFINITION = "Definition"
INIT = "Init"

# What every filter may use without defining it; the log it reads is always the journal.
_FIXED = {"mode": "normal", "logtype": "journal"}


@dataclass(frozen=True, slots=True)
class Definition:
    """One filter's files, read but without parameters yet."""

    name: str
    path: str
    layers: Layers

    def text(self, option: str) -> str | None:
        """Return an option of [Init] or else [Definition], with its %(…)s put in."""
        for section in (INIT, DEFINITION):
            value = self.value(section, option)
            if value:
                return self._interpolation().resolve(section, value)
        return None

    def elsewhere(self, section: str, option: str) -> str | None:
        """Return another section's option, for ``<section/option>``."""
        value = self.layers.own(section, option)
        return self._interpolation().resolve(section, value) if value else None

    def value(self, section: str, option: str) -> Value | None:
        """Return where and how [Init], or [Definition] with [DEFAULT], sets the option."""
        if section == INIT:
            return self.layers.own(INIT, option)
        return self.layers.get(DEFINITION, option)

    def place(self, option: str) -> tuple[str, int]:
        """Return path and line of an option, else the filter's file."""
        value = self.value(INIT, option) or self.value(DEFINITION, option)
        return (value.path, value.line) if value else (self.path, 0)

    def known(self, *options: str) -> dict[str, str]:
        """Return the texts that a jail sees as ``%(known/option)s``."""
        texts = {option: self.text(option) for option in options}
        return {option: text or "" for option, text in texts.items()}

    def _interpolation(self) -> Interpolation:
        return Interpolation(self.layers, _FIXED)


class Filters:
    """The filters of a tree; each file is read once, however many jails use it."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._read: dict[str, Definition] = {}

    def find(self, name: str) -> Definition:
        """Return the named filter; raises InvalidConfig."""
        if name not in self._read:
            self._read[name] = self._load(name)
        return self._read[name]

    def exists(self, name: str) -> bool:
        """Return whether there is a filter of this name."""
        return bool(self._tree.filter_layers(name))

    def names(self) -> list[str]:
        """Return the names of all filters."""
        return self._tree.filter_names()

    def _load(self, name: str) -> Definition:
        paths = self._tree.filter_layers(name)
        if not paths:
            folders = f"{self._tree.etc}/filter.d or {self._tree.shipped}/filter.d"
            hint = values.nearest(name, self.names())
            raise InvalidConfig(f"there is no filter '{name}' in {folders}", hint=hint)
        return Definition(name, str(paths[0]), _stacked(self._tree, paths))


def _stacked(tree: Tree, paths: list[Path]) -> Layers:
    stack = layers.stack(tree, paths)
    if DEFINITION not in stack.sections:
        raise InvalidConfig("this filter has no section [Definition]", str(paths[0]))
    return stack


def build(definition: Definition, call: Call, overrides: Mapping[str, Value]) -> FilterConfig:
    """Return the filter with parameters and the jail's own options put in.

    ``overrides`` are the jail's failregex and the like. Raises InvalidConfig with the place of the
    option at fault.
    """
    parameters = {name.lower(): text for name, text in call.parameters.items()}
    parameters |= {name: value.text for name, value in overrides.items()}

    def lookup(tag: str) -> str | None:
        section, _, option = tag.rpartition("/")
        if not section:
            found = parameters.get(option)
            return definition.text(option) or _FIXED.get(option) if found is None else found
        if section == "known":
            return definition.text(option)
        return definition.elsewhere(section, option)

    def option(name: str) -> str:
        try:
            return tags.substitute(lookup(name) or "", lookup)
        except InvalidConfig as error:
            if error.path:
                raise
            own = overrides.get(name)
            place = (own.path, own.line) if own else definition.place(name)
            raise InvalidConfig(f"{name}: {error.message}", *place) from error

    return FilterConfig(
        definition.name,
        definition.path,
        values.lines(option("failregex")),
        values.lines(option("ignoreregex")),
        option("prefregex").strip(),
        option("journalmatch").strip(),
    )
