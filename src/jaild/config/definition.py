# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module reads the file of one filter or action and puts parameters into its options.

An option is what the parameters say, else what [Init] says, else [Definition] with [DEFAULT].
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from jaild.config import tags
from jaild.config.interpolate import Interpolation
from jaild.config.layers import DEFAULT, Layers, Value
from jaild.core.errors import InvalidConfig

DEFINITION = "Definition"
INIT = "Init"

_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Definition:
    """One filter's or action's files, read but without parameters yet."""

    name: str
    path: str
    layers: Layers

    def value(self, option: str) -> Value | None:
        """Return where and how [Init], or else [Definition] with [DEFAULT], sets the option."""
        return self.layers.own(INIT, option) or self.layers.get(DEFINITION, option)

    def place(self, option: str) -> tuple[str, int]:
        """Return path and line of an option, else the file."""
        value = self.value(option)
        return (value.path, value.line) if value else (self.path, 0)

    def sets(self, option: str) -> bool:
        """Return whether [Definition] itself sets the option, not only [DEFAULT]."""
        return self.layers.own(DEFINITION, option) is not None


class Use:
    """One definition as it is used: with the parameters of a jail.

    ``given`` are the parameters, ``fixed`` are options that exist without being written.
    """

    def __init__(
        self, definition: Definition, given: Mapping[str, str], fixed: Mapping[str, str] = _NONE
    ) -> None:
        self.definition = definition
        self._given = dict(given)
        self._fixed = fixed
        self._inside = Interpolation(definition.layers, fixed, given=given)
        self._outside = Interpolation(definition.layers, fixed)
        self._found: dict[str, str | None] = {}
        self._used: dict[str, set[str]] = {}
        self._behind: dict[str, frozenset[str]] = {}

    def text(self, option: str) -> str | None:
        """Return an option with everything put in that it names, None if nobody sets it.

        Raises InvalidConfig with the place of the option.
        """
        self._used[option] = {option}
        try:
            text = self.lookup(option)
            return None if text is None else tags.substitute(text, self._recorded(option))
        except InvalidConfig as error:
            if error.path:
                raise
            place = self.definition.place(option)
            raise InvalidConfig(f"{option}: {error.message}", *place, error.hint) from error

    def expand(self, value: Value) -> str:
        """Return what a text would be that stood in [Definition]; raises InvalidConfig."""
        return tags.substitute(self._resolve(DEFINITION, value), self.lookup)

    def is_given(self, option: str) -> bool:
        """Return whether the parameters say what the option is."""
        return option in self._given

    def used(self, option: str) -> set[str]:
        """Return the options that went into a text that text() returned."""
        return self._used.get(option, set())

    def lookup(self, tag: str) -> str | None:
        """Return what a tag means, None for those that nobody defines."""
        if tag not in self._found:
            self._found[tag] = self._look(tag)
        return self._found[tag]

    def _recorded(self, option: str) -> tags.Lookup:
        def lookup(tag: str) -> str | None:
            found = self.lookup(tag)
            if found is not None:
                self._used[option] |= {tag.rpartition("/")[2]} | self._references(tag)
            return found

        self._used[option] |= self._references(option)
        return lookup

    def _references(self, tag: str) -> frozenset[str]:
        if tag not in self._behind:
            self._behind[tag] = self._find_references(tag)
        return self._behind[tag]

    def _find_references(self, tag: str) -> frozenset[str]:
        section, _, option = tag.rpartition("/")
        layers = self.definition.layers
        if section and section != "known":
            value = layers.get(section, option)
            return self._outside.used(section, value) if value else frozenset()
        value = self.definition.value(option)
        return self._inside.used(DEFINITION, value) if value else frozenset()

    def _look(self, tag: str) -> str | None:
        section, _, option = tag.rpartition("/")
        if section.lower() == "known":
            return self._known(option)
        if section:
            return self._elsewhere(section, option)
        if option in self._given:
            return self._given[option]
        own = self._own(option)
        return self._fixed.get(option) if own is None else own

    def _own(self, option: str) -> str | None:
        for section in (INIT, DEFINITION):
            layers = self.definition.layers
            value = layers.own(INIT, option) if section == INIT else layers.get(DEFINITION, option)
            if value:
                return self._resolve(section, value)
        return None

    def _known(self, option: str) -> str | None:
        """Return what an option was before the parameters, or before the file that sets it."""
        layers = self.definition.layers
        value = layers.own(DEFINITION, option)
        before = layers.before(value.layer, DEFINITION, option) if value else None
        earlier = self._resolve(DEFINITION, before) if before else ""
        own = self._own(option)
        if earlier and not layers.own(INIT, option) and option not in self._given:
            return earlier
        # What the file says now may itself name what was said before.
        return own if own is None else own.replace(f"<known/{option}>", earlier)

    def _elsewhere(self, section: str, option: str) -> str | None:
        layers = self.definition.layers
        if section.lower() == "default":
            section = DEFAULT
        elif section not in layers.sections:
            return None
        value = layers.get(section, option)
        return self._outside.resolve(section, value) if value else None

    def _resolve(self, section: str, value: Value) -> str:
        inside = self._inside if section == DEFINITION else self._outside
        return inside.resolve(section, value)
