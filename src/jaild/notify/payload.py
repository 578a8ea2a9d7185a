# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module writes notices as JSON, in the format that jaild-webhook(5) describes."""

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from jaild.core.address import Address
from jaild.core.ban import FOREVER
from jaild.core.text import printable
from jaild.notify.model import Facts, Notice

VERSION = 1
# One request carries no more; the second is below what web servers usually take.
MOST_BANS = 500
MOST_BYTES = 900_000

# What is known of addresses.
Known = Mapping[Address, Facts]

_LONGEST = 1000
_ID_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Payload:
    """The body of one request; ``count`` is how many notices it carries."""

    body: bytes
    count: int


def payloads(
    notices: Sequence[Notice], ids: Sequence[str], sent: float, facts: Known, *,
    test: bool = False,
) -> Iterator[Payload]:  # fmt: skip
    """Yield the bodies that carry notices, in order; ids as identity() makes them, one for each.

    ``facts`` may lack any; ``sent`` in seconds since the epoch. Equal ids in equal order make
    bodies with equal ids.
    """
    told = [
        (notice, mark, _json(_ban(notice, mark, facts.get(notice.address, Facts()))))
        for notice, mark in zip(notices, ids, strict=True)
    ]
    while told:
        count = _fitting(told)
        host = told[0][0].host
        marks = "\n".join(mark for _, mark, _ in told[:count])
        head: dict[str, Any] = {
            "version": VERSION,
            "type": "test" if test else "bans",
            "id": _digest(marks),
            "host": printable(host[:_LONGEST]),
            "sent": _clock(int(sent * 1_000_000)),
            "bans": [],
        }
        bans = b",".join(ban for _, _, ban in told[:count])
        yield Payload(_json(head).removesuffix(b"]}") + bans + b"]}", count)
        told = told[count:]


def identity(notice: Notice) -> str:
    """Return what stays the same of a notice however often it is sent, and is of it alone."""
    return _digest(f"{notice.cursor}\n{notice.jail}\n{notice.address}\n{notice.since}")


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return the value of X-Jaild-Signature for a body sent at a timestamp."""
    signed = timestamp.encode() + b"." + body
    return "sha256=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def _fitting(told: Sequence[tuple[Notice, str, bytes]]) -> int:
    """Return how many of the notices fit into the next request, at least one."""
    size = 0
    for count, (notice, _, ban) in enumerate(told[:MOST_BANS]):
        size += len(ban) + 1
        if count and (size > MOST_BYTES or notice.host != told[0][0].host):
            return count
    return min(len(told), MOST_BANS)


def _ban(notice: Notice, mark: str, facts: Facts) -> dict[str, Any]:
    return {
        "id": mark,
        "jail": printable(notice.jail),
        "address": notice.address,
        "name": _known(facts.name),
        "network": _known(facts.network),
        "country": _known(facts.country),
        "since": _clock(notice.since),
        "until": None if notice.until == FOREVER else _clock(notice.until),
        "failures": notice.failures,
        "reason": printable(notice.reason[:_LONGEST]),
        "evidence": [
            {"time": _clock(one.time), "message": printable(one.message[:_LONGEST])}
            for one in notice.evidence
        ],
    }


def _known(text: str) -> str | None:
    return printable(text[:_LONGEST]) or None


def _json(value: Any) -> bytes:  # noqa: ANN401 - whatever JSON knows
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _clock(time: int) -> str:
    """Return microseconds since the epoch as RFC 3339 writes them."""
    try:
        moment = datetime.fromtimestamp(time // 1_000_000, UTC)
    except (ValueError, OverflowError, OSError):
        moment = datetime.max.replace(tzinfo=UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time % 1_000_000:06}Z"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:_ID_DIGITS]
