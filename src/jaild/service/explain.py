# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module explains how an address stands: why it is banned, or why it is not."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from jaild.core import duration
from jaild.core.address import Address, Networks, covering, parse_host, to_network
from jaild.core.ban import FOREVER, Ban
from jaild.core.errors import InvalidConfig
from jaild.core.jail import Jail
from jaild.core.tally import Failure
from jaild.service.guard import Guard
from jaild.service.ledger import PAST, Ledger
from jaild.service.status import State

MOST_PAST = 20
_TOO_LATE = "it was over before jaild read of it"

# An ended ban and how it ended.
Past = tuple[Ban, str]


@dataclass(frozen=True, slots=True)
class Standing:
    """How an address stands with one jail.

    ``failures`` are those that count now, oldest first, against ``unit``, which is the address or
    its network; ``ends`` is when the first of them stops counting, None without any. ``ignored`` is
    the rule that spares it, ``ban`` the one in force of the address or of a network that holds it,
    ``why`` a sentence why there is none. ``inside`` is how many bans there are within a network.
    ``offences`` are the bans that make the next one longer, and ``next_ban`` is at least how long
    in microseconds; None without bantime.increment.
    """

    name: str
    state: State
    maxretry: int
    findtime: int
    failures: tuple[Failure, ...]
    unit: Address
    ends: int | None
    ignored: str
    ban: Ban | None
    why: str
    inside: int
    offences: int | None
    next_ban: int | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that is known of an address or network.

    ``ignored`` is the rule by which all jails that run spare it, "" if there is none or they
    differ; ``problem`` is why bans are not in force, "" if they are; ``past`` has bans that have
    ended, newest first.
    """

    address: Address
    ignored: str
    problem: str
    jails: tuple[Standing, ...]
    past: tuple[Past, ...]


def explain(
    address: Address,
    guards: Iterable[Guard],
    ledger: Ledger,
    own: Sequence[str],
    now: int,
    saved: Sequence[Past],
) -> Explanation:
    """Return how an address stands with all jails at a time, in microseconds since the epoch.

    ``own`` are the addresses of the host; ``saved`` are the bans in the store that have ended.
    """
    names = covering(address)
    jails = tuple(_standing(address, names, guard, ledger, own, now) for guard in guards)
    # What ended last may not be saved yet.
    past = [(ban, how) for ban, how in ledger.batch.ended if ban.address in names]
    past = sorted([*past[::-1], *saved], key=lambda one: one[0].since, reverse=True)
    return Explanation(
        address,
        _common_rule(jails),
        ledger.keeper.problem if ledger.keeper is not None else "",
        jails,
        tuple((ban, _TOO_LATE if how == PAST else how) for ban, how in past[:MOST_PAST]),
    )


def _common_rule(jails: Sequence[Standing]) -> str:
    """Return the rule by which every jail that runs spares an address, "" if they differ."""
    running = [standing for standing in jails if standing.state is State.RUNNING] or jails
    rules = {standing.ignored for standing in running}
    return rules.pop() if len(rules) == 1 else ""


def _standing(
    address: Address,
    names: Sequence[Address],
    guard: Guard,
    ledger: Ledger,
    own: Sequence[str],
    now: int,
) -> Standing:
    config, jail = guard.config, guard.jail
    unit = jail.unit(address) if jail is not None else address
    failures = jail.tally.window(unit, now) if jail is not None else ()
    findtime = config.findtime if config else 0
    ignored = guard.ignored(own).why(address) if jail is None else jail.why_spared(address)
    bans = [ban for name in names if (ban := ledger.roster.get(guard.name, name)) is not None]
    ban = max(ledger.shown(bans), key=lambda one: one.until, default=None)
    offences = _offences(jail, unit, now)
    return Standing(
        name=guard.name,
        state=guard.state,
        maxretry=config.maxretry if config else 0,
        findtime=findtime,
        failures=failures,
        unit=unit,
        ends=min(failures[0].time + findtime, FOREVER) if failures else None,
        ignored=ignored,
        ban=ban,
        why="" if ban is not None else _why(guard, ignored, address, unit, failures, now),
        inside=_inside(address, ledger.roster.of(guard.name)) if "/" in address else 0,
        offences=offences,
        next_ban=_next_ban(jail, offences),
    )


def _why(
    guard: Guard,
    ignored: str,
    address: Address,
    unit: Address,
    failures: Sequence[Failure],
    now: int,
) -> str:
    """Return why a jail does not ban an address, as a sentence."""
    jail = guard.jail
    if jail is None:
        return f"the jail does not run: {guard.reason}"
    if ignored:
        return ignored
    if guard.config is not None and guard.config.filter.source == "none":
        return "the jail looks at nothing; it has bans by hand and what denyip lists"
    if failures:
        return _count(jail, unit, failures, now)
    if "/" in address and (narrower := _narrower(jail, address)):
        return f"{jail.counts} are counted of {narrower}"
    return f"no {jail.counts} in the last {duration.format(jail.tally.findtime)}"


def _narrower(jail: Jail, network: Address) -> str:
    """Return of what a jail counts, if that is narrower than a network, else ""."""
    counted = jail.prefixes.of(parse_host(network.partition("/")[0]))
    if "/" not in counted:
        return "single addresses, not of networks"
    length = to_network(counted).prefixlen
    wider = to_network(network).prefixlen < length
    return f"each /{length}, not of wider networks" if wider else ""


def _count(jail: Jail, unit: Address, failures: Sequence[Failure], now: int) -> str:
    tally = jail.tally
    weight = jail.policy.weight(jail.earlier(unit, now), tally.maxretry)
    left = max(0, failures[0].time + tally.findtime - now)
    whole = -(-left // duration.SECOND) * duration.SECOND
    times = f", counted {weight} times each" if weight > 1 else ""
    return (
        f"{len(failures)} of {tally.maxretry} {jail.counts}{times}; "
        f"the first stops counting in {duration.format(whole)}"
    )


def _inside(address: Address, bans: Iterable[Ban]) -> int:
    whole = Networks([to_network(address)])
    return sum(ban.address != address and whole.find(ban.address) is not None for ban in bans)


def _offences(jail: Jail | None, unit: Address, now: int) -> int | None:
    if jail is None or jail.policy.increment is None:
        return None
    return jail.earlier(unit, now)


def _next_ban(jail: Jail | None, offences: int | None) -> int | None:
    if jail is None or offences is None:
        return None
    try:
        return jail.policy.length(offences, 0.0)
    except InvalidConfig:
        # The formula of longer bans comes to no number: such bans are as long as all first ones.
        return jail.policy.bantime
