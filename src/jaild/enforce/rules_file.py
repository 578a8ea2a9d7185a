# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module replaces one of ufw's rules files as a whole, so that no crash leaves half of it.

A new version is staged beside the file and renamed over it. A staged file that is found later tells
of a crash in between: the kernel may then hold what the file does not.
"""

import logging
import os
import shutil
from pathlib import Path

from jaild.core.errors import FirewallFailed

logger = logging.getLogger(__name__)

# What changes whenever a file does: inode, size, and the times of its content and of itself.
Stamp = tuple[int, int, int, int]


class RulesFile:
    """``user.rules`` or ``user6.rules``."""

    def __init__(self, path: str) -> None:
        # Some keep /etc in a repository and link to it: the target is replaced, not the link.
        self.path = Path(path).resolve()
        self.staged = self.path.with_name(f".{self.path.name}.jaild")
        self._before = b""
        self.committed: Stamp | None = None

    def stamp(self) -> Stamp | None:
        """Return what tells this version of the file from others; None if there is no file."""
        try:
            return _stamp(self.path.stat())
        except OSError:
            return None

    def content(self) -> bytes:
        """Return what is in the file; raises FirewallFailed unless it is whole."""
        return _whole(self.path)

    def check(self, understood: int) -> None:
        """Raise FirewallFailed unless the file is whole and ufw understood all its rules.

        Writing it again would drop the rest, perhaps the rule that lets the administrator in.
        """
        _check(self.path, understood)

    def check_staged(self, written: int) -> None:
        """Raise FirewallFailed unless the staged file is whole and has so many rules."""
        _check(self.staged, written)

    def was_interrupted(self) -> bool:
        """Return whether a crash left a staged file."""
        return os.path.lexists(self.staged)

    def stage(self) -> None:
        """Make an empty staged file with the owner and mode of the real one."""
        self.discard()
        try:
            status = self.path.stat()
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            os.close(os.open(self.staged, flags, 0o600))
            self._own(status)
            shutil.copystat(self.path, self.staged)
        except OSError as error:
            raise self._unwritable(error) from error

    def commit(self) -> None:
        """Put the staged file in the real one's place, for good, with ``committed`` its stamp."""
        try:
            self._before = self.path.read_bytes()
            with self.staged.open("rb") as staged:
                os.fsync(staged.fileno())
                self.staged.replace(self.path)
                # Of the file itself, whatever has the path by now.
                self.committed = _stamp(os.fstat(staged.fileno()))
            _flush(self.path.parent)
        except OSError as error:
            raise self._unwritable(error) from error

    def revert(self) -> None:
        """Bring the file back to what it was before commit()."""
        if self.committed:
            self.stage()
            try:
                self.staged.write_bytes(self._before)
            except OSError as error:
                raise self._unwritable(error) from error
            self.commit()
        self.discard()

    def discard(self) -> None:
        """Remove the staged file if there is one."""
        try:
            self.staged.unlink(missing_ok=True)
        except OSError as error:
            raise self._unwritable(error) from error

    def _own(self, status: os.stat_result) -> None:
        mine = self.staged.stat()
        if (mine.st_uid, mine.st_gid) == (status.st_uid, status.st_gid):
            return
        try:
            os.chown(self.staged, status.st_uid, status.st_gid)
        except PermissionError:
            # The unit has no CAP_CHOWN; ufw itself only needs root to read the file.
            logger.warning("%s now belongs to root: its owner could not be kept", self.path)

    def _unwritable(self, error: OSError) -> FirewallFailed:
        return FirewallFailed(f"{self.path} cannot be written: {error.strerror}")


def _stamp(status: os.stat_result) -> Stamp:
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _whole(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FirewallFailed(f"{path} cannot be read: {error.strerror}") from error
    if content.rstrip().rpartition(b"\n")[2] != b"COMMIT":
        raise FirewallFailed(f"{path} is damaged: it does not end with COMMIT")
    return content


def _check(path: Path, understood: int) -> None:
    rules = (b"\n" + _whole(path)).count(b"\n### tuple ###")
    if rules != understood:
        raise FirewallFailed(
            f"{path} is damaged: ufw understands {understood} of its {rules} rules"
        )


def _flush(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
