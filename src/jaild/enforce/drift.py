# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module notices that somebody else changed jaild's rules, in ufw's files or in the kernel.

It waits for events: changes of ufw's files and the kernel's announcements of changed chains; a slow
timer is only the safety net. However many events come, looks are a while apart.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from jaild.core.errors import FirewallFailed, JaildError
from jaild.enforce import agreement, netlink
from jaild.enforce.engine import Condition, Result
from jaild.enforce.lock import Busy

logger = logging.getLogger(__name__)

FILES = ("/etc/ufw/user.rules", "/etc/ufw/user6.rules", "/etc/ufw/ufw.conf", "/etc/default/ufw")
DELAY_MS = 1_000
SECONDS_APART = 2.0
SLOW_MS = 5 * 60 * 1_000
_NETLINK_NETFILTER = 12
_GROUP_NFTABLES = 7
# All of ufw's chains have it in their names. Looking for it in the bytes is enough: a false hit
# only costs a look.
_UFW = b"ufw"
_MOST_DATAGRAMS = 256
_MOST_ECHOES = 1 << 14  # more than the socket holds

Stamp = tuple[tuple[int, int, int] | None, ...]


class Handle(Protocol):
    """Something that goes on until it is cancelled."""

    def cancel(self) -> None:
        """End it."""


class Loop(Protocol):
    """The loop, as far as it is needed here."""

    def watch_fd(self, fd: int, callback: Callable[[], None]) -> Handle:
        """Call callback whenever there is something to read."""

    def watch_file(self, path: str, callback: Callable[[], None]) -> Handle:
        """Call callback after a file has changed."""

    def after(self, milliseconds: int, callback: Callable[[], None]) -> Handle:
        """Call callback once."""

    def every(self, milliseconds: int, callback: Callable[[], None]) -> Handle:
        """Call callback again and again."""


class DriftWatch:
    """Compares how ufw stands with how the last transaction left it."""

    def __init__(
        self,
        loop: Loop,
        look: Callable[[], Condition],
        drifted: Callable[[str], None],
        files: Sequence[str] = FILES,
        generation: Callable[[], int | None] = agreement.read,
    ) -> None:
        """Take how to look (may raise Busy, FirewallFailed) and whom to tell the reason."""
        self._generation = generation
        self._loop = loop
        self._look_at = look
        self._drifted = drifted
        self._files = files
        self._settled: Condition | None = None
        self._stamp: Stamp = ()
        self._pending: Handle | None = None
        self._next_look = 0.0
        self._heard = _listen()
        self._watch: Handle | None = None
        self._complaint = ""
        self._handles: list[Handle] = []

    def start(self) -> None:
        """Watch from now on."""
        for path in self._files:
            try:
                self._handles.append(self._loop.watch_file(path, self._file_changed))
            except OSError as error:
                logger.warning("Changes of %s cannot be watched: %s", path, error)
        self._handles.append(self._loop.every(SLOW_MS, self._soon))
        self._listen_again()

    def close(self) -> None:
        """Watch no more."""
        for handle in (*self._handles, self._watch, self._pending):
            if handle is not None:
                handle.cancel()
        if self._heard is not None:
            self._heard.close()

    @contextmanager
    def deaf(self) -> Iterator[None]:
        """Hear nothing of the kernel for the length of a change of our own.

        While anybody listens, it writes an announcement of each rule, which with many of them
        takes longer than the change. settled() finds out what else has happened meanwhile.
        """
        if self._heard is None:
            yield
            return
        with suppress(OSError):
            netlink.leave(self._heard, _GROUP_NFTABLES)
        try:
            yield
        except JaildError:
            # There will be no settled() after this.
            self._soon()
            raise
        finally:
            self._hear_again(self._heard)

    def settled(self, result: Result) -> None:
        """Take the outcome of a transaction of our own; its echoes are not drift."""
        self._settled = result.condition
        self._stamp = self._read_stamp()
        if self._heard is not None:
            for _ in netlink.drain(self._heard, _MOST_ECHOES):
                pass
        # Between the echoes there may have been news of somebody else's change.
        if result.generation is None or result.generation != self._generation():
            self._soon()

    def _hear_again(self, heard: netlink.Socket) -> None:
        try:
            netlink.join(heard, _GROUP_NFTABLES)
        except OSError as error:
            _complain_of(error)

    def _file_changed(self) -> None:
        if self._read_stamp() != self._stamp:
            self._soon()

    def _chains_changed(self) -> None:
        if self._heard is None or self._watch is None:
            return
        data = list(netlink.drain(self._heard, _MOST_DATAGRAMS))
        if any(not datagram or _UFW in datagram for datagram in data):
            # Deaf until the look, so that a flood costs nothing.
            self._watch.cancel()
            self._watch = None
            self._soon()

    def _soon(self) -> None:
        if self._pending is None:
            wait = int((self._next_look - time.monotonic()) * 1000)
            self._pending = self._loop.after(max(DELAY_MS, wait), self._look)

    def _look(self) -> None:
        self._pending = None
        self._next_look = time.monotonic() + SECONDS_APART
        if self._settled is None:
            self._listen_again()
            return
        try:
            self._stamp = self._read_stamp()
            self._listen_again()
            reason = difference(self._settled, self._look_at())
        except Busy:
            self._soon()
        except FirewallFailed as error:
            self._complain(error)
        else:
            self._complaint = ""
            if reason:
                logger.info("%s", reason)
                self._drifted(reason)

    def _complain(self, error: JaildError) -> None:
        # Said once: the files may stay damaged for long.
        if str(error) != self._complaint:
            self._complaint = str(error)
            logger.warning("ufw cannot be looked at: %s", error)
            self._drifted(self._complaint)

    def _listen_again(self) -> None:
        if self._heard is not None and self._watch is None:
            for _ in netlink.drain(self._heard, _MOST_ECHOES):
                pass
            self._watch = self._loop.watch_fd(self._heard.fileno(), self._chains_changed)

    def _read_stamp(self) -> Stamp:
        return tuple(_stamp(Path(path)) for path in self._files)


def difference(settled: Condition, now: Condition) -> str:
    """Return what has changed, as a sentence; "" for nothing."""
    if now.problem != settled.problem:
        return now.problem or "ufw's files are whole again"
    if now.mark != settled.mark:
        return "somebody changed jaild's rules in ufw's files"
    if now.state != settled.state:
        return f"ufw has become {now.state}"
    if now.missing:
        return f"the kernel has lost {now.missing} of jaild's rules"
    return ""


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _listen() -> netlink.Socket | None:
    try:
        return netlink.listen(_NETLINK_NETFILTER, _GROUP_NFTABLES)
    except OSError as error:
        _complain_of(error)
        return None


def _complain_of(error: OSError) -> None:
    logger.warning("Changes of the kernel's chains cannot be heard: %s", error)
