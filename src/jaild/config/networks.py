# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module has the rows of the options that say what is banned as one, and reads them."""

from jaild.config import values
from jaild.config.option import Option
from jaild.config.section import Section
from jaild.core.errors import InvalidConfig
from jaild.core.prefix import Aggregate, Prefixes

PREFIX4 = Option(
    "ban.prefix4",
    values.integer(8, 32),
    "32",
    "The prefix length of what is counted and banned as one address of IPv4.",
    "bits",
)
PREFIX6 = Option(
    "ban.prefix6",
    values.integer(32, 128),
    "64",
    "The prefix length of what is counted and banned as one address of IPv6.",
    "bits",
)


def _least(value: str) -> int:
    if value == "0":
        return 0
    try:
        return values.integer(2, 1000)(value)
    except InvalidConfig as error:
        raise InvalidConfig(f"{error.message}, or 0 for never") from error


AGGREGATE = Option(
    "ban.aggregate",
    _least,
    "0",
    "How many banned addresses of one network lead to a ban of the network; 0 means never.",
    "addresses",
)
AGGREGATE4 = Option(
    "ban.aggregate4",
    values.integer(16, 31),
    "24",
    "The prefix length of such a network of IPv4.",
    "bits",
)
AGGREGATE6 = Option(
    "ban.aggregate6",
    values.integer(32, 63),
    "48",
    "The prefix length of such a network of IPv6.",
    "bits",
)

# What is looked at together.
OF_AGGREGATE: tuple[Option[object], ...] = (AGGREGATE, AGGREGATE4, AGGREGATE6)
OPTIONS: tuple[Option[object], ...] = (PREFIX4, PREFIX6, *OF_AGGREGATE)


def prefixes(section: Section) -> Prefixes:
    """Return what a jail counts and bans as one; raises InvalidConfig."""
    return Prefixes(section.read(PREFIX4), section.read(PREFIX6))


def aggregate(section: Section) -> Aggregate | None:
    """Return when a jail bans whole networks, None for never; raises InvalidConfig."""
    least, v4, v6 = (section.read(option) for option in (AGGREGATE, AGGREGATE4, AGGREGATE6))
    if not least:
        return None
    for option, length, prefix in ((AGGREGATE4, v4, PREFIX4), (AGGREGATE6, v6, PREFIX6)):
        most = section.read(prefix)
        if length >= most:
            sentence = f"it has to be less than {prefix.name}, which is {most}"
            blamed = option if section.is_set(option) else prefix
            if blamed is prefix:
                sentence = f"it has to be more than {option.name}, which is {length}"
            raise section.mistake(blamed, section.text(blamed), InvalidConfig(sentence))
    return Aggregate(least, v4, v6)
