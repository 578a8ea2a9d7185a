# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module finds the records that an earlier process has written, in the host's journal."""

import logging
import os
from collections.abc import Iterator, Mapping

from systemd import journal

from jaild.core.address import Address
from jaild.core.ban import Due, Duty
from jaild.journal.record import MessageId

logger = logging.getLogger(__name__)

_KINDS = {
    MessageId.BANNED.value: Due.BANNED,
    MessageId.UNBANNED.value: Due.ENDED,
    MessageId.TOO_LATE.value: Due.ENDED,
    MessageId.REFUSED.value: Due.ENDED,
}


def recorded(since: int) -> frozenset[Duty]:
    """Return the bans and ends of bans that this process's user has recorded since a time.

    The time in microseconds since the epoch. What cannot be read is not there: a record that is
    written twice is better than none, and whoever reads it knows one ban again.
    """
    try:
        with journal.Reader() as reader:
            for kind in _KINDS:
                reader.add_match(MESSAGE_ID=kind)
            reader.add_match(_UID=str(os.getuid()))
            reader.seek_realtime(since)
            return frozenset(_duties(reader))
    except OSError as error:
        logger.warning("records of an earlier process cannot be read: %s", error)
        return frozenset()


def _duties(reader: journal.Reader) -> Iterator[Duty]:
    while reader._next():  # noqa: SLF001 - as journal.reader does
        one = of_fields(reader._get_all())  # noqa: SLF001
        if one is not None:
            yield one


def of_fields(fields: Mapping[str, bytes | list[bytes]]) -> Duty | None:
    """Return what the fields of an entry record, None if that is nothing of a ban."""
    names = ("MESSAGE_ID", "JAILD_JAIL", "JAILD_ADDRESS", "JAILD_SINCE_USEC")
    values = [fields.get(name) for name in names]
    texts = [value.decode(errors="replace") for value in values if isinstance(value, bytes)]
    if len(texts) < len(names) or texts[0] not in _KINDS or not texts[3].isdecimal():
        return None
    kind, jail, address, time = texts
    return (_KINDS[kind], jail, Address(address), int(time))
