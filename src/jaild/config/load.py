# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module loads the whole configuration: a search path in, one frozen Config out."""

from jaild.config import daemon
from jaild.config import examine as examination
from jaild.config.jails import Jails
from jaild.config.layers import DEFAULT
from jaild.config.model import BrokenJail, Config, Examination, JailConfig
from jaild.config.tree import Tree
from jaild.core.address import Network
from jaild.core.errors import InvalidConfig

__all__ = ["Tree", "examine", "load"]


def load(tree: Tree) -> Config:
    """Return the configuration; raises InvalidConfig if it is unusable as a whole.

    A mistake in one jail's own section makes that jail broken and harms no other.
    """
    settings, notes = daemon.load(tree)
    jails = Jails(tree)
    for mistake in jails.common_mistakes():
        raise mistake
    found: list[JailConfig] = []
    broken: list[BrokenJail] = []
    ignored = [jails.ignored(DEFAULT)]
    for name in jails.layers.sections:
        try:
            jail = _loaded(jails, name)
            if jail:
                ignored.append(jail.ignoreip)
                found.append(jail)
        except InvalidConfig as error:
            ignored.append(jails.ignored(name))
            broken.append(BrokenJail(name, error))
    of_jails = [note for jail in found for note in jail.notes]
    return Config(
        settings,
        tuple(found),
        tuple(broken),
        _together(ignored),
        tuple(dict.fromkeys((*notes, *jails.notes(), *of_jails))),
        jails.list_files,
    )


def examine(tree: Tree) -> Examination:
    """Return everything there is to say about the configuration: all mistakes, all notes.

    Enabled jails are looked at wholly, others as far as the administrator's own files speak of
    them.
    """
    return examination.examine(tree, load)


def _together(lists: list[tuple[Network, ...]]) -> tuple[Network, ...]:
    # What all jails inherit is one object, and may be long.
    different = {id(one): one for one in lists}.values()
    return tuple(dict.fromkeys(network for one in different for network in one))


def _loaded(jails: Jails, name: str) -> JailConfig | None:
    """Return a jail if it is to be started; raises InvalidConfig."""
    for mistake in jails.name_mistakes(name):
        raise mistake
    if jails.is_enabled(name):
        jail = jails.jail(name).build()
        jails.count_denied(jail)
        return jail
    for mistake in jails.misspelled(name):
        raise mistake
    return None
