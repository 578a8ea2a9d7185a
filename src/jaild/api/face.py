# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module is the public face of the service, as far as org.jaild1 shows and steers it."""

from collections.abc import Callable, Sequence
from typing import Protocol

from jaild.core.ban import Ban
from jaild.core.errors import JaildError
from jaild.core.tally import Failure

# ruff: noqa: D102 - plain attributes need no word each

# Some changes tell how many, some only that they are done.
Finished = Callable[[int | JaildError | None], None]
Counted = Callable[[int | JaildError], None]


class JailStatus(Protocol):
    """One jail at one moment; durations in microseconds, ``bantime`` FOREVER for no end."""

    @property
    def name(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def filter(self) -> str: ...
    @property
    def match(self) -> str: ...
    @property
    def maxretry(self) -> int: ...
    @property
    def findtime(self) -> int: ...
    @property
    def bantime(self) -> int: ...
    @property
    def failed_now(self) -> int: ...
    @property
    def failed_total(self) -> int: ...
    @property
    def banned_now(self) -> int: ...
    @property
    def banned_total(self) -> int: ...
    @property
    def addresses(self) -> Sequence[str]: ...
    @property
    def ignored(self) -> Sequence[str]: ...
    @property
    def actions(self) -> Sequence[str]: ...


class Standing(Protocol):
    """How an address stands with one jail; see the fields of org.jaild1.Manager.Explain."""

    @property
    def name(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def maxretry(self) -> int: ...
    @property
    def findtime(self) -> int: ...
    @property
    def failures(self) -> Sequence[Failure]: ...
    @property
    def unit(self) -> str: ...
    @property
    def ends(self) -> int | None: ...
    @property
    def ignored(self) -> str: ...
    @property
    def ban(self) -> Ban | None: ...
    @property
    def why(self) -> str: ...
    @property
    def inside(self) -> int: ...
    @property
    def offences(self) -> int | None: ...
    @property
    def next_ban(self) -> int | None: ...


class Explanation(Protocol):
    """How an address stands with all jails; ``past`` are ended bans and how each has ended."""

    @property
    def address(self) -> str: ...
    @property
    def ignored(self) -> str: ...
    @property
    def problem(self) -> str: ...
    @property
    def jails(self) -> Sequence[Standing]: ...
    @property
    def past(self) -> Sequence[tuple[Ban, str]]: ...


class Listener(Protocol):
    """Who wants to hear of changes; called on the loop, after the change."""

    def ban_added(self, ban: Ban, /) -> None:
        """Hear of a new ban."""

    def ban_removed(self, ban: Ban, reason: str, /) -> None:
        """Hear of a ban that ended or was lifted."""

    def reloaded(self) -> None:
        """Hear that a new configuration is in use."""

    def jails_changed(self) -> None:
        """Hear that jails came, went, or changed their state."""


class Listeners(Protocol):
    """A list of listeners, as far as it matters here."""

    def append(self, listener: Listener, /) -> None:
        """Let one more listen."""


class Service(Protocol):
    """The owner of all state. Methods with ``done`` answer when the firewall has followed."""

    @property
    def listeners(self) -> Listeners: ...
    @property
    def version(self) -> str: ...
    @property
    def entries_read(self) -> int: ...
    @property
    def cursor(self) -> str: ...
    @property
    def ban_count(self) -> int: ...
    @property
    def jail_names(self) -> Sequence[str]: ...

    def jail_states(self) -> Sequence[JailStatus]:
        """Return every enabled jail."""

    def jail_status(self, name: str, /) -> JailStatus:
        """Return one jail; raises NoSuchJail."""

    def bans(self, jail: str, /) -> Sequence[Ban]:
        """Return the bans of a jail, or all for ""; raises NoSuchJail."""

    def explain(self, address_text: str, /) -> Explanation:
        """Return what is known of an address; raises InvalidAddress, StoreFailed."""

    def ban(
        self, jail: str, address_text: str, duration_usec: int, reason: str, done: Finished, /
    ) -> None:
        """Ban an address; 0 for the jail's bantime, FOREVER for ever."""

    def unban(self, jail: str, address_text: str, done: Counted, /) -> None:
        """Lift the bans of an address and tell how many."""

    def unban_all(self, jail: str, done: Counted, /) -> None:
        """Lift every ban and tell how many."""

    def reload(self) -> None:
        """Read the configuration again; raises InvalidConfig and keeps the old one."""

    def start_jail(self, name: str, /) -> None:
        """Let a jail watch; raises NoSuchJail."""

    def stop_jail(self, name: str, done: Finished, /) -> None:
        """Let a jail watch no more."""
