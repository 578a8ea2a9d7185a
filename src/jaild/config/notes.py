# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module collects the notes on options that jaild accepts and does not obey."""

from collections.abc import Mapping
from types import MappingProxyType

from jaild.config import schema
from jaild.config.interpolate import Interpolation
from jaild.config.layers import Layers, Value
from jaild.config.model import Note
from jaild.config.schema import Effect
from jaild.core.errors import InvalidConfig

_NONE: Mapping[str, str] = MappingProxyType({})
_TABLE = {option.name: option for option in schema.OPTIONS if option.effect == Effect.NOTED}


def noted(
    layers: Layers,
    section: str,
    interpolation: Interpolation,
    instead: Mapping[str, str] = _NONE,
) -> tuple[Note, ...]:
    """Return the notes on a section's own options; ``instead`` completes some of them."""
    found: list[Note] = []
    for name, value in layers.options(section).items():
        option = _TABLE.get(name)
        if option and _text(section, value, interpolation) not in ("", *option.silent):
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
