# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module chooses the jails of a configuration that history is played to."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jaild.config.compile import compile_filter
from jaild.config.jails import Jails
from jaild.config.load import load
from jaild.config.model import Config, JailConfig
from jaild.config.tree import Tree
from jaild.config.values import nearest
from jaild.core.address import Network
from jaild.core.errors import NoSuchJail


@dataclass(frozen=True, slots=True)
class Choice:
    """The jails to run, and the names of those that are asked about.

    Others run when one that is asked about looks at their bans. ``ignored`` are the networks that
    no ban may touch.
    """

    jails: tuple[JailConfig, ...]
    names: tuple[str, ...]
    ignored: tuple[Network, ...] = ()

    def unknown(self) -> Iterator[str]:
        """Yield a sentence for each jail with options whose effects history does not tell of."""
        for jail in self.jails:
            options = {
                "host names in ignoreip": jail.ignorenames,
                "ignorecommand": jail.ignorecommand,
                "denyip": jail.denyip,
            }
            used = [name for name, value in options.items() if value]
            if used:
                yield f"jail '{jail.name}' is replayed without {_listed(used)}"


def choose(tree: Tree, names: Sequence[str]) -> Choice:
    """Return the named jails, enabled or not; without names those that are enabled.

    Raises NoSuchJail, and InvalidConfig if one of the jails could not run.
    """
    config = load(tree)
    jails = _named(tree, config, names) if names else config.jails
    asked = tuple(jail.name for jail in jails)
    if not names or any(jail.filter.source == "bans" for jail in jails):
        for broken in config.broken:
            raise broken.error
        jails = (*jails, *(jail for jail in config.jails if jail.name not in asked))
    for jail in jails:
        compile_filter(jail.filter)
    return Choice(tuple(jails), asked, config.ignored)


def _listed(words: Sequence[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def known(tree: Tree, names: Sequence[str]) -> list[str]:
    """Return those of the names that a configuration has a jail for."""
    sections = Jails(tree).layers.sections
    return [name for name in names if name in sections]


def _named(tree: Tree, config: Config, names: Sequence[str]) -> list[JailConfig]:
    enabled = {jail.name: jail for jail in config.jails}
    broken = {one.name: one.error for one in config.broken}
    jails = Jails(tree)
    found = []
    for name in dict.fromkeys(names):
        if name not in jails.layers.sections:
            hint = nearest(name, jails.layers.sections)
            raise NoSuchJail(
                f"there is no jail '{name}' in the configuration" + (f" ({hint})" if hint else "")
            )
        if name in broken:
            raise broken[name]
        found.append(enabled.get(name) or jails.jail(name).build())
    return found
