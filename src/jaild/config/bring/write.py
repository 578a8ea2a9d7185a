# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module writes new configuration files: all of them or none, and over nobody's work."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from jaild.config.bring.model import NewFile
from jaild.core.errors import JaildError

_MODE = 0o644


class NotWritten(JaildError):
    """The files could not be written; everything is as it was."""


def in_the_way(into: Path, files: Iterable[NewFile]) -> list[str]:
    """Return the paths of files that exist and differ from those to be written."""
    return [file.path for file in files if _differs(into / file.path, file.content)]


def write(into: Path, files: Iterable[NewFile], *, force: bool) -> None:
    """Write the files that are not there yet; raises NotWritten, and then nothing has changed.

    Files that exist are replaced only by ``force``.
    """
    todo = [file for file in files if not _is_there(into / file.path, file.content)]
    present = in_the_way(into, todo)
    if present and not force:
        raise NotWritten(f"{', '.join(present)} in {into} would be replaced; --force does that")
    work = _Work()
    try:
        for file in todo:
            work.stage(into / file.path, file.content)
        work.finish()
    except OSError as error:
        work.undo()
        raise NotWritten(
            f"{error.filename or into}: {error.strerror}; nothing was written"
        ) from error


class _Work:
    """Files under way: first all are put beside their places, then all are moved there."""

    def __init__(self) -> None:
        self._folders: list[Path] = []
        self._staged: list[tuple[Path, Path]] = []
        self._done: list[tuple[Path, Path | None]] = []

    def stage(self, path: Path, content: bytes) -> None:
        self._make(path.parent)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        self._staged.append((Path(name), path))
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            os.fchmod(handle, _MODE)
            file.flush()
            os.fsync(handle)

    def finish(self) -> None:
        for staged, path in self._staged:
            if path.exists():
                before = path.with_name(f"{staged.name}.before")
                os.link(path, before, follow_symlinks=False)
                self._done.append((path, before))
                staged.replace(path)
            else:
                # A link takes nobody's place, should the file have appeared just now.
                os.link(staged, path)
                self._done.append((path, None))
                staged.unlink()
        for _, replaced in self._done:
            if replaced:
                replaced.unlink()

    def undo(self) -> None:
        """Put back what was there."""
        for path, before in self._done:
            if before:
                before.replace(path)
            else:
                path.unlink(missing_ok=True)
        for staged, _ in self._staged:
            staged.unlink(missing_ok=True)
        for folder in reversed(self._folders):
            folder.rmdir()

    def _make(self, folder: Path) -> None:
        missing = [one for one in (folder, *folder.parents) if not one.exists()]
        for one in reversed(missing):
            one.mkdir(mode=0o755)
            self._folders.append(one)


def _is_there(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content
    except OSError:
        return False


def _differs(path: Path, content: bytes) -> bool:
    return path.exists() and not _is_there(path, content)
