# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module knows what the configuration lets be asked, and notices when its files change."""

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from jaild.config.load import Tree, load
from jaild.config.model import Config
from jaild.core.errors import InvalidConfig, JaildError, NoSuchJail
from jaild.lookup.names import is_name
from jaild.lookup.port import LookupFailed

logger = logging.getLogger(__name__)

# A file as it was: path, device, inode, size, time of its change, time of its inode's.
_Mark = tuple[str, int, int, int, int, int]


class Settings:
    """The last good configuration, as jaild itself may have read it a moment ago.

    Each question looks whether a file is another than it was: jaild may not signal this process.
    """

    def __init__(self, tree: Tree, loaded: Callable[[Config], None]) -> None:
        """Read it; ``loaded`` hears of each configuration that is taken over."""
        self._tree = tree
        self._loaded = loaded
        self._config: Config | None = None
        self._failure: JaildError | None = None
        self._marks: list[_Mark] = []
        self.reload()

    def reload(self) -> None:
        """Read it again; one that is unusable changes nothing."""
        # Looked at first: what is written meanwhile is seen by the next question.
        own = self._look()
        try:
            config = load(self._tree)
        except InvalidConfig as error:
            self._failure = error
            logger.warning("The configuration is the last good one, if any: %s", error)
        else:
            self._config, self._failure = config, None
            self._loaded(config)
        self._marks = [*own, *self._look_at_lists()]

    def command(self, jail: str) -> tuple[str, ...]:
        """Return a jail's ignorecommand; raises NoSuchJail, LookupFailed, InvalidConfig."""
        config = self._current()
        for broken in config.broken:
            if broken.name == jail:
                raise broken.error
        found = next((made for made in config.jails if made.name == jail), None)
        if found is None:
            raise NoSuchJail(f"there is no jail '{jail}', or it is not enabled")
        if not found.ignorecommand:
            raise LookupFailed(f"jail '{jail}' has no ignorecommand")
        return found.ignorecommand

    def name(self, text: str) -> str:
        """Return a host name that ignoreip lists; raises LookupFailed, InvalidConfig."""
        name = text.lower()
        if not is_name(name):
            raise LookupFailed("this is no host name")
        if not any(name in jail.ignorenames for jail in self._current().jails):
            raise LookupFailed(f"ignoreip of no jail lists the host name '{name}'")
        return name

    def _current(self) -> Config:
        if [*self._look(), *self._look_at_lists()] != self._marks:
            self.reload()
        if self._config is None:
            raise self._failure or InvalidConfig("there is no configuration")
        return self._config

    def _look(self) -> list[_Mark]:
        return list(_marks(_below(self._tree.etc)))

    def _look_at_lists(self) -> list[_Mark]:
        return list(_marks(self._config.files if self._config is not None else ()))


def _below(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders.sort()
        yield Path(folder)
        yield from (Path(folder, name) for name in sorted(names))


def _marks(paths: Iterable[Path]) -> Iterator[_Mark]:
    for path in paths:
        try:
            seen = path.stat()
        except OSError:
            continue
        yield (
            str(path), seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns,
        )  # fmt: skip
