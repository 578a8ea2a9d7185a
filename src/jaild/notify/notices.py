# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module makes notices of jaild's records of bans, and text of notices for the queue.

jaild writes the records, but it reads what attackers write: each field is checked again.
"""

import hashlib
import json
import re

from jaild.core.address import Address, parse
from jaild.core.ban import EVIDENCE_MAX, FOREVER, Evidence
from jaild.core.entry import Entry
from jaild.core.errors import InvalidAddress
from jaild.core.match import Match
from jaild.core.text import printable
from jaild.journal.record import LONGEST_FIELD, LONGEST_TEXT, MOST_ENTRIES, MessageId
from jaild.notify.model import Notice

# Whoever may write to the journal may write such an entry; the unit is journald's own word.
MATCH = Match(
    (
        {
            "MESSAGE_ID": frozenset({MessageId.BANNED.value.encode()}),
            "_SYSTEMD_UNIT": frozenset({b"jaild.service"}),
        },
    )
)
_LONGEST_NAME = 255
_CURSOR = re.compile(r"[!-:<-~]+=[!-:<-~]*(?:;[!-:<-~]+=[!-:<-~]*)*")
_CURSOR_TIME = re.compile(r"(?:^|;)t=([0-9a-f]{1,16})(?:;|$)")


class Malformed(Exception):
    """A record is not one that jaild writes; the text names what is wrong, without its content."""


def of_entry(entry: Entry, cursor: str) -> Notice:
    """Return the notice that a record of a ban tells; raises Malformed."""
    try:
        address = parse(entry.get("JAILD_ADDRESS"))
    except InvalidAddress:
        raise Malformed("the address") from None
    return Notice(
        jail=_name(entry, "JAILD_JAIL", "the jail"),
        address=address,
        since=_number(entry, "JAILD_SINCE_USEC", FOREVER - 1),
        until=_number(entry, "JAILD_UNTIL_USEC", FOREVER),
        failures=_number(entry, "JAILD_FAILURES", 2**32 - 1),
        reason=printable(entry.get("JAILD_REASON")[:LONGEST_TEXT]),
        evidence=_evidence(_list(entry, "JAILD_EVIDENCE"), _list(entry, "JAILD_CURSORS")),
        host=_name(entry, "_HOSTNAME", "the host's name"),
        cursor=cursor,
    )


def key_of(notice: Notice) -> str:
    """Return what the same ban of the same host always has and no other: 32 hexadecimal digits."""
    parts = (notice.host, notice.jail, notice.address, str(notice.since))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def to_text(notice: Notice) -> str:
    """Return a notice as text that of_text() reads."""
    return json.dumps(
        [
            *(notice.jail, notice.address, str(notice.since), str(notice.until)),
            *(notice.failures, notice.reason, notice.evidence, notice.host, notice.cursor),
        ]
    )


def of_text(text: str) -> Notice:
    """Return the notice of which to_text() made a text; raises ValueError, TypeError."""
    jail, address, since, until, failures, reason, evidence, host, cursor = json.loads(text)
    return Notice(
        jail=jail,
        address=Address(address),
        since=int(since),
        until=int(until),
        failures=failures,
        reason=reason,
        evidence=tuple(Evidence(*one) for one in evidence),
        host=host,
        cursor=cursor,
    )


def _name(entry: Entry, field: str, what: str) -> str:
    text = entry.get(field)
    if not text or len(text) > _LONGEST_NAME or not text.isprintable():
        raise Malformed(what)
    return text


def _number(entry: Entry, field: str, most: int) -> int:
    text = entry.get(field)
    # As long as 2**64 is in digits: longer ones would take their time to be read.
    if not re.fullmatch(r"[0-9]{1,20}", text) or int(text) > most:
        raise Malformed(f"the number {field}")
    return int(text)


def _list(entry: Entry, field: str) -> list[str]:
    text = entry.get(field)
    if len(text.encode()) > 2 * LONGEST_FIELD:
        raise Malformed(f"the list {field}")
    return [line for line in text.split("\n") if line][-MOST_ENTRIES:]


def _evidence(texts: list[str], cursors: list[str]) -> tuple[Evidence, ...]:
    """Return the entries that two lists tell of, oldest first.

    Each list has lost its beginning where it was too long; a cursor has its entry's time in it.
    """
    by_time: dict[int, list[str]] = {}
    for cursor in cursors:
        found = _CURSOR_TIME.search(cursor)
        if found is None or not _CURSOR.fullmatch(cursor):
            raise Malformed("a cursor")
        by_time.setdefault(int(found[1], 16), []).append(cursor)
    evidence = []
    for text in texts:
        moment, _, message = text.partition(" ")
        if not re.fullmatch(r"[0-9]{1,20}", moment):
            raise Malformed("an entry's time")
        time = int(moment)
        left = by_time.get(time)
        shown = printable(message[:EVIDENCE_MAX])
        evidence.append(Evidence(time, left.pop(0) if left else "", shown))
    for time, left in by_time.items():
        evidence.extend(Evidence(time, cursor) for cursor in left)
    return tuple(sorted(evidence, key=lambda one: one.time))
