# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module reads the fields of jaild's records.

jaild writes them, but it reads what attackers write: each field is checked again.
"""

import re

from jaild.core.entry import Entry
from jaild.journal.record import LONGEST_FIELD

_LONGEST_NAME = 255


class Malformed(Exception):
    """A record is not one that jaild writes; the text names what is wrong, without its content."""


def name(entry: Entry, field: str, what: str) -> str:
    """Return a field that is a name; raises Malformed."""
    return checked_name(entry.get(field), what)


def checked_name(text: str, what: str) -> str:
    """Return a name; raises Malformed if it is none."""
    if not text or len(text) > _LONGEST_NAME or not text.isprintable():
        raise Malformed(what)
    return text


def number(entry: Entry, field: str, most: int) -> int:
    """Return a field that is a number; raises Malformed."""
    text = entry.get(field)
    # As long as 2**64 is in digits: longer ones would take their time to be read.
    if not re.fullmatch(r"[0-9]{1,20}", text) or int(text) > most:
        raise Malformed(f"the number {field}")
    return int(text)


def lines(entry: Entry, field: str) -> list[str]:
    """Return a field that has one thing a line; raises Malformed."""
    text = entry.get(field)
    if len(text.encode()) > 2 * LONGEST_FIELD:
        raise Malformed(f"the list {field}")
    return [line for line in text.split("\n") if line]
