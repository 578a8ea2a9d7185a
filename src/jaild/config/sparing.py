# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module has the rows of the options that say who is never banned and who always is.

It reads them for one jail, together with the lists in other files.
"""

from jaild.config import listed, program, values
from jaild.config.list_file import Lists
from jaild.config.listed import Listed, Parse
from jaild.config.option import Option
from jaild.config.section import Section
from jaild.core.address import Network
from jaild.core.errors import InvalidConfig

IGNORESELF = Option(
    "ignoreself", values.boolean, "true", "Whether this host's own addresses are never banned."
)
IGNOREIP = Option(
    "ignoreip",
    listed.parser(listed.spared),
    "",
    "Who is never banned: addresses, networks, host names and file:PATH, separated by blanks.",
)
IGNORECOMMAND = Option(
    "ignorecommand",
    program.command,
    "",
    "A program with its arguments that decides whether an address is spared; no shell runs it.",
)
IGNORECACHE = Option(
    "ignorecache",
    program.cache,
    "",
    'How its answers are remembered, as in key="<ip>", max-count=1000, max-time=5m.',
)
DENYIP = Option(
    "denyip",
    listed.parser(listed.denied),
    "",
    "Who is always banned by the jail: addresses, networks and file:PATH, separated by blanks.",
)

# In all enabled jails together: bans of attackers have to find room beside them.
MOST_DENIED = 50_000

OPTIONS: tuple[Option[object], ...] = (IGNORESELF, IGNOREIP, IGNORECOMMAND, IGNORECACHE, DENYIP)

_LISTS: tuple[tuple[Option[Listed], Parse], ...] = (
    (IGNOREIP, listed.spared),
    (DENYIP, listed.denied),
)


def ignored(section: Section, lists: Lists) -> Listed:
    """Return the networks and names that a jail spares; raises InvalidConfig."""
    return _read(section, lists, IGNOREIP, listed.spared)


def denied(section: Section, lists: Lists) -> tuple[Network, ...]:
    """Return what a jail always bans; raises InvalidConfig."""
    return _read(section, lists, DENYIP, listed.denied).networks


def too_many(section: Section, count: int) -> InvalidConfig:
    """Return the mistake of the jail with which denyip has ``count`` entries in all of them."""
    sentence = f"with it all enabled jails list {count} entries, and jaild takes {MOST_DENIED}"
    return section.mistake(DENYIP, section.text(DENYIP), InvalidConfig(sentence))


def check(section: Section, lists: Lists, option: Option[object]) -> None:
    """Read the lists of an option, if it has any; raises InvalidConfig."""
    for known, parse in _LISTS:
        if known == option:
            _read(section, lists, known, parse)


def salvaged(section: Section, lists: Lists) -> tuple[Network, ...]:
    """Return what can be read of the ignoreip of a section that has mistakes."""
    # The lists of denyip are asked for as well, so that it is known which files may be mended.
    _readable(section, lists, DENYIP, listed.denied)
    return _readable(section, lists, IGNOREIP, listed.spared)


def _readable(
    section: Section, lists: Lists, option: Option[Listed], parse: Parse
) -> tuple[Network, ...]:
    try:
        return lists.readable(section.read(option), parse)
    except InvalidConfig:
        return ()


def _read(section: Section, lists: Lists, option: Option[Listed], parse: Parse) -> Listed:
    written = section.read(option)
    try:
        return lists.whole(written, parse)
    except InvalidConfig as error:
        if error.path:
            raise
        raise section.mistake(option, section.text(option), error) from error
