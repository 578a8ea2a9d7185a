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

from jaild.config import program
from jaild.config.model import IgnoreCache
from jaild.core.address import Address, Networks, of_network, to_network
from jaild.core.errors import JaildError
from jaild.lookup.port import Lookup
from jaild.service.again import Again
from jaild.service.feed import Loop

logger = logging.getLogger(__name__)

# No ban is held back longer than this; a command that has not answered by then spares nobody.
PATIENCE_MS = 10_000
# So many questions of a jail are put at a time, the others wait.
AT_ONCE = 64
# More are not even remembered: the last of them would be answered when nobody waits any longer.
MOST_OPEN = 10_000
# What has failed is not taken for an answer longer than this.
FAILED_USEC = 30_000_000
SPARED = "ignorecommand spares it"

# Hears whether the address is spared.
Answered = Callable[[bool], None]


@dataclass(frozen=True, slots=True)
class Interest:
    """Who has to do with the answers of a jail, by its name and an address.

    ``spared`` hears whom its ignorecommand spares, ``banned`` tells whether failures of an address
    have got it banned.
    """

    spared: Callable[[str, Address], None] = lambda _jail, _address: None
    banned: Callable[[str, Address], bool] = lambda _jail, _address: False


@dataclass(frozen=True, slots=True)
class _Answer:
    spared: bool
    time: int
    failed: bool


@dataclass(slots=True)
class _Question:
    key: str
    address: Address
    waiting: list[Answered] = field(default_factory=list)


class Questions:
    """What one jail asks its ignorecommand."""

    def __init__(
        self,
        jail: str,
        cache: IgnoreCache,
        lookup: Lookup,
        loop: Loop,
        now: Callable[[], int],
        interest: Interest,
    ) -> None:
        """``now`` gives microseconds since the epoch."""
        self.cache = cache
        self._jail = jail
        self._lookup = lookup
        self._loop = loop
        self._now = now
        self._interest = interest
        self._again = Again(loop, lambda address: interest.banned(jail, address), self._enqueue)
        # Whom it spares and since when that is known, oldest first, and where they are.
        self._friends: OrderedDict[Address, int] = OrderedDict()
        self._around = Networks()
        # By the cache's key, oldest first.
        self._answers: OrderedDict[str, _Answer] = OrderedDict()
        self._open: dict[str, _Question] = {}
        self._unasked: deque[_Question] = deque()
        self._asked = 0
        self._about_to_ask = False
        self._problem = ""
        self._crowded = False

    def answer(self, address: Address) -> str:
        """Return why an address is spared as far as is known, "" if it is not."""
        return SPARED if self._known(self._key(address)) else ""

    def inside(self, network: Address) -> str:
        """Return why a ban of a network would hit somebody who is spared, "" if none is known.

        Nobody is asked about every neighbour: it counts what is known at present.
        """
        now = self._now()
        while self._friends:
            address, time = next(iter(self._friends.items()))
            if abs(now - time) < self.cache.age:
                break
            self._set_friend(address, spared=False)
        found = self._around.touches(network)
        return f"ignorecommand spares {of_network(found)}" if found is not None else ""

    def ask(self, address: Address) -> None:
        """Ask unless the answer is known or under way, or too many are: then it is not spared."""
        if self._known(self._key(address)) is None:
            self._enqueue(address)

    def _enqueue(self, address: Address) -> None:
        key = self._key(address)
        if key in self._open:
            return
        if len(self._open) >= MOST_OPEN:
            self._say_crowded()
            return
        self._open[key] = question = _Question(key, address)
        self._unasked.append(question)
        self._ask_soon()

    def close(self) -> tuple[Address, ...]:
        """Ask again about nobody; returns who was to be asked about again."""
        return self._again.close()

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
        return program.fill(self.cache.key, self._jail, address)

    def _known(self, key: str) -> bool | None:
        found = self._answers.get(key)
        if found is None:
            return None
        age = min(self.cache.age, FAILED_USEC) if found.failed else self.cache.age
        return found.spared if abs(self._now() - found.time) < age else None

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
            failed = isinstance(answer, JaildError)
            self._say(str(answer) if failed else "")
            self._remember(question.key, _Answer(answer is True, self._now(), failed))
            self._set_friend(question.address, spared=answer is True)
            (self._again.failed if failed else self._again.answered)(question.address)
            waiting, question.waiting = question.waiting, []
            for answered in waiting:
                answered(answer is True)
            if answer is True:
                self._interest.spared(self._jail, question.address)
            self._ask_soon()

        self._lookup.spares(self._jail, question.address, done)

    def _remember(self, key: str, answer: _Answer) -> None:
        self._answers[key] = answer
        self._answers.move_to_end(key)
        while len(self._answers) > self.cache.most:
            self._answers.popitem(last=False)

    def _set_friend(self, address: Address, *, spared: bool) -> None:
        if self._friends.pop(address, None) is not None:
            self._around.discard(to_network(address))
        if spared:
            self._friends[address] = self._now()
            self._around.add(to_network(address))
        if len(self._friends) > self.cache.most:
            self._set_friend(next(iter(self._friends)), spared=False)

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
