# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module makes state files as an attack by many leaves them."""

import time
from pathlib import Path

from jaild.core.address import Address
from jaild.core.ban import Ban, Evidence
from jaild.core.tally import Failure
from jaild.state.batch import Batch
from jaild.state.store import Store
from tests.verbs import SECOND

MAXRETRY = 5
WEEK = 7 * 86_400 * SECOND
_CURSOR = "s={0:032x};i={1:x};b={0:032x};m={2:x};t={3:x};x={4:016x}"
_SESSION = 0x0639A5F0B1B94B1A8E1B5E7C9A1D2E3F


def address(number: int) -> Address:
    """Return one of the addresses that are suspected or banned."""
    high, middle, low = number >> 16, number >> 8 & 255, number & 255
    return Address(f"{100 + high}.{middle}.{low}.7")


def suspects(path: Path, count: int) -> None:
    """Save so many suspects, with one to four failures each within the last minutes."""
    batch, now = Batch(), time.time_ns() // 1000
    for number in range(count):
        for nth in range(1 + number % (MAXRETRY - 1)):
            failure = Failure(*_entry(number, nth, now)[:2], "", _message(number, nth))
            batch.fail("sshd", address(number), failure, WEEK)
    _save(path, batch)


def bans(path: Path, count: int) -> None:
    """Save so many bans in force, each with the entries that led to it."""
    batch, now = Batch(), time.time_ns() // 1000
    for number in range(count):
        entries = [Evidence(*_entry(number, nth, now)) for nth in range(MAXRETRY)]
        since = entries[-1].time
        ban = Ban(
            "sshd", address(number), since, since + WEEK, MAXRETRY, "5 failures", tuple(entries)
        )
        batch.ban(ban)
    _save(path, batch)


def size(path: Path) -> int:
    """Return how much a state file takes on the disk, with what lies beside it."""
    return sum(one.stat().st_size for one in path.parent.glob(f"{path.name}*"))


def _save(path: Path, batch: Batch) -> None:
    store = Store(path)
    batch.counters["sshd"] = (len(batch.failures), len(batch.banned))
    store.commit(batch, durable=True)
    store.close()


def _entry(number: int, nth: int, now: int) -> tuple[int, str, str]:
    row = number * MAXRETRY + nth
    when = now - 600 * SECOND + row * 100
    mixed = row * 0x9E3779B97F4A7C15 % 2**64
    cursor = _CURSOR.format(_SESSION, 1_000_000 + row, 5_000_000_000 + row * 100, when, mixed)
    return when, cursor, _message(number, nth)


def _message(number: int, nth: int) -> str:
    port = 1024 + (number * MAXRETRY + nth) % 60_000
    return f"Failed password for invalid user admin{nth} from {address(number)} port {port} ssh2"
