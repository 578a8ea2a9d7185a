# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module makes real ssh password attempts, and reads what came of each."""

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import chain

from tests.lab import net
from tests.lab.place import LabError

# One sshd forks and asks PAM for each attempt; more at a time only wait for the processors.
AT_ONCE = 64
CONNECT_SECONDS = 5
SSH_FAILED = 255


class Outcome(StrEnum):
    """What came of one attempt."""

    DENIED = "denied"  # connected, the password was refused
    ACCEPTED = "accepted"  # connected and logged in
    REFUSED = "refused"  # no connection: the firewall rejects, or nobody listens
    TIMEOUT = "timeout"  # no connection: no answer
    CLOSED = "closed"  # connected, then cut off


@dataclass(frozen=True, slots=True)
class Login:
    """What the attackers try: account, password and port."""

    user: str = "root"
    password: str = "letmein"
    port: int = 22


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt: the source's ``number``-th, counted from 1, its outcome and when it began."""

    source: str
    number: int
    outcome: Outcome
    at: datetime


# Runs a command in the attackers' network with a variable in its environment: status and errors.
Runner = Callable[[Sequence[str], str], tuple[int, str]]
Watcher = Callable[[Attempt], None]

_SIGNS = (
    (Outcome.DENIED, "Permission denied|Too many authentication failures"),
    (
        Outcome.REFUSED,
        "Connection refused|No route to host|Network is unreachable|administratively",
    ),
    (Outcome.TIMEOUT, "Connection timed out|Operation timed out"),
    (Outcome.CLOSED, "Connection (to .*)?(closed|reset)|kex_exchange_identification|Broken pipe"),
    # A connection that opened and then stays silent, e.g. dropped in the middle.
    (Outcome.TIMEOUT, "timed out|timeout"),
)


def command(source: str, login: Login) -> list[str]:
    """Return the ssh command for one attempt from a source; it reads nobody's settings or keys."""
    options = {
        "BindAddress": source,
        "ConnectTimeout": str(CONNECT_SECONDS),
        "GlobalKnownHostsFile": "/dev/null",
        "IdentityAgent": "none",
        # Below this level ssh does not tell of a connection that was cut off.
        "LogLevel": "INFO",
        "NumberOfPasswordPrompts": "1",
        "Port": str(login.port),
        "PreferredAuthentications": "password",
        "StrictHostKeyChecking": "no",
        "UserKnownHostsFile": "/dev/null",
    }
    settings = chain.from_iterable(("-o", f"{name}={value}") for name, value in options.items())
    target = net.host_for(source)
    return ["sshpass", "-e", "ssh", "-F", "none", *settings, "-l", login.user, "--", target, "true"]


def outcome(status: int, errors: str) -> Outcome:
    """Read the outcome from ssh's exit status and messages; raises LabError if they say nothing."""
    if status == 0:
        return Outcome.ACCEPTED
    for result, sign in _SIGNS:
        if re.search(sign, errors, re.IGNORECASE):
            return result
    if status == SSH_FAILED and not errors.strip():
        # Ended while it waited for an answer; ssh says no more at this log level.
        return Outcome.CLOSED
    raise LabError(f"ssh ended with status {status}: {errors.strip() or 'without a word'}")


def attack(
    run: Runner, sources: Sequence[str], tries: int, login: Login, told: Watcher, *, parallel: bool
) -> tuple[Attempt, ...]:
    """Make so many tries from each source, all sources at once or one after the other."""

    def siege(source: str) -> list[Attempt]:
        return [_attempt(run, source, number, login, told) for number in range(1, tries + 1)]

    with ThreadPoolExecutor(min(AT_ONCE, len(sources)) if parallel else 1) as pool:
        try:
            return tuple(chain.from_iterable(pool.map(siege, sources)))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _attempt(run: Runner, source: str, number: int, login: Login, told: Watcher) -> Attempt:
    at = datetime.now(UTC)
    status, errors = run(command(source, login), login.password)
    attempt = Attempt(source, number, outcome(status, errors), at)
    told(attempt)
    return attempt
