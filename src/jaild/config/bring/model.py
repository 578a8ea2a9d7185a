# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module defines what comes out of taking over fail2ban's configuration."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from jaild.core.errors import InvalidConfig


class Outcome(StrEnum):
    """What became of something: jaild's own in its place, not needed here, or impossible here."""

    MAPPED = "mapped"
    NOTED = "noted"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Remark:
    """What became of one thing that stood in a file of fail2ban's, and why."""

    outcome: Outcome
    path: str
    line: int
    what: str
    why: str


@dataclass(frozen=True, slots=True)
class NewFile:
    """One file to write; ``path`` is relative to jaild's configuration directory.

    ``copied`` is the file that it is an unchanged copy of, "" if there is none.
    """

    path: str
    content: bytes
    copied: str = ""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What would be written, and what is to be said about it.

    ``jails`` would run, ``lost`` are the jails that run in fail2ban and would not in jaild. With
    ``unreadable`` files nothing is proposed.
    """

    into: Path
    files: tuple[NewFile, ...] = ()
    remarks: tuple[Remark, ...] = ()
    jails: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    unreadable: tuple[InvalidConfig, ...] = ()
