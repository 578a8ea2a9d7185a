# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module defines what is told: notices of bans, what is known of them, and reports of notices.

Times are microseconds since the epoch. Texts come from log lines and from servers elsewhere, so
from attackers: whoever shows them makes them harmless.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from jaild.config.model import MailConfig
from jaild.core.address import Address
from jaild.core.ban import Evidence
from jaild.core.errors import JaildError


@dataclass(frozen=True, slots=True)
class Notice:
    """One ban that is to be told.

    ``until`` may be FOREVER; ``failures`` is 0 for a ban by hand; ``evidence`` is oldest first;
    ``host`` is the name of the host that banned, ``cursor`` that of jaild's record of the ban.
    """

    jail: str
    address: Address
    since: int
    until: int
    failures: int
    reason: str
    evidence: tuple[Evidence, ...]
    host: str
    cursor: str


@dataclass(frozen=True, slots=True)
class Change:
    """One jail that ``begins`` to watch or ceases to, and why, at a time; the rest as in Notice."""

    jail: str
    begins: bool
    reason: str
    since: int
    host: str
    cursor: str


# Whatever waits to be told.
News = Notice | Change


@dataclass(frozen=True, slots=True)
class Line:
    """One log line, as ``text`` "Nov 22 10:01:02 unit[pid]: message": printable, bounded."""

    time: int
    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What was looked up of an address; "" for what is unknown or was not asked for.

    ``silence`` is why there is no whois, as a part of a sentence.
    """

    whois: str = ""
    country: str = ""
    network: str = ""
    name: str = ""
    silence: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """One mail: the notices of one jail that it tells.

    ``notices`` are told in full, ``omitted`` are only counted and put into a table; both are oldest
    first. ``facts`` are by address, ``lines`` by the cursor of a notice; either may lack some.
    ``since`` is when the report was made up. ``message_id``, with its angle brackets, stays the
    same when a report is sent a second time. ``lost`` is how many notices were dropped untold.
    A ``plain`` one has nothing that others wrote: it was refused because of that. ``rest`` are the
    recipients that have yet to get it, if others have it already. ``changes`` are oldest first.
    """

    mail: MailConfig
    notices: tuple[Notice, ...]
    omitted: tuple[Notice, ...] = ()
    facts: Mapping[Address, Facts] = field(default_factory=dict)
    lines: Mapping[str, tuple[Line, ...]] = field(default_factory=dict)
    since: int = 0
    test: bool = False
    message_id: str = ""
    lost: int = 0
    plain: bool = False
    rest: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()


class DeliveryFailed(JaildError):
    """A mail or a request was not taken; the text says why.

    ``permanent`` is True where a later attempt with the same content cannot do better, ``content``
    where it may be the content that was refused. ``brief`` says why in our own words alone, where
    the text has others' that not everybody is to read.
    """

    def __init__(
        self, text: str, *, permanent: bool = False, content: bool = False, brief: str = ""
    ) -> None:
        """Say why."""
        super().__init__(text)
        self.brief = brief or text
        self.permanent = permanent
        self.content = content


class PartlyDelivered(DeliveryFailed):
    """Some recipients have the mail; ``rest`` are those that were refused for the time being."""

    def __init__(self, text: str, rest: tuple[str, ...]) -> None:
        """Say why."""
        super().__init__(text)
        self.rest = rest
