# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module reads one section's options as typed values and tells where mistakes stand."""

import re
from typing import TypeVar

from jaild.config.interpolate import Interpolation
from jaild.config.layers import Layers, Value
from jaild.config.option import Effect, Option
from jaild.core.errors import InvalidConfig, JaildError

T = TypeVar("T")

_SHOWN = 60
_QUOTED = re.compile(r"'([^']+)'")


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

    def check(self, option: Option[T]) -> None:
        """Refuse what the option is set to, whether or not jaild obeys it; raises InvalidConfig."""
        if option.effect != Effect.NOTED:
            self.read(option)
        elif self.is_set(option):
            try:
                text = self.text(option)
            except InvalidConfig:
                # Nobody obeys it, so what it refers to need not exist.
                return
            if text:
                self.read(option)

    def text(self, option: Option[T]) -> str:
        """Return an option's text with its references put in."""
        return self._interpolation.resolve(self.name, self._value(option)).strip()

    def mistake(self, option: Option[T], text: str, error: JaildError) -> InvalidConfig:
        """Return a parser's error as one about this option, where the piece at fault stands."""
        sentence, hint, piece = str(error), "", ""
        if isinstance(error, InvalidConfig):
            sentence, hint, piece = error.message, error.hint, error.text
        shown = " ".join(text.split())
        piece = self._piece(option, piece, sentence, text)
        shown = (
            f"'{shown[:_SHOWN]}…'" if len(shown) > _SHOWN else f"'{shown}'" if shown else "empty"
        )
        said = "" if option.private else f" is {shown}"
        message = f"{option.name} of [{self.name}]{said}: {sentence}"
        return InvalidConfig(message, *self.place_of(option, piece), hint, piece)

    def says(self, option: Option[T], piece: str) -> bool:
        """Return whether a piece of an option's text was written in some file."""
        return piece in self._interpolation.origin(self.name, self._value(option), piece).text

    def place_of(self, option: Option[T], piece: str) -> tuple[str, int]:
        """Return path and line where a piece of an option's text was written."""
        value = self._interpolation.origin(self.name, self._value(option), piece)
        for text, line in zip(value.text.split("\n"), value.lines, strict=False):
            if piece and piece in text:
                return value.path, line
        return value.path, value.line

    def _piece(self, option: Option[T], piece: str, sentence: str, text: str) -> str:
        """Return what to look for in the file: the piece that the sentence is about."""
        quoted = _QUOTED.match(sentence)
        for found in (piece, quoted[1] if quoted else "", " ".join(text.split())):
            if found and found in text:
                return found[:_SHOWN]
        return self._value(option).text.partition("\n")[0][:_SHOWN]

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
