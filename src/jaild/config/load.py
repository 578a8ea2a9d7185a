# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module loads the whole configuration: a search path in, one frozen Config out."""

from collections.abc import Iterable

from jaild import __version__
from jaild.config import daemon, layers, schema, values
from jaild.config.filter import Filters
from jaild.config.interpolate import NAME, Interpolation, option_of, references
from jaild.config.jail import FIXED, Jail
from jaild.config.layers import DEFAULT, Value
from jaild.config.model import BrokenJail, Config, DaemonConfig, JailConfig, Note
from jaild.config.notes import noted
from jaild.config.schema import Effect, Scope
from jaild.config.section import Section
from jaild.config.tree import Tree
from jaild.core.address import Network
from jaild.core.errors import InvalidConfig
from jaild.core.rule import JAIL_NAME

__all__ = ["Tree", "load"]

MAX_JAILS = 1000

# Variables that recipes and distributions define by the dozen, used or not.
_FREE = (("action_", "syslog_"), ("_log", "_backend"))


def load(tree: Tree) -> Config:
    """Return the configuration; raises InvalidConfig if it is unusable as a whole.

    A mistake in one jail's own section makes that jail broken and harms no other.
    """
    settings, notes = daemon.load(tree)
    return _Jails(tree).load(settings, notes)


class _Jails:
    """The merged jail files on their way to a Config."""

    def __init__(self, tree: Tree) -> None:
        self._layers = layers.stack(tree, tree.layers("jail"))
        self._filters = Filters(tree)
        self._fixed = {
            **FIXED,
            "fail2ban_version": __version__,
            "fail2ban_confpath": str(tree.etc),
        }
        self._interpolation = Interpolation(self._layers, self._fixed)
        self._table = schema.of(Scope.JAIL)
        sections = self._layers.sections
        self._of_jails = {option for name in sections for option in self._layers.options(name)}
        self._used = {
            option_of(name)
            for value in self._layers.everything()
            for name in references(value.text)
        }

    def load(self, settings: DaemonConfig, notes: Iterable[Note]) -> Config:
        self._check_sections()
        self._check_default()
        found: list[JailConfig] = []
        broken: list[BrokenJail] = []
        ignored = list(self._ignored(DEFAULT))
        for name in self._layers.sections:
            try:
                if self._is_enabled(name):
                    jail = Jail(name, self._layers, self._filters, self._fixed).build()
                    ignored += jail.ignoreip
                    found.append(jail)
            except InvalidConfig as error:
                ignored += self._ignored(name)
                broken.append(BrokenJail(name, error))
        of_default = noted(self._layers, DEFAULT, self._interpolation)
        of_jails = [note for jail in found for note in jail.notes]
        return Config(
            settings,
            tuple(found),
            tuple(broken),
            tuple(dict.fromkeys(ignored)),
            tuple(dict.fromkeys((*notes, *of_default, *of_jails))),
        )

    def _section(self, name: str) -> Section:
        return Section(name, self._layers, self._interpolation)

    def _ignored(self, name: str) -> tuple[Network, ...]:
        """Return ignoreip even if the rest of the section is broken."""
        try:
            return self._section(name).read(schema.IGNOREIP)
        except InvalidConfig:
            return ()

    def _is_enabled(self, name: str) -> bool:
        """Return whether a jail is to be started; raises InvalidConfig for names nobody knows."""
        self._check_names(name)
        if self._section(name).read(schema.ENABLED):
            return True
        if not self._layers.own(name, "enabled") and not self._layers.own(name, "filter"):
            self._check_jail(name)
        return False

    def _check_jail(self, name: str) -> None:
        """Refuse a section that is nobody's and looks like a misspelled jail."""
        if self._filters.exists(name):
            return
        hint = values.nearest(name, self._filters.names())
        if hint:
            raise InvalidConfig(f"there is no jail '{name}'", *self._layers.header(name), hint)

    def _check_sections(self) -> None:
        sections = self._layers.sections
        for name in sections:
            if not JAIL_NAME.fullmatch(name):
                message = "a jail's name is made of letters, digits and _.@+-, at most 64"
                raise InvalidConfig(message, *self._layers.header(name))
            if name.upper().rstrip("S") in ("DEFAULT", "INCLUDE"):
                hint = "did you mean " + ("DEFAULT?" if name[0] in "dD" else "INCLUDES?")
                raise InvalidConfig(f"[{name}] is no jail", *self._layers.header(name), hint)
        if len(sections) > MAX_JAILS:
            message = f"there are more than {MAX_JAILS} jails"
            raise InvalidConfig(message, *self._layers.header(sections[-1]))

    def _check_names(self, section: str) -> None:
        for name, value in self._layers.options(section).items():
            if name in self._table or name in self._used or _is_free(name):
                continue
            hint = values.nearest(name, self._table)
            message = f"'{name[:64]}' in [{section}] is not an option of jaild"
            raise InvalidConfig(message, value.path, value.line, hint)

    def _check_default(self) -> None:
        """Refuse mistakes that every jail would inherit."""
        self._check_names(DEFAULT)
        section = self._section(DEFAULT)
        for option in self._table.values():
            if option.effect != Effect.HONOURED or option in schema.OF_FILTER:
                continue
            value = self._layers.own(DEFAULT, option.name)
            if value and not self._needs_jail(value):
                section.read(option)

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


def _is_free(option: str) -> bool:
    starts, ends = _FREE
    return option.startswith(starts) or option.endswith(ends)
