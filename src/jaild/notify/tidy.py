# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module drops what waits for somebody who is not to be told any more, after a while.

A file that is moved away and back, or an action that is commented out to try something, names
nobody for a moment, and means nothing by it.
"""

import logging

from jaild.core.errors import StoreFailed
from jaild.dbus.loop import Handle, Loop
from jaild.notify.queue import Queue
from jaild.notify.settings import Settings

logger = logging.getLogger(__name__)

GRACE_MS = 10 * 60 * 1000


class Tidy:
    """Waits, and drops."""

    def __init__(self, loop: Loop, queue: Queue) -> None:
        """Nothing happens before look()."""
        self._loop = loop
        self._queue = queue
        self._settings = Settings()
        self._gone: frozenset[tuple[str, str]] = frozenset()
        self._timer: Handle | None = None

    def look(self, settings: Settings) -> None:
        """See who is not to be told any more; raises StoreFailed.

        The time runs anew whenever it is somebody else, and after a start.
        """
        self._settings = settings
        gone = frozenset(self._queue.others(_jails(settings), settings.notify.webhooks))
        if gone == self._gone and self._timer is not None:
            return
        self.stop()
        self._gone = gone
        if gone or not settings.is_needed:
            self._timer = self._loop.after(GRACE_MS, self._drop)

    def stop(self) -> None:
        """Drop nothing before the next look()."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _drop(self) -> None:
        self._timer = None
        try:
            dropped = self._dropped()
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

    def _dropped(self) -> int:
        if not self._settings.is_needed:
            # Who is told from some later day on does not want to hear of all that has been.
            return self._queue.forget()
        return self._queue.keep_only(_jails(self._settings), self._settings.notify.webhooks)


def _jails(settings: Settings) -> frozenset[str]:
    return settings.broken.union(settings.mails)
