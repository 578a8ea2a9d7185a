# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module knows which bans of the past still matter: it takes them up, and forgets them."""

import logging
from collections.abc import Callable, Iterable

from jaild.config.model import JailConfig
from jaild.core.errors import StoreFailed
from jaild.core.offences import Offences
from jaild.service.guard import Guard
from jaild.service.ledger import OVER, PAST, Ledger
from jaild.state.store import Store

logger = logging.getLogger(__name__)


class Memory:
    """The bans that have ended, as far as later decisions depend on them."""

    def __init__(
        self, store: Store, ledger: Ledger, offences: Offences, now: Callable[[], int]
    ) -> None:
        """``now`` gives microseconds since the epoch."""
        self._store = store
        self._ledger = ledger
        self._offences = offences
        self._now = now

    def recall_offences(self, jails: Iterable[JailConfig]) -> None:
        """Load the offences as soon as any jail makes bans longer by them."""
        if self._offences.wanted or not any(jail.increment for jail in jails):
            return
        self._offences.wanted = True
        try:
            for offence in self._store.offences():
                self._offences.note(*offence)
        except StoreFailed as error:
            logger.warning("earlier bans do not make later ones longer: %s", error)
        for ban in self._ledger.batch.all():
            # Not saved yet, and so not among those in the store.
            if ban.failures:
                self._offences.note(ban.jail, ban.address, ban.since)

    def recall_ended(self, seen: int) -> None:
        """Let entries that are yet to be read find the bans under which they came."""
        for jail, address, until in self._store.ended_since(seen, (PAST, OVER)):
            self._ledger.roster.past(jail, address, until)

    def prune(self, guards: Iterable[Guard], age: int) -> None:
        """Forget what is older than an age and no jail wants to remember, in microseconds."""
        now = self._now()
        # How far back a jail with a mistake wants to remember is not known: nothing goes.
        ages = [guard.config.history if guard.config else now for guard in guards]
        history = max(0, now - age)
        offences = min(history, max(0, now - max(ages, default=0)))
        try:
            gone = self._store.prune(history, offences)
        except StoreFailed as error:
            logger.warning("%s", error)
            return
        self._offences.expire(offences)
        if gone:
            logger.warning("there are too many past bans, the oldest are forgotten: %d", gone)
