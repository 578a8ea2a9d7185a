# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module says what the service tells the world about itself."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from jaild.core.ban import Ban


class State(StrEnum):
    """How a jail stands."""

    RUNNING = "running"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class JailStatus:
    """One jail, as shown; ``findtime`` and ``bantime`` in microseconds, FOREVER for no end.

    ``reason`` says why a jail is not running; ``addresses`` are banned now, oldest first.
    """

    name: str
    state: State
    reason: str
    filter: str
    match: str
    maxretry: int
    findtime: int
    bantime: int
    failed_now: int
    failed_total: int
    banned_now: int
    banned_total: int
    addresses: tuple[str, ...]
    ignored: tuple[str, ...]
    actions: tuple[str, ...]


class Listener(Protocol):
    """Whoever wants to hear of decisions, as they are made."""

    def ban_added(self, ban: Ban) -> None:
        """Hear of a new ban."""

    def ban_removed(self, ban: Ban, reason: str) -> None:
        """Hear that a ban has ended."""

    def reloaded(self) -> None:
        """Hear that a new configuration is in use."""

    def jails_changed(self) -> None:
        """Hear that jails came, went, or changed their state."""
