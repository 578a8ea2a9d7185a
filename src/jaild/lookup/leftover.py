# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module kills what a command has left behind, also what has left its process group.

Whatever a command starts inherits its environment, and a mark in that. What takes the mark off is
not found; it ends with this process, as systemd ends all of a unit.
"""

import os
import secrets
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

MARK = "JAILD_RUN"

# What starts others faster than they are found is not waited for.
_ROUNDS = 5


def mark() -> dict[str, str]:
    """Return a variable to put into a command's environment, unlike any other."""
    return {MARK: secrets.token_hex(8)}


def kill(marked: dict[str, str], proc: Path = Path("/proc")) -> None:
    """Kill all processes that carry a mark."""
    text = f"{MARK}={marked[MARK]}".encode()
    for _ in range(_ROUNDS):
        if not sum(_kill(pid, text, proc) for pid in _pids(proc)):
            return


def _pids(proc: Path) -> Iterator[int]:
    return (int(path.name) for path in proc.iterdir() if path.name.isdecimal())


def _kill(pid: int, text: bytes, proc: Path) -> bool:
    """Kill a process if it carries the mark; returns whether it did."""
    # Others' processes, and those that have ended meanwhile.
    with suppress(OSError):
        if text not in (proc / str(pid) / "environ").read_bytes().split(b"\0"):
            return False
        # Looked at again once its number cannot become another's.
        handle = os.pidfd_open(pid)
        try:
            if text in (proc / str(pid) / "environ").read_bytes().split(b"\0"):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
                return True
        finally:
            os.close(handle)
    return False
