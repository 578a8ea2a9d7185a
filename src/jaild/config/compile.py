# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module compiles a configured filter and tells where a pattern that cannot be used stands."""

import re
from collections.abc import Callable
from typing import TypeVar

from jaild.config.model import FilterConfig
from jaild.core.errors import InvalidConfig, InvalidPattern
from jaild.core.filter import Filter

F = TypeVar("F", bound=Filter)


def compile_filter(config: FilterConfig) -> Filter:
    """Return the filter; raises InvalidConfig with the place of the pattern at fault."""
    return compile_with(config, Filter)


def compile_with(config: FilterConfig, make: Callable[..., F]) -> F:
    """Return the filter as compile_filter does, made by a kind of filter that is called alike."""
    try:
        return make(
            config.name,
            config.failregex,
            config.ignoreregex,
            config.prefregex,
            prefixed=config.prefixed,
            daemon=config.daemon,
        )
    except InvalidPattern as error:
        # "failregex, pattern 2: …" stands where the configuration has "failregex 2".
        named = re.match(r"([a-z]+), pattern (\d+)", str(error))
        option, number = named.groups() if named else ("", "")
        places = config.places
        place = places.get(f"{option} {number}") or places.get(option) or (config.path, 0)
        raise InvalidConfig(f"filter '{config.name}': {error}", *place) from error
