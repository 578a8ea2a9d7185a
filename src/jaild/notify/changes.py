# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module makes changes of jaild's records of jails that begin to watch or cease to."""

import json
from collections.abc import Iterator

from jaild.core.entry import Entry
from jaild.core.text import printable
from jaild.journal.record import LONGEST_TEXT, MessageId
from jaild.notify.fields import checked_name, lines, name
from jaild.notify.model import Change

# Of one jail: whether it begins, and why if the record does not say.
_OF_ONE = {
    MessageId.JAIL_STARTED: (True, "started by hand"),
    MessageId.JAIL_STOPPED: (False, ""),
    MessageId.JAIL_FAILED: (False, ""),
}
# Of several: why they begin, and why they cease.
_OF_ALL = {
    MessageId.SERVICE_STARTED: ("jaild was started", ""),
    MessageId.SERVICE_STOPPED: ("", "jaild was stopped"),
    MessageId.RELOADED: ("the configuration has it now", "the configuration no longer has it"),
}
KINDS = frozenset({*_OF_ONE, *_OF_ALL})

_IN_TEXT = "change"


def of_entry(entry: Entry, cursor: str) -> Iterator[Change]:
    """Yield the changes that a record of one of these kinds tells; raises Malformed."""
    kind = MessageId(entry.get("MESSAGE_ID"))
    host = name(entry, "_HOSTNAME", "the host's name")
    for jail, begins, reason in _told(kind, entry):
        yield Change(checked_name(jail, "the jail"), begins, reason, entry.time, host, cursor)


def to_text(change: Change) -> str:
    """Return a change as text that of_parts() reads."""
    rest = (change.jail, change.begins, change.reason, str(change.since), change.host)
    return json.dumps([_IN_TEXT, *rest, change.cursor])


def is_change(parts: list[object]) -> bool:
    """Return whether a text that was read is of a change."""
    # A notice begins with the name of its jail, and has more parts.
    return len(parts) == len(Change.__slots__) + 1 and parts[0] == _IN_TEXT


def of_parts(parts: list[str]) -> Change:
    """Return the change of which to_text() made a text, that was read; raises ValueError."""
    _, jail, begins, reason, since, host, cursor = parts
    return Change(jail, bool(begins), reason, int(since), host, cursor)


def _told(kind: MessageId, entry: Entry) -> Iterator[tuple[str, bool, str]]:
    if kind in _OF_ONE:
        begins, usual = _OF_ONE[kind]
        reason = printable(entry.get("JAILD_REASON")[:LONGEST_TEXT])
        yield entry.get("JAILD_JAIL"), begins, reason or usual
        return
    begun, ceased = _OF_ALL[kind]
    yield from ((jail, True, begun) for jail in lines(entry, "JAILD_BEGUN"))
    yield from ((jail, False, ceased) for jail in lines(entry, "JAILD_CEASED"))
