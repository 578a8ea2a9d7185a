# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module lets records come in and reports go out, as the configuration says at the moment."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from jaild.core.errors import StoreFailed
from jaild.dbus.loop import Handle, Loop
from jaild.journal.record import Recorder
from jaild.notify import trial
from jaild.notify.dropping import Dropped
from jaild.notify.follow import Follower, Source
from jaild.notify.inbox import Inbox
from jaild.notify.parts import Parts
from jaild.notify.queue import Queue
from jaild.notify.sender import Sender, Surroundings
from jaild.notify.settings import Settings
from jaild.notify.tidy import Tidy

logger = logging.getLogger(__name__)

# Waiting is never trusted for longer: the clock may be set.
LONGEST_NAP_MS = 3600 * 1000
IDLE = "nothing to do: no jail has a mail, and there is no webhook"


@dataclass(frozen=True, slots=True)
class World:
    """What a desk needs of the world; ``now`` in microseconds since the epoch.

    ``open_journal`` gives a reader of jaild's records, ``parts`` what reports are made with by the
    present settings, ``tell`` takes one line about how things are.
    """

    loop: Loop
    open_journal: Callable[[], Source]
    parts: Callable[[Settings], Parts]
    now: Callable[[], int]
    tell: Callable[[str], None]
    recorder: Recorder
    host: str


class Desk:
    """All of the notifier but its process."""

    def __init__(self, world: World, queue: Queue) -> None:
        """Nothing happens before use()."""
        self._world = world
        self._queue = queue
        self._settings = Settings()
        self._dropped = Dropped(world.loop, world.recorder)
        self._inbox = Inbox(queue, world.now, self._settings, self._dropped)
        parts = world.parts(self._settings)
        around = Surroundings(world.now, _domain(world.host), world.recorder)
        self._sender = Sender(queue, parts, self._settings, around)
        self._follower = Follower(
            world.loop, world.open_journal, self._inbox, world.now, self._wake
        )
        self._tidy = Tidy(world.loop, queue, self._forget_former)
        self._following = False
        self._timer: Handle | None = None
        self._told = ""

    def use(self, settings: Settings) -> None:
        """Go on with these settings; what waits for a destination that is gone is dropped later."""
        if settings.notify != self._settings.notify or not self._following:
            self._sender.parts = self._world.parts(settings)
        is_other = settings != self._settings
        self._settings = self._inbox.settings = self._sender.settings = settings
        self._queue.most = settings.notify.queue
        if self._following and not settings.is_needed:
            self._follower.stop()
        try:
            self._tidy.look(settings)
            if is_other:
                # What has failed may be what was mended.
                self._sender.hasten()
        except StoreFailed as error:
            logger.warning("what need not be told any more still waits: %s", error)
        if settings.is_needed and not self._following:
            self._follower.start()
        self._following = settings.is_needed
        self._wake()

    @property
    def settings(self) -> Settings:
        """The settings in use."""
        return self._settings

    def _forget_former(self) -> None:
        self.use(replace(self._settings, former={}))

    def save(self) -> None:
        """Save how far the journal has been read."""
        if self._following:
            self._follower.save()

    def stop(self) -> None:
        """End; what waits is told after the next start."""
        self._tidy.stop()
        self._dropped.stop()
        if self._timer is not None:
            self._timer.cancel()
        if self._following:
            self._follower.stop()
        self._queue.close()

    def try_out(self, jail: str) -> list[str]:
        """Send a sample, see trial.try_out()."""
        return trial.try_out(
            self._settings, self._sender.parts, jail, self._world.host, self._world.now()
        )

    def _wake(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._world.loop.soon(self._work)

    def _work(self) -> None:
        self._timer = None
        if not self._following:
            self._tell(IDLE)
            return
        again = self._sender.turn()
        self._tell(self._sender.status())
        if again is not None and self._timer is None:
            milliseconds = (again - self._world.now()) // 1000 + 1
            nap = max(0, min(milliseconds, LONGEST_NAP_MS))
            self._timer = self._world.loop.after(nap, self._work)

    def _tell(self, text: str) -> None:
        if text != self._told:
            self._told = text
            self._world.tell(text)


def _domain(host: str) -> str:
    """Return what stands behind the @ of the mails' ids."""
    kept = "".join(c for c in host if c.isascii() and (c.isalnum() or c in "-."))
    return kept.strip("-.") or "localhost"
