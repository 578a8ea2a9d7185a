# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module chooses the filters to take over: the administrator's own, and what jails need."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from jaild.config import read
from jaild.config.bring.model import NewFile, Outcome, Remark
from jaild.config.bring.stage import Stage
from jaild.config.bring.stock import Stock
from jaild.config.layers import INCLUDES
from jaild.core.errors import InvalidConfig

_FOLDER = "filter.d"
# What fail2ban calls the files that only serve to be included.
_PART = re.compile(r"(?:.+-)?common")


class Filters:
    """fail2ban's filters, and which of their files are to be written for jaild."""

    def __init__(self, source: Path, stage: Stage, stock: Stock) -> None:
        self.remarks: list[Remark] = []
        self._source = source
        self.stage = stage
        self.stock = stock
        self._shipped = stage.tree.shipped

    def files(self, needed: Mapping[str, str]) -> list[NewFile]:
        """Return the files to write; ``needed`` are filters with a jail that uses each."""
        found: dict[str, NewFile] = {}
        for name in sorted({*self._own(), *needed}):
            for file in self._take(name, needed.get(name, "")):
                found[file.path] = file
        return list(found.values())

    def _own(self) -> Iterator[str]:
        """Yield the names of the filters with files of the administrator's."""
        folder = self._source / _FOLDER
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            relative = f"{_FOLDER}/{path.name}"
            plain = path.suffix in (".conf", ".local") and not path.name.startswith(".")
            if plain and path.is_file() and self.stock.is_stock(relative) is False:
                yield path.stem

    def _take(self, name: str, jail: str) -> list[NewFile]:
        """Return the files of one filter; none if jaild's own does."""
        base, local = f"{_FOLDER}/{name}.conf", f"{_FOLDER}/{name}.local"
        here, over = (self._source / base).is_file(), (self._source / local).is_file()
        own = here and self.stock.is_stock(base) is False
        if _PART.fullmatch(name) and not own:
            return []  # it comes with those that include it
        if self._is_shipped(base) and not own:
            return self._lay_over(name, local) if over else self._map(name, base, jail)
        return self._take_whole(name, base) if here else []

    def _lay_over(self, name: str, local: str) -> list[NewFile]:
        """Return changes to a filter that jaild has too, with fail2ban's own if they need it."""
        files = list(self._with_includes(local))
        fault = self._fault(name, files)
        if not fault:
            said = "this is laid over jaild's own filter of the same name"
            self._remark(Outcome.MAPPED, local, name, said)
            return files
        base = f"{_FOLDER}/{name}.conf"
        if (self._source / base).is_file():
            return self._take_whole(name, base)
        self._refuse(name, local, fault)
        return []

    def _map(self, name: str, base: str, jail: str) -> list[NewFile]:
        if jail:
            said = f"jaild has its own filter of this name, which jail '{jail}' uses now"
            self._remark(Outcome.MAPPED, base, name, said)
        return []

    def _take_whole(self, name: str, base: str) -> list[NewFile]:
        files = list(self._with_includes(base))
        if self._is_part(files[0]):
            return []
        fault = self._fault(name, files)
        if fault:
            self._refuse(name, base, fault)
            return []
        if self._is_shipped(base):
            said = "it replaces jaild's own filter of the same name; remove it to use that one"
            self._remark(Outcome.NOTED, base, name, said)
        return files

    def _is_part(self, file: NewFile) -> bool:
        """Return whether a file is no filter but what filters include."""
        try:
            return "Definition" not in read.parse(file.content, file.path).headers
        except InvalidConfig:
            return False

    def _fault(self, name: str, files: list[NewFile]) -> InvalidConfig | None:
        """Return why the filter does not work with these files, and leave them if it does."""
        for file in files:
            self.stage.put(file)
        fault = self.stage.filter_fault(name)
        if fault:
            for file in files:
                self.stage.remove(file)
        return fault

    def _with_includes(self, base: str) -> Iterator[NewFile]:
        """Yield a file, its ``.local`` twin and all that they include, unless jaild has it."""
        todo, seen = [base], {base}
        while todo:
            relative = todo.pop(0)
            path = self._source / relative
            if not path.is_file():
                continue
            if relative == base or not self._is_shipped(relative):
                yield NewFile(relative, path.read_bytes(), str(path))
            twin = relative.removesuffix(".conf") + ".local"
            new = [one for one in (twin, *self._included(path)) if one not in seen]
            seen.update(new)
            todo += new

    def _is_shipped(self, relative: str) -> bool:
        return (self._shipped / relative).is_file()

    def _included(self, path: Path) -> Iterator[str]:
        try:
            assignments = read.read(path).assignments
        except InvalidConfig:
            return  # the trial of the filter says so
        for item in assignments:
            if item.section == INCLUDES:
                for name in item.text.split():
                    found = path.parent / name
                    if found.is_relative_to(self._source) and ".." not in found.parts:
                        yield str(found.relative_to(self._source))

    def _refuse(self, name: str, relative: str, fault: InvalidConfig) -> None:
        self._remark(Outcome.REFUSED, fault.path or relative, name, fault.message, fault.line)

    def _remark(self, outcome: Outcome, relative: str, name: str, why: str, line: int = 0) -> None:
        path = str(self._source / relative)
        self.remarks.append(Remark(outcome, path, line, f"filter {name}", why))
