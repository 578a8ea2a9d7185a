# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module runs a command of the administrator's: without a shell, without rights, not for long.

The address comes from jaild, which reads what attackers write: it reaches the command only in its
canonical form.
"""

import logging
import os
import signal
import subprocess
from collections.abc import Callable, Sequence

from jaild.config import program
from jaild.core.address import Address
from jaild.dbus.loop import Loop
from jaild.lookup import leftover
from jaild.lookup.port import LookupFailed

logger = logging.getLogger(__name__)

TIMEOUT_MS = 5_000
SPARED = 0
# What a shell says of a command that it cannot run; beyond are the signals that ended one.
NOT_EXECUTABLE = 126
NOT_FOUND = 127

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

Done = Callable[[bool | LookupFailed], None]


def fill(argv: Sequence[str], jail: str, address: Address) -> list[str]:
    """Return a command's words with the values in place of ``<ip>``, ``<jail>`` and so on."""
    return [program.fill(word, jail, address) for word in argv]


def environment(jail: str, address: Address) -> dict[str, str]:
    """Return everything that a command finds in its environment."""
    return {"PATH": _PATH, "LANG": "C.UTF-8", "JAILD_ADDRESS": address, "JAILD_JAIL": jail}


def verdict(name: str, status: int) -> bool | LookupFailed:
    """Return what a command's exit status says, minus the signal's number if one ended it."""
    if SPARED <= status < NOT_EXECUTABLE:
        return status == SPARED
    if status == NOT_EXECUTABLE:
        return LookupFailed(f"{name} cannot be run: exit status {status}, not executable")
    if status == NOT_FOUND:
        return LookupFailed(f"{name} cannot be run: exit status {status}, command not found")
    if status < 0:
        return LookupFailed(f"{name} was ended by signal {-status}")
    return LookupFailed(f"{name} failed: exit status {status}")


class Command:
    """A running command, the first of a process group of its own; done is called in a later turn.

    After timeout_ms, and when it has ended, whatever is left of its group is killed, and whatever
    else it has started.
    """

    def __init__(
        self, loop: Loop, argv: Sequence[str], variables: dict[str, str], done: Done,
        timeout_ms: int = TIMEOUT_MS,
    ) -> None:  # fmt: skip
        self._name = argv[0]
        self._done: Done | None = done
        self._limit = timeout_ms
        self._mark = leftover.mark()
        try:
            self._process = _start(argv, variables | self._mark)
        except (OSError, ValueError) as error:
            why = (error.strerror if isinstance(error, OSError) else "") or str(error)
            failure = LookupFailed(f"{self._name} cannot be started: {why}")
            loop.soon(lambda: self._finish(failure))
            return
        self._fd = os.pidfd_open(self._process.pid)
        self._ended = loop.watch_fd(self._fd, self._reap)
        self._timer = loop.after(timeout_ms, self._late)

    def _reap(self) -> None:
        self._ended.cancel()
        self._timer.cancel()
        # As long as it has not been waited for, its number cannot be another's group.
        self._kill()
        status = self._process.wait()
        os.close(self._fd)
        self._finish(verdict(self._name, status))

    def _late(self) -> None:
        self._kill()
        # A process that hangs in the kernel ends later, or never; the answer does not wait for it.
        self._finish(
            LookupFailed(f"{self._name} did not end within {self._limit / 1000:g} s and was killed")
        )

    def _kill(self) -> None:
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except OSError as error:
            logger.debug("%s cannot be killed: %s", self._name, error.strerror)
        leftover.kill(self._mark)

    def _finish(self, answer: bool | LookupFailed) -> None:  # noqa: FBT001 - an answer
        done, self._done = self._done, None
        if done is not None:
            done(answer)


def _start(argv: Sequence[str], variables: dict[str, str]) -> "subprocess.Popen[bytes]":
    # While jaild debugs, the journal has what commands say.
    output = None if logger.isEnabledFor(logging.DEBUG) else subprocess.DEVNULL
    return subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        cwd="/",
        env=variables,
        start_new_session=True,
    )
