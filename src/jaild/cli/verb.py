# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module is what all verbs share: exit statuses, printing, registration."""

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from enum import IntEnum
from typing import TYPE_CHECKING, Protocol

from jaild.core.errors import (
    InvalidAddress,
    InvalidConfig,
    InvalidDuration,
    JaildError,
    NoSuchJail,
    NotAuthorized,
)
from jaild.core.text import printable
from jaild.dbus.errors import ServiceUnavailable

if TYPE_CHECKING:
    # Loading the bus takes longer than all the rest, and not every verb needs it.
    from jaild.api.client import Client

Connect = Callable[[], "Client"]
Verb = Callable[["Client", Namespace], int]
LocalVerb = Callable[[Namespace], int]


class Exit(IntEnum):
    """jailctl's exit statuses."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    NOT_AUTHORISED = 4
    UNAVAILABLE = 69
    CONFIGURATION = 78
    # What a shell says of programs that signals have ended.
    INTERRUPTED = 130
    PIPE_CLOSED = 141


class UsageError(JaildError):
    """The command line makes no sense."""


_STATUS: dict[type[JaildError], Exit] = {
    UsageError: Exit.USAGE,
    InvalidAddress: Exit.USAGE,
    InvalidDuration: Exit.USAGE,
    NoSuchJail: Exit.NOT_FOUND,
    NotAuthorized: Exit.NOT_AUTHORISED,
    ServiceUnavailable: Exit.UNAVAILABLE,
    InvalidConfig: Exit.CONFIGURATION,
}


class Verbs(Protocol):
    """argparse's sub-commands."""

    def add_parser(self, name: str, *, help: str, description: str) -> ArgumentParser:  # noqa: A002
        """Add one."""


def add(verbs: Verbs, name: str, act: Verb, sentence: str) -> ArgumentParser:
    """Add a verb that asks the service, with one sentence of help; callers add its arguments."""

    def run(connect: Connect, options: Namespace) -> int:
        return act(connect(), options)

    return _add(verbs, name, run, sentence)


def add_local(verbs: Verbs, name: str, act: LocalVerb, sentence: str) -> ArgumentParser:
    """Add a verb that needs no service: nothing is connected to."""

    def run(_: Connect, options: Namespace) -> int:
        return act(options)

    return _add(verbs, name, run, sentence)


def _add(
    verbs: Verbs, name: str, run: Callable[[Connect, Namespace], int], sentence: str
) -> ArgumentParser:
    parser = verbs.add_parser(name, help=sentence, description=sentence[0].upper() + sentence[1:])
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)
    return parser


def status_of(error: JaildError) -> Exit:
    """Return the exit status that an error stands for."""
    return _STATUS.get(type(error), Exit.FAILED)


def say(text: str) -> None:
    """Print text that is fit for a terminal, with a newline."""
    sys.stdout.write(text + "\n")


def say_json(value: object) -> None:
    """Print a value as JSON, all in ASCII."""
    say(json.dumps(value, indent=2))


def complain(sentence: str) -> None:
    """Print one sentence on standard error."""
    sys.stderr.write(f"jailctl: {printable(sentence)}\n")
