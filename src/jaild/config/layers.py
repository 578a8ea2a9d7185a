# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module lays files over each other, option by option, and remembers every layer."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from jaild.config import read
from jaild.config.read import Report
from jaild.config.tree import Tree
from jaild.core.errors import InvalidConfig

DEFAULT = "DEFAULT"
INCLUDES = "INCLUDES"
MAX_FILES = 200


@dataclass(frozen=True, slots=True)
class Value:
    """An option's text as written, and where; ``layer`` counts the files, from 0.

    ``lines`` has the place of every line of a text that goes over several.
    """

    text: str
    path: str
    line: int
    layer: int = 0
    lines: tuple[int, ...] = ()


class Layers:
    """Merged files: sections of options, each with its history, oldest first.

    ``paths`` are the files in their order.
    """

    def __init__(self) -> None:
        self._sections: dict[str, dict[str, list[Value]]] = {DEFAULT: {}}
        self._headers: dict[str, tuple[str, int]] = {}
        self.paths: list[str] = []

    def add(self, source: read.Source) -> None:
        """Lay one file over those before."""
        for header, line in source.headers.items():
            section, _ = _condition(header)
            if section != INCLUDES:
                self._sections.setdefault(section, {})
                self._headers.setdefault(section, (source.path, line))
        for item in source.assignments:
            section, condition = _condition(item.section)
            if section != INCLUDES:
                history = self._sections[section].setdefault(item.option + condition, [])
                value = Value(item.text, source.path, item.line, len(self.paths), item.lines)
                history.append(value)
        self.paths.append(source.path)

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


def _condition(header: str) -> tuple[str, str]:
    """Return a section and its condition: ``[Init?family=inet6]`` gives options of [Init]."""
    section, mark, condition = header.partition("?")
    return section, mark + condition.lower()


def stack(tree: Tree, paths: Iterable[Path], report: Report = read.refuse) -> Layers:
    """Return the files, each with what it includes, laid over each other in this order.

    ``report`` is called for each line that is no syntax: it raises the mistake, or takes it.
    """
    work = _Stack(tree, report)
    for path in paths:
        work.add(path)
    return work.layers


class _Stack:
    """Files on their way to being merged.

    A file counts once, where it is first asked for: that ends loops and keeps the work linear.
    """

    def __init__(self, tree: Tree, report: Report) -> None:
        self.layers = Layers()
        self._tree = tree
        self._report = report
        self._seen: set[Path] = set()

    def add(self, path: Path) -> None:
        if path in self._seen:
            return
        self._seen.add(path)
        if len(self._seen) > MAX_FILES:
            raise InvalidConfig(f"more than {MAX_FILES} files are included", str(path))
        source = read.read(path, self._report)
        included = self._included(source)
        for name in included["before"].split():
            self._include(path, name)
        self.layers.add(source)
        for name in included["after"].split():
            self._include(path, name)

    def _include(self, path: Path, name: str) -> None:
        # What does not exist is passed over, as in fail2ban: common.local hardly ever does.
        for found in self._tree.included(path, name):
            self.add(found)

    def _included(self, source: read.Source) -> dict[str, str]:
        names = {"before": "", "after": ""}
        for item in source.assignments:
            if item.section != INCLUDES:
                continue
            if item.option in names:
                names[item.option] = item.text
            else:
                message = f"'{item.option[:64]}' is not an option of [INCLUDES]"
                hint = "use before or after"
                error = InvalidConfig(message, source.path, item.line, hint, item.option)
                self._report(error)
        return names
