# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module holds the verbs about configuration, which need no service: check, cat, import."""

from argparse import SUPPRESS, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jaild.cli.verb import Exit, UsageError, Verbs, add_local, complain, say_json
from jaild.config.command_line import add_tree, tree
from jaild.config.tree import Tree

if TYPE_CHECKING:
    from jaild.config.show import Display, ShownJail

# Reading configuration takes longer to load than the other verbs need altogether, so each verb
# here loads what it works with.


def register(verbs: Verbs) -> None:
    """Add the verbs of this module."""
    parser = add_local(verbs, "check", _check, "find all mistakes in the configuration")
    parser.add_argument("--quiet", action="store_true", help="show mistakes and warnings, no notes")
    parser.add_argument(
        "--reach", action="store_true", help="see whether mail servers answer; sends nothing"
    )
    add_tree(parser)
    parser = add_local(verbs, "cat", _cat, "show the configuration in effect and where it is set")
    parser.add_argument("jail", nargs="?", metavar="JAIL")
    add_tree(parser)
    parser = add_local(verbs, "import", _import, "take over fail2ban's configuration")
    parser.add_argument("source", type=Path, metavar="DIR")
    parser.add_argument(
        "--write", action="store_true", help="write the files, do not only show them"
    )
    parser.add_argument("--force", action="store_true", help="replace files that exist")
    add_tree(parser)
    parser.add_argument(
        "--into",
        type=Path,
        dest="config",
        default=SUPPRESS,
        metavar="DIR",
        help="where to write: another name for --config",
    )


def _check(options: Namespace) -> int:
    from jaild.cli import configuration_check  # noqa: PLC0415
    from jaild.config.check import Kind, check  # noqa: PLC0415

    report = check(_existing(options))
    reached = None
    if options.reach:
        from jaild.cli import configuration_reach  # noqa: PLC0415

        reached = configuration_reach.tried(report)
    configuration_check.show(report, json=options.json, quiet=options.quiet, reached=reached)
    if report.of(Kind.MISTAKE):
        return Exit.CONFIGURATION
    return Exit.DONE if all(one.works for one in reached or ()) else Exit.FAILED


def _cat(options: Namespace) -> int:
    from jaild.config.show import Display  # noqa: PLC0415

    display = Display(_existing(options))
    names = [options.jail] if options.jail else display.enabled()
    jails = [display.jail(name) for name in names]
    if options.json:
        _cat_json(display, jails, whole=not options.jail)
    else:
        _cat_lines(display, jails, whole=not options.jail)
    mistakes = [*display.mistakes, *(jail.mistake for jail in jails if jail.mistake)]
    for mistake in mistakes:
        complain(str(mistake))
    return Exit.CONFIGURATION if mistakes else Exit.DONE


def _existing(options: Namespace) -> Tree:
    """Return the search path; a directory that is not there was misspelled, unless it is /etc's."""
    found = tree(options)
    if found.etc != Tree().etc and not found.etc.is_dir():
        raise UsageError(f"there is no directory {found.etc}")
    return found


def _cat_json(display: "Display", jails: "Sequence[ShownJail]", *, whole: bool) -> None:
    from jaild.cli import configuration_cat  # noqa: PLC0415

    objects = [configuration_cat.jail_object(jail) for jail in jails]
    if whole:
        daemon = configuration_cat.section_object(display.daemon())
        default = configuration_cat.section_object(display.default())
        say_json({"daemon": daemon, "default": default, "jails": objects})
    else:
        say_json(objects[0])


def _cat_lines(display: "Display", jails: "Sequence[ShownJail]", *, whole: bool) -> None:
    from jaild.cli import configuration_cat as cat  # noqa: PLC0415
    from jaild.cli.lines import show_lines  # noqa: PLC0415

    found = [list(cat.jail(jail)) for jail in jails]
    if whole:
        daemon = [cat.heading("jaild.conf"), *cat.section(display.daemon())]
        default = [cat.heading("jail.conf"), *cat.section(display.default())]
        found = [daemon, default, *found]
    for number, lines in enumerate(found):
        show_lines([[("", "")], *lines] if number else lines)


def _import(options: Namespace) -> int:
    from jaild.cli import configuration_import  # noqa: PLC0415

    return configuration_import.run(options)
