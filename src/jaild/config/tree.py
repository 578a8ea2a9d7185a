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

    def filter_names(self) -> list[str]:
        """Return the names of all filters, for suggestions."""
        folders = (self.etc / "filter.d", self.shipped / "filter.d")
        return sorted({path.stem for folder in folders for path in _listed(folder, ".conf")})

    def find(self, relative: str) -> Path | None:
        """Return the file that a path below the configuration directories names: etc first."""
        for root in (self.etc, self.shipped):
            if _exists(root / relative):
                return root / relative
        return None

    def included(self, by: Path, name: str) -> list[Path]:
        """Return the file that file ``by`` includes, and its ``.local`` twin, if they exist.

        A relative name is looked up beside ``by``: in etc first, then among the shipped files.
        """
        relative = self._relative(by.parent / name)
        if relative is None:
            return [path for path in (by.parent / name,) if _exists(path)]
        found = self.find(relative)
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
