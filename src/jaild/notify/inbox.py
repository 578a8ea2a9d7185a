# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module puts notices into the queue, each for those who are to be told of it."""

from collections.abc import Callable
from dataclasses import dataclass

from jaild.core.position import Position
from jaild.notify.dropping import Dropped
from jaild.notify.model import News
from jaild.notify.queue import Queue
from jaild.notify.settings import Settings


@dataclass
class Inbox:
    """The queue as the follower sees it; ``settings`` may be replaced at any time."""

    queue: Queue
    now: Callable[[], int]
    settings: Settings
    dropped: Dropped

    def position(self) -> Position | None:
        """Return where reading stands; raises StoreFailed."""
        return self.queue.position()

    def take(self, found: list[News], position: Position) -> None:
        """Save news and where they have been read; raises StoreFailed."""
        addressed = [(news, self.settings.dests(news)) for news in found]
        self.dropped.add(self.queue.take(addressed, position, self.now()))
