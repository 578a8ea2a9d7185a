# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module runs the one loop of a process: descriptors, timers, signals, files, children.

Everything happens in one thread at one priority, so no source starves another. An exception that a
callback lets through ends the loop and is raised by run(): a process in an unknown state must not
go on.
"""

import logging
import os
import signal
import sys
from collections.abc import Callable
from types import TracebackType
from typing import NoReturn

from gi.repository import Gio, GLib

from jaild.dbus import child

Callback = Callable[[], None]

# Editors and package managers touch a file several times in a row.
SETTLE_MS = 150
_MEANT = (
    Gio.FileMonitorEvent.CHANGED,
    Gio.FileMonitorEvent.CREATED,
    Gio.FileMonitorEvent.DELETED,
    Gio.FileMonitorEvent.RENAMED,
    Gio.FileMonitorEvent.MOVED_IN,
    Gio.FileMonitorEvent.MOVED_OUT,
)


class Handle:
    """Something that goes on until cancel(); cancelling twice, or after it ended, does no harm."""

    __slots__ = ("_cancel",)

    def __init__(self, cancel: Callback) -> None:
        self._cancel: Callback | None = cancel

    def cancel(self) -> None:
        """End it; its callback is not called again."""
        cancel, self._cancel = self._cancel, None
        if cancel is not None:
            cancel()

    def spent(self) -> None:
        """Note that it ended by itself."""
        self._cancel = None


class Loop:
    """GLib's main loop."""

    def __init__(self) -> None:
        self._loop = GLib.MainLoop()
        self._failure: BaseException | None = None

    def run(self) -> None:
        """Serve until quit(); raise what a callback let through."""
        # PyGObject hands the exceptions of callbacks to this hook and goes on as if nothing was.
        previous, sys.excepthook = sys.excepthook, self._failed
        try:
            if self._failure is None:
                self._loop.run()
        finally:
            sys.excepthook = previous
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def quit(self) -> None:
        """Let run() return after the present callback."""
        self._loop.quit()

    def watch_fd(self, fd: int, callback: Callback) -> Handle:
        """Call callback whenever fd has something to read, until cancelled."""

        def ready(_fd: int, _condition: object) -> bool:
            callback()
            return True

        return _source(GLib.unix_fd_add_full(GLib.PRIORITY_DEFAULT, fd, GLib.IOCondition.IN, ready))

    def after(self, milliseconds: int, callback: Callback) -> Handle:
        """Call callback once, not before milliseconds have passed."""
        return _once(lambda run: GLib.timeout_add(max(0, milliseconds), run), callback)

    def every(self, milliseconds: int, callback: Callback) -> Handle:
        """Call callback every so many milliseconds until cancelled."""

        def tick() -> bool:
            callback()
            return True

        return _source(GLib.timeout_add(milliseconds, tick))

    def soon(self, callback: Callback) -> Handle:
        """Call callback once, in the next turn of the loop."""
        return _once(lambda run: GLib.idle_add(run, priority=GLib.PRIORITY_DEFAULT), callback)

    def on_signal(self, signum: int, callback: Callback) -> Handle:
        """Call callback in the loop at each HUP, INT, TERM, USR1 or USR2."""

        def caught() -> bool:
            callback()
            return True

        return _source(
            GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, signal.Signals(signum).value, caught)
        )

    def watch_file(self, path: str, callback: Callback, settle_ms: int = SETTLE_MS) -> Handle:
        """Call callback once after each burst of changes to a file or a directory's entries.

        The directory that holds path must exist: GLib looks for a missing one every few seconds.
        Raises OSError when the kernel allows no further watch.
        """
        try:
            monitor = Gio.File.new_for_path(path).monitor(Gio.FileMonitorFlags.WATCH_MOVES, None)
        except GLib.Error as error:
            raise OSError(error.message) from error
        pending: list[Handle] = []

        def settled() -> None:
            pending.clear()
            callback()

        def changed(_monitor: object, _file: object, _other: object, event: object) -> None:
            if event in _MEANT:
                for handle in pending:
                    handle.cancel()
                pending[:] = [self.after(settle_ms, settled)]

        def cancel() -> None:
            monitor.cancel()
            for handle in pending:
                handle.cancel()

        monitor.connect("changed", changed)
        return Handle(cancel)

    def spawn(
        self, argv: list[str], done: child.Done, *, timeout_ms: int, limit: int = child.LIMIT
    ) -> Handle:
        """Run a program without a shell and call done(status, output) when it has ended.

        ``argv[0]`` is an absolute path; standard input is empty; ``output`` is standard output and
        standard error together, cut after ``limit`` bytes. ``status`` is the exit status, minus the
        signal's number when one ended it (-9 after timeout_ms), 127 when it could not be started.
        Cancelling kills it and done is not called.
        """
        return Handle(child.Child(argv, done, timeout_ms, limit).cancel)

    def _failed(
        self, _kind: type[BaseException], error: BaseException, _where: TracebackType | None
    ) -> None:
        if self._failure is None:
            self._failure = error
        self._loop.quit()


def _source(identifier: int) -> Handle:
    return Handle(lambda: GLib.source_remove(identifier))


def _once(add: Callable[[Callable[[], bool]], int], callback: Callback) -> Handle:
    def run() -> bool:
        handle.spent()
        callback()
        return False

    identifier = add(run)
    handle = _source(identifier)
    return handle


def leave(status: int) -> NoReturn:
    """End the process now, with this exit status.

    The interpreter's own way would take apart the bus connection while GLib's thread may be handing
    it a message: each would wait for the other's lock.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
