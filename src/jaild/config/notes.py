# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module collects the notes on options that jaild accepts and does not obey."""

from collections.abc import Mapping
from types import MappingProxyType

from jaild.config import schema
from jaild.config.interpolate import Interpolation
from jaild.config.layers import Layers, Value
from jaild.config.model import Note
from jaild.config.schema import Effect, Scope
from jaild.core.errors import InvalidConfig

_NONE: Mapping[str, str] = MappingProxyType({})


def noted(
    layers: Layers,
    section: str,
    interpolation: Interpolation,
    instead: Mapping[str, str] = _NONE,
    scope: Scope = Scope.JAIL,
) -> tuple[Note, ...]:
    """Return the notes on a section's own options; ``instead`` completes some of them."""
    found: list[Note] = []
    table = schema.of(scope)
    for name, value in layers.options(section).items():
        option = table.get(name)
        if not option or option.effect != Effect.NOTED:
            continue
        if _text(section, value, interpolation) not in ("", *option.silent):
            sentence = f"{name} is not used: {option.why}"
            sentence += f"; {instead[name]}" if name in instead else ""
            found.append(Note(value.path, value.line, sentence))
    return tuple(found)


def _text(section: str, value: Value, interpolation: Interpolation) -> str:
    try:
        return interpolation.resolve(section, value).strip().lower()
    except InvalidConfig:
        # Nobody reads it, so what it refers to need not exist.
        return value.text
