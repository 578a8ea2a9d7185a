# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module makes text from elsewhere harmless to look at: log text is the attacker's text."""


def printable(text: str) -> str:
    """Return text with everything that a terminal might obey replaced, newlines too."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
