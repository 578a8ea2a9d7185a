# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module defines a journal entry as the filters see it."""

from collections.abc import Mapping
from typing import NamedTuple

# Messages are cut here, so that matching takes bounded time whatever a client logs.
MESSAGE_MAX = 4096
CUT = " […]"


class Entry(NamedTuple):
    """One journal entry; a tuple, because hundreds of thousands a second are made.

    ``time`` is ``__REALTIME_TIMESTAMP`` in microseconds since the epoch; ``message`` is MESSAGE,
    decoded with replacement and cut to MESSAGE_MAX characters, CUT included; ``fields`` are the raw
    fields as journald keeps them (names that start with an underscore are journald's own word, all
    others the sender's).
    """

    time: int
    message: str
    fields: Mapping[str, bytes]

    def get(self, name: str) -> str:
        """Return one field as text, "" when the entry lacks it; the first of a repeated one."""
        value = self.fields.get(name, b"")
        if isinstance(value, list):
            value = value[0]
        return value.decode(errors="replace")

    def prefix(self) -> str:
        """Return ``host ident[pid]: ``, as fail2ban puts it before the message.

        Filters written for syslog's lines expect it. All of it but the host is the sender's word,
        so it chooses patterns, never entries. "" without an identifier.
        """
        identifier = self.get("SYSLOG_IDENTIFIER") or self.get("_COMM")
        if not identifier:
            return ""
        host, pid = self.get("_HOSTNAME"), self.get("SYSLOG_PID") or self.get("_PID")
        start = f"{host} {identifier}" if host else identifier
        start = f"{start}[{pid}]: " if pid else f"{start}: "
        if start.endswith("kernel: "):
            start += _kernel_stamp(self.get("_SOURCE_MONOTONIC_TIMESTAMP"))
        # Whatever a sender writes there, the message begins behind it.
        return start.replace("\n", " ")


def _kernel_stamp(microseconds: str) -> str:
    return f"[{int(microseconds) / 1e6:12.6f}] " if microseconds.isdecimal() else ""


def decode(message: bytes) -> str:
    """Return a MESSAGE as text of bounded length, whatever bytes a client logged.

    What is cut ends in CUT, so that no pattern can take the cut for the end of the message: the
    client could have arranged an address there.
    """
    if len(message) <= MESSAGE_MAX:
        return message.decode("utf-8", "replace")
    text = message[: 4 * MESSAGE_MAX].decode("utf-8", "replace")
    if len(text) <= MESSAGE_MAX and len(message) <= 4 * MESSAGE_MAX:
        return text
    return text[: MESSAGE_MAX - len(CUT)] + CUT
