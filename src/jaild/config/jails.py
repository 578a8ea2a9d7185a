# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module knows the merged jail files: which jails there are, and what they have in common."""

from collections.abc import Iterator
from pathlib import Path

from jaild import __version__
from jaild.config import layers, notify, schema, sparing, values
from jaild.config.action import Actions
from jaild.config.filter import Filters
from jaild.config.interpolate import NAME, Interpolation, option_of, references
from jaild.config.jail import FIXED, Jail
from jaild.config.layers import DEFAULT, Value
from jaild.config.list_file import Lists
from jaild.config.mistakes import single
from jaild.config.model import JailConfig, Note
from jaild.config.notes import noted
from jaild.config.read import Report, refuse
from jaild.config.schema import Effect, Option, Scope
from jaild.config.section import Section
from jaild.config.tree import Tree
from jaild.core.address import Network
from jaild.core.errors import InvalidConfig
from jaild.core.rule import JAIL_NAME

MAX_JAILS = 1000

# Variables that recipes and distributions define by the dozen, used or not.
_FREE = (("action_", "syslog_"), ("_log", "_backend"))
_TABLE = schema.of(Scope.JAIL)


class Jails:
    """The merged jail files; ``report`` is called for each line of a file that is a mistake."""

    def __init__(self, tree: Tree, report: Report = refuse) -> None:
        self.layers = layers.stack(tree, tree.layers("jail"), report)
        self._filters = Filters(tree, report)
        self._actions = Actions(tree)
        self._lists = Lists(tree.etc)
        self._fixed = {
            **FIXED,
            "fail2ban_version": __version__,
            "fail2ban_confpath": str(tree.etc),
        }
        self._interpolation = Interpolation(self.layers, self._fixed)
        self._denied = 0
        self._of_jails = {
            option for name in self.layers.sections for option in self.layers.options(name)
        }
        self._used = {
            option_of(name) for value in self.layers.everything() for name in references(value.text)
        }

    def jail(self, name: str) -> Jail:
        """Return one jail, ready to be built."""
        return Jail(name, self.layers, self._filters, self._fixed, self._actions, self._lists)

    def ignored(self, name: str) -> tuple[Network, ...]:
        """Return ignoreip of a section as far as it can be read, even if the rest is broken."""
        return sparing.salvaged(self._section(name), self._lists)

    def count_denied(self, jail: JailConfig) -> None:
        """Note a jail to be started; raises InvalidConfig if its denyip is too much."""
        count = self._denied + len(jail.denyip)
        if jail.denyip and count > sparing.MOST_DENIED:
            raise sparing.too_many(self._section(jail.name), count)
        self._denied = count

    @property
    def list_files(self) -> tuple[Path, ...]:
        """The list files that have been asked for until now."""
        return self._lists.paths

    def is_enabled(self, name: str) -> bool:
        """Return whether a jail is to be started; raises InvalidConfig."""
        return self._section(name).read(schema.ENABLED)

    def notes(self) -> tuple[Note, ...]:
        """Return the notes on [DEFAULT]."""
        denied = self.layers.own(DEFAULT, sparing.DENYIP.name)
        notes = noted(self.layers, DEFAULT, self._interpolation)
        if not denied or not denied.text.strip():
            return notes
        sentence = "denyip is meant for one jail, such as [deny]: here all jails make these bans"
        return (*notes, Note(denied.path, denied.line, sentence))

    def common_mistakes(self) -> Iterator[InvalidConfig]:
        """Yield the mistakes that make the whole unusable: sections, and what all jails inherit."""
        yield from self._section_mistakes()
        yield from self.name_mistakes(DEFAULT)
        jail = self.jail(DEFAULT)
        for option in _TABLE.values():
            value = self.layers.own(DEFAULT, option.name)
            if not value or option.effect == Effect.LENT or option in schema.OF_FILTER:
                continue
            if not self._needs_jail(value):
                yield from _tried(jail, option)

    def name_mistakes(self, section: str) -> Iterator[InvalidConfig]:
        """Yield the options of a section that nobody knows."""
        for name, value in self.layers.options(section).items():
            if name in _TABLE or name in self._used or _is_free(name):
                continue
            hint = values.nearest(name, _TABLE)
            message = f"'{name[:64]}' in [{section}] is not an option of jaild"
            secret = notify.password_message(name)
            message, hint = (secret, "") if secret else (message, hint)
            yield InvalidConfig(message, value.path, value.line, hint, name)

    def misspelled(self, name: str) -> Iterator[InvalidConfig]:
        """Yield the mistake of a section that is nobody's and looks like a misspelled jail."""
        own = self.layers.own
        if own(name, "enabled") or own(name, "filter") or self._filters.exists(name):
            return
        hint = values.nearest(name, self._filters.names())
        if hint:
            message = f"there is no jail '{name}'"
            yield InvalidConfig(message, *self.layers.header(name), hint, name)

    def _section(self, name: str) -> Section:
        return Section(name, self.layers, self._interpolation)

    def _section_mistakes(self) -> Iterator[InvalidConfig]:
        sections = self.layers.sections
        for name in sections:
            place = self.layers.header(name)
            if not JAIL_NAME.fullmatch(name):
                message = "a jail's name is made of letters, digits and _.@+-, at most 64"
                yield InvalidConfig(message, *place, text=name)
            if name.upper().rstrip("S") in ("DEFAULT", "INCLUDE"):
                hint = "did you mean " + ("DEFAULT?" if name[0] in "dD" else "INCLUDES?")
                yield InvalidConfig(f"[{name}] is no jail", *place, hint, name)
        if len(sections) > MAX_JAILS:
            message = f"there are more than {MAX_JAILS} jails"
            yield InvalidConfig(message, *self.layers.header(sections[-1]))

    def _needs_jail(self, value: Value) -> bool:
        """Return whether a value of [DEFAULT] refers to something that only jails have."""
        todo, seen = [value], {value}
        while todo:
            value = todo.pop()
            for reference in references(value.text):
                found = self._interpolation.find(reference, DEFAULT, value.layer)
                if reference == NAME or (not found and option_of(reference) in self._of_jails):
                    return True
                if found and found[1] not in seen:
                    seen.add(found[1])
                    todo.append(found[1])
        return False


def _tried(jail: Jail, option: Option[object]) -> Iterator[InvalidConfig]:
    try:
        if option == schema.ACTION:
            jail.plan()
        else:
            jail.check(option)
    except InvalidConfig as error:
        yield from single(error)


def _is_free(option: str) -> bool:
    starts, ends = _FREE
    return option.startswith(starts) or option.endswith(ends)
