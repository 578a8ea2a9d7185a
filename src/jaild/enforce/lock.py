# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module takes ufw's own lock, without ever waiting for ever.

ufw holds it with a POSIX record lock; every ufw command and every transaction of jaild exclude each
other through it.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from jaild.core.errors import FirewallFailed

PATH = "/run/ufw.lock"
_RETRY_SECONDS = 0.02


class Busy(FirewallFailed):
    """Somebody else holds ufw's lock."""


@contextmanager
def held(path: str, patience: float) -> Iterator[None]:
    """Hold the lock; raises Busy after ``patience`` seconds, FirewallFailed when it has no file."""
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        raise FirewallFailed(f"ufw's lock {path} cannot be opened: {error.strerror}") from error
    try:
        _take(lock, path, time.monotonic() + patience)
        yield
    finally:
        os.close(lock)  # which also frees it


def _take(lock: int, path: str, end: float) -> None:
    while True:
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            if time.monotonic() >= end:
                raise Busy(f"another ufw command has been holding {path} all along") from None
            time.sleep(_RETRY_SECONDS)
        else:
            return
