# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module knows where configuration files lie and in which order they count."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jaild.core.errors import InvalidConfig

# The shipped files of a source tree; an installed jaild has them in /usr/share/jaild.
IN_SOURCE = Path(__file__).parent.parent / "data"

_FILTER_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,63}")


@dataclass(frozen=True, slots=True)
class Tree:
    """The search path: the administrator's directory over the shipped one; both may be missing."""

    etc: Path = Path("/etc/jaild")
    shipped: Path = Path("/usr/share/jaild")

    def layers(self, base: str) -> list[Path]:
        """Return the files of ``jaild`` or ``jail``, later ones laid over earlier ones.

        The main file (etc replaces shipped), ``base.d/*.conf``, ``base.local``, ``base.d/*.local``.
        """
        found = [self.find(f"{base}.conf"), *self._drop_ins(base, ".conf")]
        local = self.etc / f"{base}.local"
        found += [local if _exists(local) else None, *self._drop_ins(base, ".local")]
        return [path for path in found if path]

    def filter_layers(self, name: str) -> list[Path]:
        """Return the files of one filter in their order; empty if there is no such filter."""
        return self.layers(f"filter.d/{name}") if _FILTER_NAME.fullmatch(name) else []

    def action_layers(self, name: str) -> list[Path]:
        """Return the files of one action in their order; empty if there is no such file."""
        return self.layers(f"action.d/{name}") if _FILTER_NAME.fullmatch(name) else []

    def python_action(self, name: str) -> Path | None:
        """Return the file of an action such as ``x.py``."""
        return self.find(f"action.d/{name}") if _FILTER_NAME.fullmatch(name) else None

    def filter_names(self) -> list[str]:
        """Return the names of all filters, for suggestions."""
        return self.names("filter.d")

    def names(self, folder: str) -> list[str]:
        """Return the names of all files of ``filter.d`` or ``action.d``."""
        folders = (self.etc / folder, self.shipped / folder)
        return sorted({path.stem for root in folders for path in _listed(root, ".conf")})

    def find(self, relative: str) -> Path | None:
        """Return the file that a path below the configuration directories names: etc first."""
        for root in (self.etc, self.shipped):
            if _exists(root / relative):
                return root / relative
        return None

    def is_own(self, path: str) -> bool:
        """Return whether a file is the administrator's."""
        return path.startswith(f"{self.etc}/")

    def included(self, by: Path, name: str) -> list[Path]:
        """Return the file that file ``by`` includes, and its ``.local`` twin, if they exist.

        A relative name is looked up beside ``by``: in etc first, then among the shipped files. What
        a shipped file includes is shipped with it: fail2ban's file of the same name is another.
        """
        relative = self._relative(by.parent / name)
        if relative is None:
            return [path for path in (by.parent / name,) if _exists(path)]
        shipped = self.shipped / relative
        own = by.is_relative_to(self.shipped) and not by.is_relative_to(self.etc)
        found = shipped if own and _exists(shipped) else self.find(relative)
        twin = self.etc / (relative.removesuffix(".conf") + ".local")
        return [path for path in (found, twin if _exists(twin) else None) if path]

    def _relative(self, path: Path) -> str | None:
        for root in (self.etc, self.shipped):
            if path.is_relative_to(root):
                return str(path.relative_to(root))
        return None

    def _drop_ins(self, base: str, suffix: str) -> Iterator[Path]:
        return iter(_listed(self.etc / f"{base}.d", suffix))


def _exists(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise InvalidConfig(f"this file cannot be read: {error.strerror}", str(path)) from error
    return True


def _listed(folder: Path, suffix: str) -> list[Path]:
    """Return the folder's files with this suffix, sorted; hidden ones are an editor's."""
    try:
        names = sorted(path.name for path in folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise InvalidConfig(f"this folder cannot be read: {error.strerror}", str(folder)) from error
    return [folder / name for name in names if name.endswith(suffix) and not name.startswith(".")]
