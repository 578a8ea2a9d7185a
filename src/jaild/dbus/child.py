# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module runs one child process without waiting for it: bounded in time and in output."""

from collections.abc import Callable
from typing import Any

from gi.repository import Gio, GLib

Done = Callable[[int, str], None]

LIMIT = 64 * 1024
NOT_STARTED = 127
KILLED = -9
_CHUNK = 8192


class Child:
    """A running program; see Loop.spawn."""

    def __init__(self, argv: list[str], done: Done, timeout_ms: int, limit: int) -> None:
        self._done: Done | None = done
        self._limit = limit
        self._output = bytearray()
        self._waiting = 2  # for the end of its output and for its own end
        self._stop = Gio.Cancellable()
        self._process: Any = None
        self._timer = GLib.timeout_add(timeout_ms, self._late)
        flags = Gio.SubprocessFlags.STDOUT_PIPE | Gio.SubprocessFlags.STDERR_MERGE
        launcher = Gio.SubprocessLauncher.new(flags)
        launcher.set_cwd("/")
        launcher.setenv("LC_ALL", "C.UTF-8", True)  # noqa: FBT003 - the call takes it so
        try:
            self._process = launcher.spawnv(argv)
        except GLib.Error as error:
            self._output += error.message.encode()
            GLib.idle_add(self._finish, NOT_STARTED, priority=GLib.PRIORITY_DEFAULT)
            return
        self._pipe = self._process.get_stdout_pipe()
        self._read()
        self._process.wait_async(self._stop, self._ended)

    def cancel(self) -> None:
        """Kill it; done is not called."""
        self._done = None
        self._kill()
        self._finish(KILLED)

    def _late(self) -> bool:
        # A grandchild may keep the pipe open for ever, so the answer does not wait for its end.
        self._timer = 0
        self._kill()
        self._finish(KILLED)
        return False

    def _kill(self) -> None:
        self._stop.cancel()
        if self._process is not None:
            self._process.force_exit()

    def _read(self) -> None:
        self._pipe.read_bytes_async(_CHUNK, GLib.PRIORITY_DEFAULT, self._stop, self._more)

    def _more(self, pipe: Any, result: Any) -> None:  # noqa: ANN401 - GLib's own
        try:
            data = pipe.read_bytes_finish(result).get_data()
        except GLib.Error:
            data = b""
        if data:
            # What is beyond the limit is still read: a child must not hang on a full pipe.
            self._output += data[: max(0, self._limit - len(self._output))]
            self._read()
        else:
            self._one_less()

    def _ended(self, process: Any, result: Any) -> None:  # noqa: ANN401 - GLib's own
        try:
            process.wait_finish(result)
        except GLib.Error:
            return
        self._one_less()

    def _one_less(self) -> None:
        self._waiting -= 1
        if not self._waiting:
            exited = self._process.get_if_exited()
            status = self._process.get_exit_status() if exited else -self._process.get_term_sig()
            self._finish(status)

    def _finish(self, status: int) -> bool:
        done, self._done = self._done, None
        if self._timer:
            GLib.source_remove(self._timer)
            self._timer = 0
        if done is not None:
            done(status, self._output.decode(errors="replace"))
        return False
