# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module defines what a row of the table of options says (see schema)."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from jaild.config import values

T_co = TypeVar("T_co", covariant=True)


class Scope(StrEnum):
    """Where an option belongs: ``jaild.conf``, ``jail.conf``, a filter's or an action's file."""

    DAEMON = "daemon"
    JAIL = "jail"
    FILTER = "filter"
    ACTION = "action"


class Effect(StrEnum):
    """What jaild does with an option: obey it, lend it to ``%(…)s``, or accept it with a note."""

    HONOURED = "honoured"
    LENT = "lent"
    NOTED = "noted"


@dataclass(frozen=True, slots=True)
class Option(Generic[T_co]):
    """One option; ``parse`` raises a JaildError, ``default`` is a text as in a file.

    ``why`` completes the note on an option that is not obeyed; ``silent`` are the values (in lower
    case) that need no note because jaild does what they say. What a ``private`` option is set to
    stays out of sentences, which end up in the journal.
    """

    name: str
    parse: Callable[[str], T_co]
    default: str
    meaning: str
    unit: str = ""
    scope: Scope = Scope.JAIL
    effect: Effect = Effect.HONOURED
    why: str = ""
    silent: tuple[str, ...] = ()
    private: bool = False


def lent(name: str, default: str, meaning: str, scope: Scope = Scope.JAIL) -> Option[str]:
    """Return an option that only other options refer to."""
    return Option(name, values.text, default, meaning, "", scope, Effect.LENT)
