# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module remembers what ignorecommand has answered, and waits for what it has yet to answer.

The command runs elsewhere. Nobody here waits for it: entries are counted meanwhile, and only the
ban that its answer could spare is held back, not for long.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from jaild.config.model import IgnoreCache
from jaild.core.address import Address
from jaild.core.errors import JaildError
from jaild.lookup.port import Lookup
from jaild.service.feed import Loop

logger = logging.getLogger(__name__)

# No ban is held back longer than this; a command that has not answered by then spares nobody.
PATIENCE_MS = 10_000
# So many questions of a jail are put at a time, the others wait.
AT_ONCE = 64
SPARED = "ignorecommand spares it"

# Hears whether the address is spared.
Answered = Callable[[bool], None]

# Hears of a jail and of an address that its ignorecommand spares.
Spared = Callable[[str, Address], None]


@dataclass(slots=True)
class _Question:
    address: Address
    asked: bool = False
    waiting: list[Answered] = field(default_factory=list)


class Questions:
    """What one jail asks its ignorecommand; ``spared`` hears of each address that it spares."""

    def __init__(
        self,
        jail: str,
        cache: IgnoreCache,
        lookup: Lookup,
        loop: Loop,
        now: Callable[[], int],
        spared: Spared,
    ) -> None:
        self.cache = cache
        self._jail = jail
        self._lookup = lookup
        self._loop = loop
        self._now = now
        self._spared = spared
        # By the cache's key: whether it is spared, and when that was answered; oldest first.
        self._answers: OrderedDict[str, tuple[bool, int]] = OrderedDict()
        self._open: dict[str, _Question] = {}
        self._problem = ""

    def answer(self, address: Address) -> str:
        """Return why an address is spared as far as is known, "" if it is not."""
        return SPARED if self._known(self._key(address)) else ""

    def ask(self, address: Address) -> None:
        """Ask unless the answer is known or under way."""
        key = self._key(address)
        if key not in self._open and self._known(key) is None:
            self._open[key] = _Question(address)
            self._loop.soon(self._next)

    def is_open(self, address: Address) -> bool:
        """Return whether an answer is under way."""
        return self._key(address) in self._open

    def wait(self, address: Address, answered: Answered) -> None:
        """Call answered once, with the answer that is under way, or with no after some seconds."""
        question = self._open.get(self._key(address))
        if question is None:
            answered(bool(self.answer(address)))
            return
        question.waiting.append(answered)
        self._loop.after(PATIENCE_MS, lambda: _lose_patience(question, answered))

    def _key(self, address: Address) -> str:
        return self.cache.key.replace("<ip>", address).replace("<fid>", address)

    def _known(self, key: str) -> bool | None:
        spared, when = self._answers.get(key, (None, 0))
        return spared if abs(self._now() - when) < self.cache.age else None

    def _next(self) -> None:
        asked = sum(question.asked for question in self._open.values())
        for key, question in list(self._open.items()):
            if asked >= AT_ONCE:
                return
            if not question.asked:
                question.asked = True
                asked += 1
                self._put(key, question)

    def _put(self, key: str, question: _Question) -> None:
        def done(answer: bool | JaildError) -> None:  # noqa: FBT001 - the answer
            del self._open[key]
            spared = answer is True
            self._say(str(answer) if isinstance(answer, JaildError) else "")
            self._answers[key] = (spared, self._now())
            self._answers.move_to_end(key)
            while len(self._answers) > self.cache.most:
                self._answers.popitem(last=False)
            waiting, question.waiting = question.waiting, []
            for answered in waiting:
                answered(spared)
            if spared:
                self._spared(self._jail, question.address)
            if self._open:
                self._loop.soon(self._next)

        self._lookup.spares(self._jail, question.address, done)

    def _say(self, problem: str) -> None:
        # Once: an attack asks the same command again and again.
        if problem and problem != self._problem:
            logger.warning("[%s] ignorecommand spares nobody: %s", self._jail, problem)
        self._problem = problem


def _lose_patience(question: _Question, answered: Answered) -> None:
    if answered in question.waiting:
        question.waiting.remove(answered)
        answered(False)  # noqa: FBT003 - the answer
