# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module turns bans and connections into rows of the state file, and back."""

import json
from collections.abc import Sequence
from typing import Any

from jaild.core.address import Address, parse, parse_host
from jaild.core.ban import FOREVER, Ban, Evidence, Sealed
from jaild.core.connection import Connection


def ban_row(ban: Ban) -> tuple[object, ...]:
    """Return a ban as a row of its table."""
    # SQLite's integers are signed: a ban without an end has no end there either.
    until = None if ban.until == FOREVER else ban.until
    evidence = ban.evidence.data if isinstance(ban.evidence, Sealed) else "[]"
    return (ban.jail, ban.address, ban.since, until, ban.failures, ban.reason, evidence)


def past_row(ban: Ban, ended: str) -> tuple[object, ...]:
    """Return a ban that has ended as a row of the history."""
    *row, evidence = ban_row(ban)
    return (*row, ended, evidence)


def ban_of(*row: Any) -> Ban:  # noqa: ANN401 - as SQLite gives it
    """Return the ban of a row; raises ValueError where there is none."""
    jail, address, since, until, failures, reason, evidence = row
    end = FOREVER if until is None else int(until)
    return Ban(jail, Address(address), since, end, failures, reason, _evidence_of(evidence))


def _evidence_of(value: bytes | str) -> Sequence[Evidence]:
    """Return evidence as this version saves it, or as the one before did: as JSON."""
    if isinstance(value, bytes):
        return Sealed(value)
    return tuple(Evidence(*one) for one in json.loads(value)) if value != "[]" else ()


def connection_of(*row: Any) -> Connection:  # noqa: ANN401 - as SQLite gives it
    """Return the connection of a row without jail and process."""
    address, port, step, counted, pending, time, users = row
    return Connection(address, port, step, counted, bool(pending), time, tuple(json.loads(users)))


def addresses_of(text: str) -> tuple[Address, ...]:
    """Return the addresses of a name; raises ValueError, InvalidAddress where there are none."""
    return tuple(parse_host(one) for one in json.loads(text))


def checked(ban: Ban) -> Ban:
    """Return a ban; raises InvalidAddress or ValueError if it is of no address."""
    if parse(ban.address) != ban.address:
        raise ValueError(f"'{ban.address}' is not in canonical form")
    return ban
