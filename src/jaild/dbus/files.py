# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module watches files that may come, go and be replaced."""

import logging
from collections.abc import Callable, Iterable
from pathlib import Path

from jaild.dbus.loop import Handle, Loop

logger = logging.getLogger(__name__)


class Files:
    """A set of files and directories; ``changed`` is called after each burst of changes in it."""

    def __init__(self, loop: Loop, changed: Callable[[], None]) -> None:
        self._loop = loop
        self._changed = changed
        self._watched: dict[Path, Handle] = {}

    def follow(self, paths: Iterable[Path]) -> None:
        """Watch these from now on, and no others.

        A file whose directory does not exist is left out until the next call.
        """
        wanted = {path for path in paths if path.parent.is_dir()}
        for path in self._watched.keys() - wanted:
            self._watched.pop(path).cancel()
        for path in sorted(wanted - self._watched.keys()):
            try:
                self._watched[path] = self._loop.watch_file(str(path), self._changed)
            except OSError as error:
                logger.warning("changes of %s are seen at a reload only: %s", path, error)
