# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module holds several mistakes together: whoever needs only one has the first."""

from jaild.core.errors import InvalidConfig


class Mistakes(InvalidConfig):
    """Several mistakes at once, at least one; as a mistake it is as the first of ``found``."""

    def __init__(self, found: list[InvalidConfig]) -> None:
        first = found[0]
        super().__init__(first.message, first.path, first.line, first.hint, first.text)
        self.found = found


def single(error: InvalidConfig) -> list[InvalidConfig]:
    """Return the mistakes that an error stands for."""
    return error.found if isinstance(error, Mistakes) else [error]
