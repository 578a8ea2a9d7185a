# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module reads one section's options as typed values and tells where mistakes stand."""

from typing import TypeVar

from jaild.config.interpolate import Interpolation
from jaild.config.layers import Layers, Value
from jaild.config.schema import Option
from jaild.core.errors import InvalidConfig, JaildError

T = TypeVar("T")

_SHOWN = 60
_SENTENCE = 300


class Section:
    """One section's options: its own, else those of [DEFAULT], else the schema's defaults."""

    def __init__(self, name: str, layers: Layers, interpolation: Interpolation) -> None:
        self.name = name
        self._layers = layers
        self._interpolation = interpolation

    def read(self, option: Option[T]) -> T:
        """Return an option's value; raises InvalidConfig with its place and text."""
        text = self.text(option)
        try:
            return option.parse(text)
        except JaildError as error:
            raise self.mistake(option, text, error) from error

    def text(self, option: Option[T]) -> str:
        """Return an option's text with its references put in."""
        return self._interpolation.resolve(self.name, self._value(option)).strip()

    def mistake(self, option: Option[T], text: str, error: JaildError) -> InvalidConfig:
        """Return a parser's error as one about this option, with its place."""
        value = self._value(option)
        sentence, hint = str(error), ""
        if isinstance(error, InvalidConfig):
            sentence, hint = error.message, error.hint
        shown = " ".join(text.split())
        shown = (
            f"'{shown[:_SHOWN]}…'" if len(shown) > _SHOWN else f"'{shown}'" if shown else "empty"
        )
        message = f"{option.name} of [{self.name}] is {shown}: {sentence}"
        return InvalidConfig(message, value.path, value.line, hint)

    def is_set(self, option: Option[T]) -> bool:
        """Return whether some file sets the option for this section."""
        return self._layers.get(self.name, option.name) is not None

    def _value(self, option: Option[T]) -> Value:
        path, line = self._layers.header(self.name)
        found = self._layers.get(self.name, option.name)
        return found or Value(option.default, path, line)

    def place(self, option: Option[T]) -> tuple[str, int]:
        """Return path and line where the option is set, else those of the section."""
        value = self._value(option)
        return value.path, value.line
