# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module limits a whole conversation in time, where a socket only limits each wait."""

import io
import socket
from typing import Any

from jaild.notify.dial import left


class Timed:
    """What http.client needs of a socket; raises TimeoutError when end (monotonic) is over.

    Whoever made the socket closes it.
    """

    def __init__(self, connection: socket.socket, end: float) -> None:
        self._connection = connection
        self._end = end

    def sendall(self, data: Any) -> None:  # noqa: ANN401 - bytes in any of their forms
        """Send all of data."""
        self._connection.settimeout(left(self._end))
        self._connection.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:  # noqa: ARG002 - always "rb"
        """Return what the other side sends."""
        return io.BufferedReader(_Raw(self._connection, self._end))

    def close(self) -> None:
        """Do nothing: the reader may still be in use."""


class _Raw(io.RawIOBase):
    def __init__(self, connection: socket.socket, end: float) -> None:
        self._connection = connection
        self._end = end

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401
        self._connection.settimeout(left(self._end))
        return self._connection.recv_into(buffer)
