# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module decides when the ledger is saved and when bans end: few commits, one timer."""

from collections.abc import Callable

from jaild.core.errors import JaildError
from jaild.enforce.port import Outcome
from jaild.service.feed import Handle, Loop
from jaild.service.ledger import Ledger

# Commands that come in a flood share a commit and a firewall request.
GATHER_MS = 5
# Without anything else to save, the position is saved this often while entries come in.
SAVE_USEC = 60_000_000
# The end of a ban is looked at again this often, even if the clock has been set meanwhile.
LONGEST_WAIT_MS = 900_000
RETRY_SAVE_MS = 2000

Answered = Callable[[Outcome | JaildError], None]


class Pace:
    """Flushes a ledger at the right moments.

    ``changed`` is called after each flush and answer, ``ended`` after bans have ended.
    """

    def __init__(
        self,
        loop: Loop,
        ledger: Ledger,
        now: Callable[[], int],
        changed: Callable[[], None],
        ended: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._ledger = ledger
        self._now = now
        self.changed = changed
        self._over = ended
        self._saved_at = 0
        self._waiting: list[Answered] = []
        self._gathering: Handle | None = None
        self._end: Handle | None = None
        self._retry: Handle | None = None

    def soon(self, answered: Answered) -> None:
        """Flush within GATHER_MS, durably; answered hears when the firewall has answered."""
        self._waiting.append(answered)
        if self._gathering is None:
            self._gathering = self._loop.after(GATHER_MS, self._gathered)

    def turn(self, *, read: bool) -> None:
        """Flush if there is something to save, or if only the position has long been unsaved."""
        # The clock may have been set back since.
        if self._ledger.batch or (read and abs(self._now() - self._saved_at) > SAVE_USEC):
            self.flush()

    def flush(self, *, durable: bool = False, last: bool = False) -> None:
        """Save and bring into force now; while saving fails, save only on the ``last`` chance."""
        waiting, self._waiting = self._waiting, []

        def answered(outcome: Outcome | JaildError) -> None:
            for done in waiting:
                done(outcome)
            self.changed()

        self._saved_at = self._now()
        # While saving fails, all that is unsaved would be tried again at every turn.
        save = last or self._retry is None
        self._ledger.flush(answered if waiting else None, durable=durable, save=save)
        if self._ledger.problem and self._retry is None:
            self._retry = self._loop.after(RETRY_SAVE_MS, self._save_again)
        self._arm()
        self.changed()

    def expire(self) -> None:
        """Lift the bans that have ended."""
        if self._ledger.expire(self._now()):
            self.flush()
            self._over()
        else:
            self._arm()

    def _gathered(self) -> None:
        self._gathering = None
        self.flush(durable=True)

    def _save_again(self) -> None:
        self._retry = None
        if self._ledger.problem:
            self.flush()

    def _arm(self) -> None:
        if self._end is not None:
            self._end.cancel()
            self._end = None
        end = self._ledger.roster.next_end()
        if end is not None:
            wait = max(0, end - self._now()) // 1000 + 1
            self._end = self._loop.after(min(wait, LONGEST_WAIT_MS), self._ended)

    def _ended(self) -> None:
        self._end = None
        self.expire()
