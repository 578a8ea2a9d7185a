# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module drops what waits for somebody who is not to be told any more, after a while.

A file that is moved away and back, or an action that is commented out to try something, names
nobody for a moment, and means nothing by it.
"""

import logging
from collections.abc import Callable
from dataclasses import replace

from jaild.core.errors import StoreFailed
from jaild.dbus.loop import Handle, Loop
from jaild.notify.queue import MAIL, Queue
from jaild.notify.settings import Settings

logger = logging.getLogger(__name__)

GRACE_MS = 10 * 60 * 1000


class Tidy:
    """Waits, and drops."""

    def __init__(self, loop: Loop, queue: Queue, over: Callable[[], None]) -> None:
        """Nothing happens before look(); ``over``: from now on nothing is told of former jails."""
        self._loop = loop
        self._queue = queue
        self._settings = Settings()
        self._over = over
        self._gone: frozenset[tuple[str, str]] = frozenset()
        self._timer: Handle | None = None

    def look(self, settings: Settings) -> None:
        """See who is not to be told any more; raises StoreFailed.

        The time runs anew whenever it is somebody else, and after a start.
        """
        self._settings = settings
        gone = frozenset(self._queue.others(_jails(settings), settings.notify.webhooks))
        waits_for = gone.union((MAIL, jail) for jail in settings.former)
        if waits_for == self._gone and self._timer is not None:
            return
        self.stop()
        self._gone = waits_for
        if waits_for or not settings.is_needed:
            self._timer = self._loop.after(GRACE_MS, self._drop)

    def stop(self) -> None:
        """Drop nothing before the next look()."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _drop(self) -> None:
        self._timer = None
        settings = replace(self._settings, former={})
        try:
            dropped = self._dropped(settings)
        except StoreFailed as error:
            logger.warning("what need not be told any more still waits: %s", error)
            self._timer = self._loop.after(GRACE_MS, self._drop)
            return
        self._gone = frozenset()
        if dropped:
            what = "1 ban need" if dropped == 1 else f"{dropped} bans need"
            logger.warning(
                "%s not be told any more: nobody has been configured to be told for %d minutes",
                what, GRACE_MS // 60_000,
            )  # fmt: skip
        if self._settings.former:
            self._over()

    def _dropped(self, settings: Settings) -> int:
        if not settings.is_needed:
            # Who is told from some later day on does not want to hear of all that has been.
            return self._queue.forget()
        return self._queue.keep_only(_jails(settings), settings.notify.webhooks)


def _jails(settings: Settings) -> frozenset[str]:
    return settings.broken.union(settings.mails, settings.former)
