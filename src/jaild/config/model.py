# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module defines what the rest of jaild sees of the configuration: frozen, typed, complete.

Durations are microseconds (FOREVER for a ban without end), ports are canonical.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from jaild.core.address import Network
from jaild.core.errors import InvalidConfig
from jaild.core.increment import Increment
from jaild.core.match import Match
from jaild.core.prefix import Aggregate, Prefixes


@dataclass(frozen=True, slots=True, order=True)
class Note:
    """One accepted option that does not do what its writer may expect, and why.

    A ``warning`` is about something that works and is unsafe or unlikely to be meant.
    """

    path: str
    line: int
    text: str
    kind: Literal["note", "warning"] = "note"

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


@dataclass(frozen=True, slots=True)
class MailConfig:
    """The mail of one jail: from ``sender`` (``sendername`` is shown beside it) to ``to``.

    ``mta`` is the way that it takes: ``mail`` is SMTP to this host, ``sendmail`` the program,
    ``smtp`` the server of SmtpConfig. Addresses are ASCII, without angle brackets. ``digest`` is
    how long bans are collected for one mail, in microseconds, 0 for a mail for each; ``limit``
    is how many mails of the jail an hour may see; ``startstop`` is whether it is told that the jail
    begins to watch or ceases to.
    """

    to: tuple[str, ...]
    sender: str
    sendername: str
    mta: Literal["mail", "sendmail", "smtp"]
    whois: bool
    lines: bool
    digest: int = 0
    limit: int = 20
    startstop: bool = False


@dataclass(frozen=True, slots=True)
class SmtpConfig:
    """The server that ``mta = smtp`` hands mail to; "" for none. Its password is a credential.

    ``port`` is 0 for the usual one of ``security``.
    """

    server: str = ""
    port: int = 0
    security: Literal["none", "starttls", "tls"] = "starttls"
    user: str = ""


@dataclass(frozen=True, slots=True)
class NotifyConfig:
    """What the notifier does for all jails.

    ``limit`` is how many mails an hour may see in all, ``queue`` how many notices are kept at most;
    ``geoip`` are absolute paths, ``webhooks`` URLs that are https or of this host.
    """

    smtp: SmtpConfig = SmtpConfig()
    limit: int = 100
    whois_server: str = ""
    geoip: tuple[Path, ...] = ()
    reverse: bool = False
    webhooks: tuple[str, ...] = ()
    queue: int = 10_000


@dataclass(frozen=True, slots=True)
class DaemonConfig:
    """What ``jaild.conf`` says; ``loglevel`` is a level name of Python's logging."""

    loglevel: str = "INFO"
    dbpurgeage: int = 86_400_000_000
    notify: NotifyConfig = NotifyConfig()


@dataclass(frozen=True, slots=True)
class FilterConfig:
    """One filter as one jail uses it: parameters are put in, tags like ``<HOST>`` are left in.

    ``path`` is the file that the filter's definition came from; ``prefixed`` says whether a pattern
    is built from the options that stand for syslog's "host ident[pid]: ", and ``daemon`` is the
    expression for ident there; ``source`` is what the jail looks at, the journal, the other
    jails' ``bans`` or ``none``, nothing; ``unused`` are parameters that the filter has no use for;
    ``places`` has path and line of the filter's options.
    """

    name: str
    path: str
    failregex: tuple[str, ...]
    ignoreregex: tuple[str, ...] = ()
    prefregex: str = ""
    journalmatch: str = ""
    prefixed: bool = False
    source: Literal["journal", "bans", "none"] = "journal"
    daemon: str = ""
    unused: tuple[str, ...] = ()
    places: Mapping[str, tuple[str, int]] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class IgnoreCache:
    """How long answers of an ignorecommand are remembered.

    ``key`` has tags like ``<ip>`` left in: what has the same key has the same answer. ``most`` is
    how many answers are kept, ``age`` for how long (microseconds).
    """

    key: str = "<ip>"
    most: int = 1000
    age: int = 300_000_000


@dataclass(frozen=True, slots=True)
class JailConfig:
    """One enabled jail without mistakes.

    ``ports`` and ``protocol`` are as in core.rule: "" and any for all ports. ``actions`` are as
    written, for display. ``history`` is how long bans are remembered, also for what may come.
    ``prefixes`` is what is counted and banned as one, ``aggregate`` when bans are drawn together.
    ``ignorenames`` are the host names in ignoreip, lower case, each once; ``ignorecommand`` is an
    argv with its tags left in, () for none. ``denyip`` is what the jail always bans, for ever.
    ``mail`` is None for a jail whose bans are told to nobody.
    """

    name: str
    filter: FilterConfig
    match: Match
    maxretry: int
    findtime: int
    bantime: int
    ignoreip: tuple[Network, ...]
    ignoreself: bool
    ports: str
    protocol: str
    verdict: str
    maxmatches: int
    actions: tuple[str, ...]
    notes: tuple[Note, ...] = ()
    increment: Increment | None = None
    history: int = 0
    prefixes: Prefixes = field(default_factory=Prefixes)
    aggregate: Aggregate | None = None
    ignorenames: tuple[str, ...] = ()
    ignorecommand: tuple[str, ...] = ()
    ignorecache: IgnoreCache = IgnoreCache()
    denyip: tuple[Network, ...] = ()
    mail: MailConfig | None = None


@dataclass(frozen=True, slots=True)
class BrokenJail:
    """A jail that cannot run because of a mistake of its own; the others can."""

    name: str
    error: InvalidConfig


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration.

    ``jails`` are the enabled ones without mistakes, in file order; ``ignored`` are the networks
    that no ban may touch: ignoreip of [DEFAULT] and of every enabled jail. ``files`` are the lists
    of networks that these name, to be watched for changes.
    """

    daemon: DaemonConfig
    jails: tuple[JailConfig, ...]
    broken: tuple[BrokenJail, ...]
    ignored: tuple[Network, ...]
    notes: tuple[Note, ...]
    files: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Examination:
    """Everything there is to say about a configuration.

    ``config`` is None where it is unusable as a whole; ``mistakes`` and ``notes`` are in the order
    of files and lines, each once.
    """

    config: Config | None
    mistakes: tuple[InvalidConfig, ...]
    notes: tuple[Note, ...]
