# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module puts all that can be said about a configuration in order: what, and where exactly."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from jaild.config.compile import compile_filter
from jaild.config.load import examine
from jaild.config.model import JailConfig, Note, SmtpConfig
from jaild.config.tree import Tree
from jaild.core.errors import InvalidConfig

_ASSIGNMENT = re.compile(r"(?P<name>[^=:\[]*)[=:](?P<value>.*)")


class Kind(StrEnum):
    """How much a finding matters; only a mistake keeps something from working."""

    MISTAKE = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to say about one place.

    ``line`` and ``column`` count from 1, in characters, and are 0 where unknown; ``text`` is the
    piece at fault, ``source`` the whole line, as they stand in the file. Both are untrusted.
    """

    kind: Kind
    path: str
    line: int
    column: int
    message: str
    hint: str = ""
    text: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All findings, mistakes first, in the order of files and lines, and what a reload would do.

    ``jails`` would run, ``broken`` are the names of those that would not for their mistakes;
    ``usable`` is False where the reload would be refused as a whole. ``smtp`` is the server that
    mail may go to.
    """

    findings: tuple[Finding, ...]
    jails: tuple[JailConfig, ...]
    broken: tuple[str, ...]
    usable: bool
    smtp: SmtpConfig = field(default_factory=SmtpConfig)

    def of(self, kind: Kind) -> tuple[Finding, ...]:
        """Return the findings of one kind."""
        return tuple(finding for finding in self.findings if finding.kind is kind)


def check(tree: Tree) -> Report:
    """Return everything there is to say about a configuration; raises nothing."""
    found = examine(tree)
    sources = _Sources()
    mistakes = tuple(_of_mistake(error, sources) for error in found.mistakes)
    notes = tuple(_of_note(note, sources) for note in found.notes)
    findings = tuple(sorted((*mistakes, *notes), key=lambda one: list(Kind).index(one.kind)))
    if not found.config:
        return Report(findings, (), (), usable=False)
    faulty = {jail.name for jail in found.config.jails if mistakes and not _compiles(jail)}
    broken = *(broken.name for broken in found.config.broken), *sorted(faulty)
    jails = tuple(jail for jail in found.config.jails if jail.name not in faulty)
    return Report(findings, jails, broken, usable=True, smtp=found.config.daemon.notify.smtp)


def _compiles(jail: JailConfig) -> bool:
    try:
        compile_filter(jail.filter)
    except InvalidConfig:
        return False
    return True


def _of_mistake(error: InvalidConfig, sources: "_Sources") -> Finding:
    source = sources.line(error.path, error.line)
    column, text = _piece(source, error.text)
    return Finding(
        Kind.MISTAKE, error.path, error.line, column, error.message, error.hint, text, source
    )


def _of_note(note: Note, sources: "_Sources") -> Finding:
    source = sources.line(note.path, note.line)
    column, text = _piece(source, "")
    return Finding(Kind(note.kind), note.path, note.line, column, note.text, "", text, source)


def _piece(source: str, text: str) -> tuple[int, str]:
    """Return the column of the piece at fault and the piece: the value or the line, if unsure.

    The piece is not in the line if it came there through a reference.
    """
    parts = _ASSIGNMENT.match(source)
    name, start = (parts["name"].strip(), parts.start("value")) if parts else ("", 0)
    if text and text not in source:
        text = source[start:].strip()
    text = text or source.strip()
    in_value = source.find(text, start) if text.lower() != name.lower() else -1
    column = in_value if in_value >= 0 else source.find(text)
    return (column + 1, text) if text else (0, "")


class _Sources:
    """The lines of the files that are spoken of."""

    def __init__(self) -> None:
        self._lines: dict[str, Sequence[str]] = {}

    def line(self, path: str, number: int) -> str:
        """Return a line, or "" where there is none."""
        lines = self._of(path) if number else ()
        return lines[number - 1] if number <= len(lines) and number else ""

    def _of(self, path: str) -> Sequence[str]:
        if path not in self._lines:
            self._lines[path] = _lines(Path(path))
        return self._lines[path]


def _lines(path: Path) -> Sequence[str]:
    # A file that a line is known of has been read before: it is a regular one, and not too large.
    try:
        text = path.read_bytes().decode("utf-8-sig", errors="replace")
    except OSError:
        return ()
    return [line.rstrip("\r") for line in text.split("\n")]
