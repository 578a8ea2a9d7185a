# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module defines a journal entry as the filters see it."""

from collections.abc import Mapping
from typing import NamedTuple

# Messages are cut here, so that matching takes bounded time whatever a client logs.
MESSAGE_MAX = 4096


class Entry(NamedTuple):
    """One journal entry; a tuple, because hundreds of thousands a second are made.

    ``time`` is ``__REALTIME_TIMESTAMP`` in microseconds since the epoch; ``message`` is MESSAGE,
    decoded with replacement and cut to MESSAGE_MAX characters; ``fields`` are the raw fields as
    journald keeps them (names that start with an underscore are journald's own word, all others the
    sender's).
    """

    time: int
    message: str
    fields: Mapping[str, bytes]

    def get(self, name: str) -> str:
        """Return one field as text, "" when the entry lacks it."""
        return self.fields.get(name, b"").decode(errors="replace")


def decode(message: bytes) -> str:
    """Return a MESSAGE as text of bounded length, whatever bytes a client logged."""
    if len(message) > MESSAGE_MAX:
        return message[: 4 * MESSAGE_MAX].decode("utf-8", "replace")[:MESSAGE_MAX]
    return message.decode("utf-8", "replace")
