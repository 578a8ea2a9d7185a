# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module finds misspelled options in filter files.

Filters define variables of any name; what is used somewhere, or unlike any option, is one of them.
"""

import re
from collections.abc import Iterable, Iterator

from jaild.config import schema, values
from jaild.config.interpolate import option_of, references
from jaild.config.layers import DEFAULT, Layers
from jaild.config.option import Scope
from jaild.core.errors import InvalidConfig

OPTIONS = tuple(schema.of(Scope.FILTER))
_SECTIONS = ("Definition", "Init")
_LIKE = 0.85
# What recipes hand to every filter, used or not.
_FREE = frozenset({"logtype", "name"})
# The beginning of a tag's name: what follows may be put together from other tags.
_TAG = re.compile(r"<(?:[\w.-]+/)?(?P<name>[\w.-]+)(?P<more><?)")


def mistakes(stack: Layers) -> Iterator[InvalidConfig]:
    """Yield the options and sections that nothing uses and that look like misspelled ones."""
    names, starts = _used(stack)
    for section in stack.sections:
        hint = "" if section in _SECTIONS else values.nearest(section, _SECTIONS)
        if hint and not _lends(stack, section):
            message = f"[{section[:64]}] is not a section of a filter"
            yield InvalidConfig(message, *stack.header(section), hint, section)
    for section in (DEFAULT, *_SECTIONS):
        for name, value in stack.options(section).items():
            if name in names or name.startswith(starts) or name.rstrip("0123456789_") in OPTIONS:
                continue
            hint = values.nearest(name, OPTIONS, _LIKE)
            if hint:
                message = f"'{name[:64]}' is not an option of a filter, and nothing refers to it"
                yield InvalidConfig(message, value.path, value.line, hint, name)


def unused(stack: Layers, parameters: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the parameters that nothing in a filter refers to, each with what may be meant."""
    names, starts = _used(stack)
    sections = (DEFAULT, *stack.sections)
    options = {option for section in sections for option in stack.options(section)}
    candidates = {"mode", *OPTIONS, *(name for name in options if not name.startswith("_"))}
    for name in parameters:
        plain = name.lower().partition("?")[0]
        if plain not in options | names | candidates | _FREE and not plain.startswith(starts):
            yield name, values.nearest(plain, candidates)


def no_definition(stack: Layers, path: str) -> InvalidConfig:
    """Return the mistake of a filter file without its one necessary section."""
    for section in stack.sections:
        if values.nearest(section, ["Definition"]):
            message = f"[{section[:64]}] is not a section of a filter"
            place = stack.header(section)
            return InvalidConfig(message, *place, "did you mean Definition?", section)
    return InvalidConfig("this filter has no section [Definition]", path)


def _used(stack: Layers) -> tuple[set[str], tuple[str, ...]]:
    """Return the names that values refer to, and the beginnings of those put together."""
    names, starts = set[str](), set[str]()
    for value in stack.everything():
        names.update(option_of(reference) for reference in references(value.text))
        for tag in _TAG.finditer(value.text):
            (starts if tag["more"] else names).add(tag["name"].lower())
    return names, tuple(starts)


def _lends(stack: Layers, section: str) -> bool:
    return any(f"{section}/" in value.text for value in stack.everything())
