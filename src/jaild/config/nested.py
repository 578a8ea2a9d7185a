# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module finds choices that a filter does not have, such as ``mode = agressive``.

Filters name an option by another one's value, as in ``<_mode-<mode>>``; if there is no option of
the name that results, the tag would stay in the pattern as it is and match nothing.
"""

import re
from collections.abc import Iterable, Iterator

from jaild.config import values
from jaild.config.definition import Use
from jaild.core.errors import InvalidConfig

_NESTED = re.compile(r"<(?P<before>[\w.-]*)<(?P<chooser>[\w.-]+)>(?P<after>[\w.-]*)>")


def mistakes(made: Use, texts: Iterable[str]) -> Iterator[InvalidConfig]:
    """Yield the choices that left a tag in one of the texts.

    One without a path is the jail's choice; the others are the filter's own.
    """
    shown = "\n".join(texts)
    stack = made.definition.layers
    nested = {
        match.groups() for value in stack.everything() for match in _NESTED.finditer(value.text)
    }
    for before, chooser, after in sorted(nested):
        choice = made.lookup(chooser)
        name = f"{before}{choice}{after}"
        if choice is None or f"<{name}>" not in shown or made.lookup(name) is not None:
            continue
        options = {option for section in stack.sections for option in stack.options(section)}
        choices = [
            option.removeprefix(before).removesuffix(after)
            for option in options
            if option.startswith(before) and option.endswith(after)
        ]
        hint = values.nearest(choice, sorted(choices))
        message = f"filter '{made.definition.name}' has no {chooser} '{choice[:60]}'"
        place = ("", 0) if made.is_given(chooser) else made.definition.place(chooser)
        yield InvalidConfig(message, *place, hint, choice)
