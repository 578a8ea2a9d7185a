# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module answers root's questions to the notifier; a test mail is not everybody's to send."""

import logging
from collections.abc import Callable
from typing import Protocol

from jaild.core.errors import JaildError, NotAuthorized
from jaild.dbus.publish import Caller
from jaild.dbus.reply import Deferred

logger = logging.getLogger(__name__)


class Identify(Protocol):
    """The bus's word about who calls."""

    def __call__(self, sender: str, done: Callable[[int | JaildError], None]) -> None:
        """Call done with the uid behind a connection."""


class Notifier:
    """``org.jaild1.Notify``."""

    def __init__(self, identify: Identify, try_out: Callable[[str], list[str]]) -> None:
        """``try_out`` sends a sample of a jail's, "" for all, and returns what happened."""
        self._identify = identify
        self._try_out = try_out

    def Test(self, jail: str, caller: Caller) -> Deferred:  # noqa: N802 - D-Bus's name
        """Send a sample and answer with what happened, one line a step."""
        deferred = Deferred()

        def identified(uid: int | JaildError) -> None:
            try:
                _admit(uid)
                deferred.resolve("\n".join(self._try_out(jail)))
            except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets an answer
                deferred.reject(error)

        self._identify(caller.sender, identified)
        return deferred


def _admit(uid: int | JaildError) -> None:
    if uid != 0:
        raise NotAuthorized("only root may send a test")
