# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module reads entries from a stream: systemd's export format, or one bare message a line.

The format is that of ``journalctl -o export``: a block of fields an entry, blocks parted by an
empty line; a field is ``NAME=value``, or its name alone on a line, eight bytes with the length
(little endian), the value and a line end. Whatever comes, memory stays bounded.
"""

import re
from collections.abc import Iterator
from io import BufferedReader

from jaild.core.entry import Entry, decode
from jaild.core.errors import JaildError

# Longer values are cut here; what a filter looks at is a few thousand characters long.
VALUE_MAX = 1 << 16
# journald itself writes no more.
MOST_FIELDS = 1024

_NAME = re.compile(rb"[A-Z_][A-Z0-9_]{0,63}")
# Addresses of the entry itself (__CURSOR …) are written first; foreign tools may leave them out.
_SIGN = re.compile(rb"^(?:__[A-Z_]+=|MESSAGE(?:=|$))", re.MULTILINE)
_SHOWN = 40


class BrokenExport(JaildError):
    """The stream began as systemd's export format and is none."""


class EntryStream:
    """The entries of a stream of bytes, in order.

    ``exported`` says which of the two kinds it is; the first line that is not empty decides. A bare
    message comes as an entry with the time 0, without fields but a ``_PID`` that no other has:
    which process wrote it is not known.
    """

    def __init__(self, stream: BufferedReader) -> None:
        """Wait for the first line."""
        self._stream = stream
        self._ahead = b""
        self._number = 1
        while not self._ahead and (line := self._line()):
            self._ahead = line if line.strip() else b""
        self.exported = self._looks_exported()

    def __iter__(self) -> Iterator[Entry]:
        """Yield the entries; raises BrokenExport."""
        return self._export() if self.exported else self._bare()

    def _looks_exported(self) -> bool:
        name, equals, _ = self._ahead.rstrip(b"\r\n").partition(b"=")
        if not _NAME.fullmatch(name):
            return False
        block = self._ahead + (self._stream.peek() if self._ahead else b"")
        # A kernel message may begin with FIELD= too, so some field that tells has to be there.
        return bool(_SIGN.search(block.partition(b"\n\n")[0] if equals else block))

    def _bare(self) -> Iterator[Entry]:
        while line := self._line():
            message = line.rstrip(b"\r\n")
            if message:
                fields = {"MESSAGE": message, "_PID": str(self._number).encode()}
                yield Entry(0, decode(message), fields)
                self._number += 1

    def _export(self) -> Iterator[Entry]:
        fields: dict[str, bytes] = {}
        while line := self._line():
            if line.strip(b"\r\n"):
                self._add(fields, line.rstrip(b"\n"))
            elif fields:
                yield _entry(fields)
                fields = {}
                self._number += 1
        if fields:
            yield _entry(fields)

    def _add(self, fields: dict[str, bytes], line: bytes) -> None:
        name, equals, value = line.partition(b"=")
        if not _NAME.fullmatch(name):
            shown = line[:_SHOWN].decode(errors="replace")
            raise self._broken(f"'{shown}' is no field")
        if not equals:
            value = self._binary(name.decode())
        # Of a field that a sender repeats the first value counts, as in the journal itself.
        fields.setdefault(name.decode(), value)
        if len(fields) > MOST_FIELDS:
            raise self._broken(f"more than {MOST_FIELDS} fields")

    def _binary(self, name: str) -> bytes:
        length = self._stream.read(8)
        left = int.from_bytes(length, "little")
        value = self._stream.read(min(left, VALUE_MAX))
        left -= len(value)
        while left > 0 and (skipped := self._stream.read(min(left, VALUE_MAX))):
            left -= len(skipped)
        if len(length) < 8 or left or self._stream.read(1) != b"\n":  # noqa: PLR2004 - 64 bits
            raise self._broken(f"the field {name} is not as long as it says")
        return value

    def _line(self) -> bytes:
        """Return the next line with its end, cut to VALUE_MAX bytes; b"" when there is none."""
        if self._ahead:
            line, self._ahead = self._ahead, b""
            return line
        line = more = self._stream.readline(VALUE_MAX)
        while len(more) == VALUE_MAX and not more.endswith(b"\n"):
            more = self._stream.readline(VALUE_MAX)
        return line

    def _broken(self, reason: str) -> BrokenExport:
        return BrokenExport(f"entry {self._number} of the export stream: {reason}")


def _entry(fields: dict[str, bytes]) -> Entry:
    time = fields.get("__REALTIME_TIMESTAMP", b"")
    # 64 bits have at most twenty digits.
    usec = int(time) if time.isdigit() and len(time) <= 20 else 0  # noqa: PLR2004
    own = {name: value for name, value in fields.items() if not name.startswith("__")}
    return Entry(usec, decode(own.get("MESSAGE", b"")), own)
