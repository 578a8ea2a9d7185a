# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module says what a report is made with, and makes it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from jaild.core.address import Address
from jaild.notify.model import Facts, Line, Notice, Report

# A mail tells so many bans in full; further ones are in its table.
MOST_FULL = 20
# Of one mail or request, looking up facts may take so long; what is not known by then is left out.
LOOKUP_SECONDS = 60.0


class Parts(Protocol):
    """What knows the world outside; each call may take minutes."""

    @property
    def is_ending(self) -> bool:
        """Whether the process is to end: what is under way is brought to its end, no more begun."""

    @property
    def silence(self) -> str:
        """Why the facts found last have no whois, if they were to have one."""

    def facts(self, address: Address, *, whois: bool) -> Facts:
        """Return what can be found out about an address, with whois or without; raises nothing."""

    def lines(self, notices: Sequence[Notice]) -> Mapping[str, tuple[Line, ...]]:
        """Return the log lines that led to bans, by the cursors of the notices; raises nothing."""

    def mail(self, report: Report) -> None:
        """Hand a report over as a mail; raises DeliveryFailed."""

    def post(
        self, url: str, notices: Sequence[Notice], facts: Mapping[Address, Facts], *,
        test: bool = False,
    ) -> None:  # fmt: skip
        """Post notices to a webhook; raises DeliveryFailed."""


def facts_of(
    notices: Sequence[Notice], parts: Parts, clock: Callable[[], float], *, whois: bool
) -> dict[Address, Facts]:
    """Return what is known of the addresses of notices; ``clock`` is monotonic, in seconds.

    Not of all if it takes too long or the process is to end.
    """
    end = clock() + LOOKUP_SECONDS
    found: dict[Address, Facts] = {}
    for notice in notices:
        if clock() >= end or parts.is_ending:
            break
        if notice.address not in found:
            found[notice.address] = parts.facts(notice.address, whois=whois)
    return found
