# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module times whole processes, several in turn, so that a machine's moods hit all alike."""

import os
import resource
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Run:
    """What one process took, in seconds of a processor; ``output`` is what it said."""

    seconds: float
    output: str


def run(argv: Sequence[str], environment: Mapping[str, str] | None = None) -> Run:
    """Run a program to its end; it must succeed."""
    begun = _spent()
    ended = subprocess.run(
        argv,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Run(_spent() - begun, ended.stdout)


def _spent() -> float:
    """Return what all children so far took of the processors: others' work does not count."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def in_turn(rounds: int, *programs: Callable[[], Run]) -> list[tuple[Run, ...]]:
    """Run programs A B C A B C …; returns the runs of each. The first round does not count."""
    for program in programs:
        program()
    rows = [tuple(program() for program in programs) for _ in range(rounds)]
    return [tuple(column) for column in zip(*rows, strict=True)]


def resident(pid: int) -> float:
    """Return the memory that a process has now, in megabytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / MEGABYTE
