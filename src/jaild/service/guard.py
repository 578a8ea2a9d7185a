# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module runs one configured jail: builds it, keeps its state, and says how it stands."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from jaild.config.compile import compile_filter
from jaild.config.model import JailConfig
from jaild.core.address import Address
from jaild.core.ban import Ban
from jaild.core.connection import Connection, Connections
from jaild.core.detector import Detector
from jaild.core.errors import InvalidConfig
from jaild.core.jail import Jail
from jaild.core.offences import Offences
from jaild.core.policy import Ignored, Listed, Policy
from jaild.core.roster import Roster
from jaild.core.rule import Rule
from jaild.core.tally import Failure, Tally
from jaild.service.limit import Limit, Limited
from jaild.service.questions import Questions
from jaild.service.status import JailStatus, State
from jaild.state.batch import Batch
from jaild.state.saved import Saved

logger = logging.getLogger(__name__)


@dataclass
class Past:
    """What a jail has to go on from: an earlier run's, or that of the configuration before.

    ``known`` is whether the jail has run before at all.
    """

    failures: list[tuple[Address, Failure]] = field(default_factory=list)
    connections: list[tuple[str, Connection]] = field(default_factory=list)
    failed: int = 0
    banned: int = 0
    known: bool = False


def pasts_of(saved: Saved) -> dict[str, Past]:
    """Return the past of each jail, of what an earlier run has saved."""
    pasts: dict[str, Past] = {}
    for jail, address, failure in saved.failures:
        pasts.setdefault(jail, Past()).failures.append((address, failure))
    for jail, process, connection in saved.connections:
        pasts.setdefault(jail, Past()).connections.append((process, connection))
    for jail, (failed, banned) in saved.counters.items():
        past = pasts.setdefault(jail, Past())
        past.failed, past.banned, past.known = failed, banned, True
    return pasts


class Sparing(Protocol):
    """Whoever knows whom to spare."""

    def ignored(self, jail: JailConfig) -> Ignored:
        """Return whom a jail spares without asking."""

    def questions(self, jail: JailConfig) -> Questions | None:
        """Return what a jail asks its ignorecommand, None if it has none."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What jails share: the roster, the limit of matching, the offences, and who is spared."""

    roster: Roster
    limit: Limit
    offences: Offences
    sparing: Sparing


@dataclass
class Guard:
    """One enabled jail; ``jail`` is None unless it is running, ``reason`` says why it is not.

    ``kept`` is what a jail that does not run goes on from when it does; ``limited`` is its filter,
    ``questions`` what it asks its ignorecommand. What was logged before ``since`` (microseconds
    since the epoch) is not its business: it was not there yet.
    """

    name: str
    config: JailConfig | None
    jail: Jail | None = None
    state: State = State.STOPPED
    reason: str = ""
    banned: int = 0
    kept: Past = field(default_factory=Past)
    limited: Limited | None = None
    questions: Questions | None = None
    since: int = 0
    _said: bool = False

    def start(
        self,
        past: Past,
        around: Surroundings,
    ) -> None:
        """Begin to watch; raises InvalidConfig when a pattern of the filter cannot be used."""
        if self.config is None:
            raise InvalidConfig(self.reason)
        config = self.config
        roster = around.roster
        self.questions = around.sparing.questions(config)
        self.limited = Limited(compile_filter(config.filter), around.limit)

        def holds(address: Address, time: int) -> bool:
            return roster.holds(self.name, address, time)

        def neighbours(network: Address, time: int) -> frozenset[Address]:
            return roster.neighbours(self.name, network, time)

        roster.gather(self.name, config.aggregate)
        self.jail = Jail(
            name=self.name,
            detector=Detector(self.limited, Connections(past.connections)),
            tally=Tally(config.maxretry, config.findtime),
            policy=Policy(config.bantime, config.maxmatches, config.increment),
            ignored=around.sparing.ignored(config),
            holds=holds,
            failures=past.failed,
            counts="bans" if self.hears_bans else "failures",
            offences=around.offences,
            prefixes=config.prefixes,
            aggregate=config.aggregate,
            neighbours=neighbours,
            questions=self.questions,
        )
        self.jail.tally.restore(past.failures)
        self.banned = past.banned
        self.state, self.reason = State.RUNNING, ""

    @property
    def hears_bans(self) -> bool:
        """Whether the jail looks at other jails' bans instead of the journal."""
        return self.config is not None and self.config.filter.source == "bans"

    def ignored(self, own: Iterable[str]) -> Ignored:
        """Return whom the jail spares, names left out, on a host with these addresses."""
        config = self.config
        if config is None:
            return Ignored(Listed(()))
        return Ignored(Listed(config.ignoreip), own if config.ignoreself else ())

    def stop(self, state: State, reason: str) -> None:
        """Watch no longer; what has been counted is kept."""
        self.kept = self.past()
        self.jail = None
        self.state, self.reason = state, reason

    def take_back(self, ban: Ban, batch: Batch) -> None:
        """Count a ban no longer that has not been made after all."""
        self.banned -= 1
        if self.jail is not None:
            batch.counters[ban.jail] = (self.jail.failures, self.banned)

    def unhear(self, ban: Ban, batch: Batch) -> None:
        """Count another jail's ban no longer that has not been made after all."""
        jail = self.jail
        found = jail.unhear(ban) if jail is not None and self.hears_bans else None
        if jail is None or found is None:
            return
        unit, left = found
        batch.clear(self.name, unit)
        for failure in left:
            batch.fail(self.name, unit, failure, jail.tally.findtime)
        batch.counters[self.name] = (jail.failures, self.banned)

    def warn(self) -> None:
        """Say once that bans cannot be made longer, if so."""
        if self.jail is not None and self.jail.mistake and not self._said:
            self._said = True
            logger.warning(
                "jail %s: bantime.formula: %s; such bans last as long as bantime says",
                self.name,
                self.jail.mistake,
            )

    def past(self) -> Past:
        """Return what a successor goes on from."""
        if self.jail is None:
            return self.kept
        return Past(
            list(self.jail.tally.failures()),
            list(self.jail.detector.connections.known()),
            self.jail.failures,
            self.banned,
            known=True,
        )

    def rule(self, address: Address) -> Rule:
        """Return the firewall rule that bans an address for this jail."""
        if self.config is None:
            return Rule(self.name, address)
        config = self.config
        return Rule(self.name, address, config.ports, config.protocol, config.verdict)

    def status(self, bans: list[Ban]) -> JailStatus:
        """Return how the jail stands, with its present bans."""
        config, jail = self.config, self.jail
        return JailStatus(
            name=self.name,
            state=self.state,
            reason=self.reason,
            filter=config.filter.name if config else "",
            match=str(config.match) if config else "",
            maxretry=config.maxretry if config else 0,
            findtime=config.findtime if config else 0,
            bantime=config.bantime if config else 0,
            failed_now=len(jail.tally) if jail else 0,
            failed_total=jail.failures if jail else 0,
            banned_now=len(bans),
            banned_total=self.banned,
            addresses=tuple(ban.address for ban in bans),
            ignored=jail.ignored.texts if jail else (),
            actions=config.actions if config else (),
        )
