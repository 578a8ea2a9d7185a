# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module is the temporary place in which files to be written are tried out."""

import shutil
from pathlib import Path

from jaild.config.bring.model import NewFile
from jaild.config.compile import compile_filter
from jaild.config.filter import one_filter
from jaild.config.tree import Tree
from jaild.core.errors import InvalidConfig


class Stage:
    """A copy of the administrator's directory, to which the new files are added."""

    def __init__(self, root: Path, tree: Tree) -> None:
        self._root = root / "jaild"
        self.real_path = tree.etc
        self.tree = Tree(self._root, tree.shipped)
        if tree.etc.is_dir():
            shutil.copytree(tree.etc, self._root, symlinks=True, ignore_dangling_symlinks=True)
        self._root.mkdir(exist_ok=True)

    def put(self, file: NewFile) -> None:
        """Add a file."""
        path = self._root / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_bytes(file.content)

    def remove(self, file: NewFile) -> None:
        """Take a file away again."""
        (self._root / file.path).unlink(missing_ok=True)

    def relative(self, path: str) -> str:
        """Return a path below the directory, or "" for one elsewhere."""
        return path.removeprefix(f"{self._root}/") if path.startswith(f"{self._root}/") else ""

    def real(self, text: str) -> str:
        """Return a sentence that names the real directory."""
        return text.replace(str(self._root), str(self.real_path))

    def filter_fault(self, name: str) -> InvalidConfig | None:
        """Return why a filter cannot be used; paths are relative."""
        try:
            compile_filter(one_filter(self.tree, name))
        except InvalidConfig as error:
            message, path = self.real(error.message), self.relative(error.path)
            return InvalidConfig(message, path or error.path, error.line, error.hint)
        return None
