# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module gives a program the options that say where the configuration lies."""

import argparse
from pathlib import Path

from jaild.config.tree import Tree


def add_tree(parser: argparse.ArgumentParser) -> None:
    """Add ``--config`` and ``--shipped``."""
    usual = Tree()
    for name, default, meaning in (
        ("config", usual.etc, "the administrator's configuration"),
        ("shipped", usual.shipped, "the shipped configuration"),
    ):
        parser.add_argument(
            f"--{name}",
            type=Path,
            default=default,
            metavar="DIR",
            help=f"{meaning} (default: %(default)s)",
        )


def tree(options: argparse.Namespace) -> Tree:
    """Return the search path that the options name."""
    return Tree(etc=options.config, shipped=options.shipped)
