# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module gives a verb the options that say which journal to read, and from when to when."""

from argparse import ArgumentParser
from pathlib import Path

from jaild.cli import when


def add_places(parser: ArgumentParser) -> None:
    """Add ``--file``, ``--directory``, ``--since`` and ``--until``."""
    parser.add_argument(
        "--file", nargs="+", action="extend", type=Path, metavar="JOURNAL", help="journal files"
    )
    parser.add_argument("--directory", type=Path, metavar="DIR", help="a folder of journal files")
    when.add_span(parser)
