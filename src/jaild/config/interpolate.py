# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module replaces ``%(name)s`` in values.

The forms are ``%(option)s``, ``%(section/option)s``, ``%(default/option)s``, ``%(known/option)s``
(the value before the present file), ``%(__name__)s`` (the section) and ``%%``. Work and result are
bounded.
"""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from jaild.config.layers import DEFAULT, Layers, Value
from jaild.config.values import nearest
from jaild.core.errors import InvalidConfig

MAX_TEXT = 64 * 1024
MAX_DEPTH = 25
MAX_STEPS = 10_000

NAME = "__name__"

_PIECE = re.compile(r"%(?:(?P<percent>%)|\((?P<name>[^()%\n]{1,200})\)s)?")
_EMPTY: Mapping[str, str] = MappingProxyType({})


def references(text: str) -> Iterable[str]:
    """Yield the names between ``%(`` and ``)s`` in a text."""
    return (match["name"] for match in _PIECE.finditer(text) if match["name"])


def option_of(reference: str) -> str:
    """Return the option that a reference such as ``known/failregex`` reads."""
    return reference.rpartition("/")[2].lower()


class Interpolation:
    """The values of merged files with all references put in.

    ``fixed`` are names that exist without any file, ``given`` those that count more than any file;
    ``known`` answers ``%(known/option)s`` before any earlier file does.
    """

    def __init__(
        self,
        layers: Layers,
        fixed: Mapping[str, str] = _EMPTY,
        known: Mapping[str, str] = _EMPTY,
        given: Mapping[str, str] = _EMPTY,
    ) -> None:
        self._layers = layers
        self._fixed = fixed
        self._known = known
        self._given = given

    def resolve(self, section: str, value: Value) -> str:
        """Return the text as seen from a section; raises InvalidConfig at the value's place."""
        return _Expansion(self).expand(section, value, 0)

    def used(self, section: str, value: Value) -> frozenset[str]:
        """Return the options that a value refers to, directly or through others."""
        names: set[str] = set()
        todo, seen = [(section, value)], {(section, value)}
        while todo:
            section, value = todo.pop()
            for reference in references(value.text):
                names.add(option_of(reference))
                found = self.find(reference, section, value.layer)
                if found and found not in seen:
                    seen.add(found)
                    todo.append(found)
        return frozenset(names)

    def names(self, section: str) -> set[str]:
        """Return the options that a section can refer to."""
        return {
            *self._layers.options(section),
            *self._layers.options(DEFAULT),
            *self._fixed,
            *self._given,
        }

    def origin(self, section: str, value: Value, piece: str) -> Value:
        """Return the value whose own text has a piece in it, following what the value refers to."""
        todo, seen = [(section, value)], {(section, value)}
        while todo:
            at, found = todo.pop(0)
            if piece in found.text and found.path:
                return found
            for reference in references(found.text):
                further = self.find(reference, at, found.layer)
                if further and further not in seen:
                    seen.add(further)
                    todo.append(further)
        return value

    def find(self, reference: str, section: str, layer: int) -> tuple[str, Value] | None:
        """Return what a reference means, and the section it is to be seen from."""
        scope, _, name = reference.rpartition("/")
        option = name.lower()
        if scope == "known":
            value = self._earlier(section, option, layer)
        elif scope == "default":
            value = self._layers.own(DEFAULT, option)
        elif scope:
            section, value = scope, self._elsewhere(scope, option)
        elif option == NAME:
            value = Value(section.replace("%", "%%"), "", 0)
        else:
            value = (
                self._constant(self._given, option)
                or self._layers.get(section, option)
                or self._constant(self._fixed, option)
            )
        return (section, value) if value else None

    def _elsewhere(self, section: str, option: str) -> Value | None:
        # Only a section that exists can lend its options, its inherited ones included.
        return self._layers.get(section, option) if section in self._layers.sections else None

    def _earlier(self, section: str, option: str, layer: int) -> Value | None:
        return (
            self._constant(self._known, option)
            or self._layers.before(layer, section, option)
            or self._layers.before(layer, DEFAULT, option)
            or (self._layers.own(DEFAULT, option) if section != DEFAULT else None)
        )

    def _constant(self, constants: Mapping[str, str], option: str) -> Value | None:
        if option not in constants:
            return None
        return Value(constants[option].replace("%", "%%"), "", 0)


class _Expansion:
    """The work on one value; it counts its steps, because references can fan out without end."""

    def __init__(self, source: Interpolation) -> None:
        self._source = source
        self._steps = 0

    def expand(self, section: str, value: Value, depth: int) -> str:
        if "%" not in value.text:
            return _bounded(value.text, value)
        if depth > MAX_DEPTH:
            raise _refused(value, "the options named in %(…)s refer to each other in a circle")
        parts: list[str] = []
        size = position = 0
        for piece in _PIECE.finditer(value.text):
            parts += value.text[position : piece.start()], self._put(piece, section, value, depth)
            size += len(parts[-2]) + len(parts[-1])
            position = piece.end()
            if size > MAX_TEXT:
                break
        parts.append(value.text[position:])
        return _bounded("".join(parts), value)

    def _put(self, piece: re.Match[str], section: str, value: Value, depth: int) -> str:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise _refused(value, "this value takes too many replacements")
        if piece["percent"]:
            return "%"
        reference = piece["name"]
        if not reference:
            raise _refused(value, "a percent sign is written %% where no %(option)s is meant")
        found = self._source.find(reference, section, value.layer)
        if not found:
            message = f"%({reference})s names an option that is not set anywhere"
            hint = nearest(option_of(reference), self._source.names(section))
            raise InvalidConfig(message, value.path, value.line, hint, reference)
        return self.expand(*found, depth + 1)


def _bounded(text: str, value: Value) -> str:
    if len(text) > MAX_TEXT:
        raise _refused(value, "this value is longer than 64 KiB")
    return text


def _refused(value: Value, message: str) -> InvalidConfig:
    return InvalidConfig(message, value.path, value.line)
