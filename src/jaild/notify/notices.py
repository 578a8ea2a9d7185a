# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module makes news of jaild's records, of bans above all, and text of news for the queue."""

import hashlib
import json
import re

from jaild.core.address import Address, parse
from jaild.core.ban import EVIDENCE_MAX, FOREVER, Evidence
from jaild.core.entry import Entry
from jaild.core.errors import InvalidAddress
from jaild.core.match import Match
from jaild.core.text import printable
from jaild.journal.record import LONGEST_TEXT, MOST_ENTRIES, MessageId
from jaild.notify import changes
from jaild.notify.fields import Malformed, lines, name, number
from jaild.notify.model import Change, News, Notice

# Whoever may write to the journal may write such an entry; the unit is journald's own word.
MATCH = Match(
    (
        {
            "MESSAGE_ID": frozenset(
                kind.value.encode() for kind in (MessageId.BANNED, *changes.KINDS)
            ),
            "_SYSTEMD_UNIT": frozenset({b"jaild.service"}),
        },
    )
)
_LISTS = ("JAILD_EVIDENCE", "JAILD_CURSORS")
_CURSOR = re.compile(r"[!-:<-~]+=[!-:<-~]*(?:;[!-:<-~]+=[!-:<-~]*)*")
_CURSOR_TIME = re.compile(r"(?:^|;)t=([0-9a-f]{1,16})(?:;|$)")


def of_record(entry: Entry, cursor: str) -> list[News]:
    """Return what a record tells; raises Malformed."""
    if entry.get("MESSAGE_ID") == MessageId.BANNED:
        return [of_entry(entry, cursor)]
    return [*changes.of_entry(entry, cursor)]


def of_entry(entry: Entry, cursor: str) -> Notice:
    """Return the notice that a record of a ban tells; raises Malformed."""
    try:
        address = parse(entry.get("JAILD_ADDRESS"))
    except InvalidAddress:
        raise Malformed("the address") from None
    return Notice(
        jail=name(entry, "JAILD_JAIL", "the jail"),
        address=address,
        since=number(entry, "JAILD_SINCE_USEC", FOREVER - 1),
        until=number(entry, "JAILD_UNTIL_USEC", FOREVER),
        failures=number(entry, "JAILD_FAILURES", 2**32 - 1),
        reason=printable(entry.get("JAILD_REASON")[:LONGEST_TEXT]),
        evidence=_evidence(*(lines(entry, field)[-MOST_ENTRIES:] for field in _LISTS)),
        host=name(entry, "_HOSTNAME", "the host's name"),
        cursor=cursor,
    )


def key_of(news: News) -> str:
    """Return what the same ban of the same host always has and no other: 32 hexadecimal digits."""
    about = news.address if isinstance(news, Notice) else f"begins {news.begins}"
    parts = (news.host, news.jail, about, str(news.since))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def to_text(notice: News) -> str:
    """Return news as text that of_text() reads."""
    if isinstance(notice, Change):
        return changes.to_text(notice)
    return json.dumps(
        [
            *(notice.jail, notice.address, str(notice.since), str(notice.until)),
            *(notice.failures, notice.reason, notice.evidence, notice.host, notice.cursor),
        ]
    )


def of_text(text: str) -> News:
    """Return the news of which to_text() made a text; raises ValueError, TypeError."""
    parts = json.loads(text)
    if changes.is_change(parts):
        return changes.of_parts(parts)
    jail, address, since, until, failures, reason, evidence, host, cursor = parts
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
