# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module asks polkit whether a caller may do something, without waiting for the answer.

It fails closed: whatever goes wrong, only uid 0 may. uid 0 is never asked about, so that root keeps
control of a host without polkit. Calls of one caller that wait for the same answer share one
question.
"""

import logging
from collections import Counter
from collections.abc import Callable
from typing import Protocol

from jaild.core.errors import JaildError
from jaild.dbus import variant
from jaild.dbus.call import Call, Done, Outcome

logger = logging.getLogger(__name__)

Verdict = Callable[[bool], None]

TIMEOUT_MS = 25_000
# A person needs time to type a password.
INTERACTIVE_TIMEOUT_MS = 120_000
# A question stays open as long as a person leaves a password dialog alone. The system bus allows
# a connection 128 calls without an answer; somebody who means to use them up must leave enough for
# the calls that bring bans into force, and for other people's questions.
QUESTIONS_MAX = 64
QUESTIONS_OF_ONE_MAX = 8

_POLKIT = "org.freedesktop.PolicyKit1"
_ALLOW_INTERACTION = 1


Question = tuple[int, str, str, bool]


class Bus(Protocol):
    """The connection, as far as it is needed here."""

    def uid_of(self, sender: str, done: Callable[[int | JaildError], None]) -> None:
        """Call done with the uid behind a connection."""

    def call(self, call: Call, done: Done, *, timeout_ms: int) -> None:
        """Call a method; done gets the values or an error."""


class Authority:
    """polkit, as one bus connection sees it."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._waiting: dict[Question, list[Verdict]] = {}
        self._open: Counter[int] = Counter()  # questions by uid
        self._complained = False  # anybody can call, so each trouble is logged once, not each time

    def check(self, sender: str, action: str, done: Verdict, *, interactive: bool) -> None:
        """Call done with whether the connection named sender may do action."""

        def judge(uid: int | JaildError) -> None:
            if isinstance(uid, int) and uid != 0:
                self._join((uid, sender, action, interactive), done)
            else:
                done(uid == 0)  # a JaildError says that the caller is already gone

        self._bus.uid_of(sender, judge)

    def _join(self, question: Question, done: Verdict) -> None:
        waiting = self._waiting.get(question)
        if waiting is not None:
            waiting.append(done)
            return
        uid = question[0]
        if self._open[uid] >= QUESTIONS_OF_ONE_MAX or self._open.total() >= QUESTIONS_MAX:
            self._complain(f"uid {uid} has too many questions open at polkit; more are refused")
            allowed = False
            done(allowed)
            return
        self._open[uid] += 1
        self._waiting[question] = [done]
        self._ask(question)

    def _ask(self, question: Question) -> None:
        _, sender, action, interactive = question
        subject = ("system-bus-name", {"name": variant.build("s", sender)})
        flags = _ALLOW_INTERACTION if interactive else 0

        def answered(outcome: Outcome) -> None:
            allowed = self._judge(outcome)
            for done in self._leave(question):
                done(allowed)

        self._bus.call(
            Call(
                _POLKIT,
                "/org/freedesktop/PolicyKit1/Authority",
                _POLKIT + ".Authority",
                "CheckAuthorization",
                "(sa{sv})sa{ss}us",
                (subject, action, {}, flags, ""),
            ),
            answered,
            timeout_ms=INTERACTIVE_TIMEOUT_MS if interactive else TIMEOUT_MS,
        )

    def _leave(self, question: Question) -> list[Verdict]:
        self._open -= Counter({question[0]: 1})  # also forgets who has none left
        return self._waiting.pop(question)

    def _judge(self, outcome: Outcome) -> bool:
        if isinstance(outcome, JaildError):
            self._complain(f"polkit gives no answer, so only root may: {outcome}")
            return False
        self._complained = False
        return outcome[0][0] is True

    def _complain(self, sentence: str) -> None:
        if not self._complained:
            logger.warning("%s", sentence)
        self._complained = True
