# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module remembers what ignorecommand has answered, and waits for what it has yet to answer.

The command runs elsewhere. Nobody here waits for it: entries are counted meanwhile, and only the
ban that its answer could spare is held back, not for long.
"""

import logging
from collections import OrderedDict, deque
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
# More are not even remembered: the last of them would be answered when nobody waits any longer.
MOST_OPEN = 10_000
SPARED = "ignorecommand spares it"

# Hears whether the address is spared.
Answered = Callable[[bool], None]

# Hears of a jail and of an address that its ignorecommand spares.
Spared = Callable[[str, Address], None]


@dataclass(slots=True)
class _Question:
    key: str
    address: Address
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
        self._unasked: deque[_Question] = deque()
        self._asked = 0
        self._about_to_ask = False
        self._problem = ""
        self._crowded = False

    def answer(self, address: Address) -> str:
        """Return why an address is spared as far as is known, "" if it is not."""
        return SPARED if self._known(self._key(address)) else ""

    def ask(self, address: Address) -> None:
        """Ask unless the answer is known or under way, or too many are: then it is not spared."""
        key = self._key(address)
        if key in self._open or self._known(key) is not None:
            return
        if len(self._open) >= MOST_OPEN:
            self._say_crowded()
            return
        self._open[key] = question = _Question(key, address)
        self._unasked.append(question)
        self._ask_soon()

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

    def _ask_soon(self) -> None:
        if self._unasked and not self._about_to_ask:
            self._about_to_ask = True
            self._loop.soon(self._next)

    def _next(self) -> None:
        self._about_to_ask = False
        for _ in range(min(AT_ONCE - self._asked, len(self._unasked))):
            self._asked += 1
            self._put(self._unasked.popleft())

    def _put(self, question: _Question) -> None:
        def done(answer: bool | JaildError) -> None:  # noqa: FBT001 - the answer
            self._asked -= 1
            del self._open[question.key]
            self._crowded = self._crowded and len(self._open) > MOST_OPEN // 2
            self._say(str(answer) if isinstance(answer, JaildError) else "")
            self._remember(question.key, spared=answer is True)
            waiting, question.waiting = question.waiting, []
            for answered in waiting:
                answered(answer is True)
            if answer is True:
                self._spared(self._jail, question.address)
            self._ask_soon()

        self._lookup.spares(self._jail, question.address, done)

    def _remember(self, key: str, *, spared: bool) -> None:
        self._answers[key] = (spared, self._now())
        self._answers.move_to_end(key)
        while len(self._answers) > self.cache.most:
            self._answers.popitem(last=False)

    def _say_crowded(self) -> None:
        if not self._crowded:
            self._crowded = True
            sentence = "[%s] ignorecommand spares nobody else: %d addresses are to be asked about"
            logger.warning(sentence, self._jail, MOST_OPEN)

    def _say(self, problem: str) -> None:
        # Once: an attack asks the same command again and again.
        if problem and problem != self._problem:
            logger.warning("[%s] ignorecommand spares nobody: %s", self._jail, problem)
        self._problem = problem


def _lose_patience(question: _Question, answered: Answered) -> None:
    if answered in question.waiting:
        question.waiting.remove(answered)
        answered(False)  # noqa: FBT003 - the answer
