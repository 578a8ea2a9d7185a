# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module asks polkit whether a caller may do something, without waiting for the answer.

It fails closed: whatever goes wrong, only uid 0 may. uid 0 is never asked about, so that root keeps
control of a host without polkit. Calls of one caller that wait for the same answer share one
question.
"""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from jaild.core.errors import JaildError
from jaild.dbus import variant
from jaild.dbus.call import Call, Outcome

if TYPE_CHECKING:
    from jaild.dbus.bus import Bus

logger = logging.getLogger(__name__)

Verdict = Callable[[bool], None]

TIMEOUT_MS = 25_000
# A person needs time to type a password.
INTERACTIVE_TIMEOUT_MS = 120_000
# More calls than this wait for polkit only when somebody means to fill the memory.
WAITING_MAX = 4096

_POLKIT = "org.freedesktop.PolicyKit1"
_ALLOW_INTERACTION = 1


class Authority:
    """polkit, as one bus connection sees it."""

    def __init__(self, bus: "Bus") -> None:
        self._bus = bus
        self._waiting: dict[tuple[str, str, bool], list[Verdict]] = {}
        self._count = 0
        self._complained = False  # anybody can call, so each trouble is logged once, not each time

    def check(self, sender: str, action: str, done: Verdict, *, interactive: bool) -> None:
        """Call done with whether the connection named sender may do action."""

        def judge(uid: int | JaildError) -> None:
            if isinstance(uid, int) and uid != 0:
                self._join((sender, action, interactive), done)
            else:
                done(uid == 0)  # a JaildError says that the caller is already gone

        self._bus.uid_of(sender, judge)

    def _join(self, question: tuple[str, str, bool], done: Verdict) -> None:
        if self._count >= WAITING_MAX:
            self._complain("Too many calls wait for polkit; more are refused")
            allowed = False
            done(allowed)
            return
        self._count += 1
        waiting = self._waiting.setdefault(question, [])
        waiting.append(done)
        if len(waiting) == 1:
            self._ask(question)

    def _ask(self, question: tuple[str, str, bool]) -> None:
        sender, action, interactive = question
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

    def _leave(self, question: tuple[str, str, bool]) -> list[Verdict]:
        waiting = self._waiting.pop(question)
        self._count -= len(waiting)
        return waiting

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
