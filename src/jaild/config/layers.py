# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module lays files over each other, option by option, and remembers every layer."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from jaild.config import read
from jaild.config.tree import Tree
from jaild.core.errors import InvalidConfig

DEFAULT = "DEFAULT"
INCLUDES = "INCLUDES"
MAX_FILES = 200


@dataclass(frozen=True, slots=True)
class Value:
    """An option's text as written, and where; ``layer`` counts the files, from 0."""

    text: str
    path: str
    line: int
    layer: int = 0


class Layers:
    """Merged files: sections of options, each with its history, oldest first."""

    def __init__(self) -> None:
        self._sections: dict[str, dict[str, list[Value]]] = {DEFAULT: {}}
        self._headers: dict[str, tuple[str, int]] = {}
        self._files = 0

    def add(self, source: read.Source) -> None:
        """Lay one file over those before."""
        for section, line in source.headers.items():
            if section != INCLUDES:
                self._sections.setdefault(section, {})
                self._headers.setdefault(section, (source.path, line))
        for item in source.assignments:
            if item.section != INCLUDES:
                history = self._sections[item.section].setdefault(item.option, [])
                history.append(Value(item.text, source.path, item.line, self._files))
        self._files += 1

    @property
    def sections(self) -> tuple[str, ...]:
        """The names of all sections but [DEFAULT], in order of appearance."""
        return tuple(name for name in self._sections if name != DEFAULT)

    def header(self, section: str) -> tuple[str, int]:
        """Return path and line of the section's first header."""
        return self._headers.get(section, ("", 0))

    def options(self, section: str) -> Mapping[str, Value]:
        """Return the options that the section itself sets."""
        found = self._sections.get(section, {})
        return {name: history[-1] for name, history in found.items()}

    def own(self, section: str, option: str) -> Value | None:
        """Return what the section itself says."""
        history = self._sections.get(section, {}).get(option)
        return history[-1] if history else None

    def get(self, section: str, option: str) -> Value | None:
        """Return what the section says, or else [DEFAULT]."""
        return self.own(section, option) or self.own(DEFAULT, option)

    def before(self, layer: int, section: str, option: str) -> Value | None:
        """Return what the section said before the given layer was put on."""
        history = self._sections.get(section, {}).get(option, ())
        return next((value for value in reversed(history) if value.layer < layer), None)

    def everything(self) -> Iterator[Value]:
        """Yield every value of every layer."""
        for options in self._sections.values():
            for history in options.values():
                yield from history


def stack(tree: Tree, paths: Iterable[Path]) -> Layers:
    """Return the files, each with what it includes, laid over each other in this order."""
    layers = Layers()
    seen: set[Path] = set()
    for path in paths:
        _add(layers, tree, path, seen)
    return layers


def _add(layers: Layers, tree: Tree, path: Path, seen: set[Path]) -> None:
    # A file counts once, where it is first asked for: that ends loops and keeps the work linear.
    if path in seen:
        return
    seen.add(path)
    if len(seen) > MAX_FILES:
        raise InvalidConfig(f"more than {MAX_FILES} files are included", str(path))
    source = read.read(path)
    for included in _includes(tree, path, source, "before"):
        _add(layers, tree, included, seen)
    layers.add(source)
    for included in _includes(tree, path, source, "after"):
        _add(layers, tree, included, seen)


def _includes(tree: Tree, path: Path, source: read.Source, when: str) -> Iterator[Path]:
    """Yield the files to include; those that do not exist are passed over, as in fail2ban."""
    names = ""
    for item in source.assignments:
        if item.section != INCLUDES:
            continue
        if item.option not in ("before", "after"):
            message = f"'{item.option}' is not an option of [INCLUDES]"
            raise InvalidConfig(message, source.path, item.line, "use before or after")
        if item.option == when:
            names = item.text
    for name in names.split():
        yield from tree.included(path, name)
