# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module is jailctl: it reads the command line, runs one verb, and ends with its status."""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Sequence

from jaild import __version__
from jaild.cli import change, configuration, notify, show, steer
from jaild.cli.explain import verb as explain
from jaild.cli.replay import command_line as replay
from jaild.cli.trial import command_line as trial
from jaild.cli.verb import Connect, Exit, complain, status_of
from jaild.core.errors import JaildError


def parser() -> ArgumentParser:
    """Return the whole command line."""
    made = ArgumentParser(prog="jailctl", description="Watch and steer jaild.")
    made.add_argument("-V", "--version", action="version", version=f"jailctl {__version__}")
    verbs = made.add_subparsers(required=True, metavar="VERB")
    for group in (show, explain, change, steer, notify, configuration, trial, replay):
        group.register(verbs)
    return made


def run(arguments: Sequence[str], connect: Connect) -> int:
    """Run one command line and return the exit status; nothing but SystemExit leaves it."""
    options = parser().parse_args(arguments)
    try:
        status = int(options.run(connect, options))
        sys.stdout.flush()
    except JaildError as error:
        complain(str(error))
        return status_of(error)
    except BrokenPipeError:
        # Python flushes once more at its end; there is nobody to read that either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.PIPE_CLOSED
    except Exception as error:  # noqa: BLE001 - a person gets a sentence, never a traceback
        complain(f"this failed unexpectedly: {type(error).__name__}: {error}")
        return Exit.FAILED
    return status
