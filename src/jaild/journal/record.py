# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module writes jaild's decisions into the journal as structured entries.

Each kind of decision has its own MESSAGE_ID, so that ``journalctl MESSAGE_ID=…`` finds all of a
kind. The fields are those that jaild(8) documents; times are microseconds since the epoch.
"""

import logging
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum

from systemd import journal

from jaild.core.ban import FOREVER, Ban

logger = logging.getLogger(__name__)

NOTICE, WARNING, ERROR = 5, 4, 3
# A record names at most this many cursors: a field of the journal is bounded, evidence is too.
MOST_CURSORS = 20


class MessageId(StrEnum):
    """What happened; the values are the journal's MESSAGE_ID."""

    BANNED = "b1ef8b7013d3493a9f3001d991de4107"
    UNBANNED = "85f67887c0de46c19cc827c87b1b40e1"
    FIREWALL_FAILED = "8e09715b8d134de5a2ec3116a9959789"
    FIREWALL_MENDED = "cf9a1d9d30b446efaaa193b2ee85b8bf"
    POSITION_LOST = "60ff82bc5f7345f9927e6737f892d6bb"
    RELOADED = "15fd38dd904c46f78dc32523634508d5"
    CONFIG_REFUSED = "70687256310942cb84665b723f27e7b9"
    REFUSED = "d6af3c39db7640e18b03d79069e8e046"
    JAIL_FAILED = "428acd1e644c4a5daa78c092cffaf69e"
    STATE_LOST = "b39cba5dc2af4bd69df92da2f35b9f68"


Send = Callable[[str, Mapping[str, str]], None]


class Recorder:
    """Writes one entry a decision."""

    def __init__(self, send: Send | None = None) -> None:
        """Write to the journal if this process runs under it, else to the log; or through send."""
        self._send = send or (_to_journal if "JOURNAL_STREAM" in os.environ else _to_log)

    def banned(self, ban: Ban) -> None:
        """Record a new ban with the cursors of its evidence."""
        end = "for ever" if ban.until == FOREVER else f"until {_clock(ban.until)}"
        self._write(
            MessageId.BANNED,
            NOTICE,
            f"[{ban.jail}] banned {ban.address} {end}: {ban.reason}",
            {
                **_of(ban),
                "JAILD_FAILURES": str(ban.failures),
                "JAILD_SINCE_USEC": str(ban.since),
                "JAILD_UNTIL_USEC": str(ban.until),
                "JAILD_CURSORS": "\n".join(ban.cursors[-MOST_CURSORS:]),
            },
        )

    def unbanned(self, ban: Ban, reason: str) -> None:
        """Record that a ban has ended and why."""
        text = f"[{ban.jail}] unbanned {ban.address}: {reason}"
        self._write(MessageId.UNBANNED, NOTICE, text, {**_of(ban), "JAILD_REASON": reason})

    def refused(self, ban: Ban, reason: str) -> None:
        """Record that the enforcer would not carry out a ban."""
        text = f"[{ban.jail}] the enforcer refused to ban {ban.address}: {reason}"
        self._write(MessageId.REFUSED, WARNING, text, {**_of(ban), "JAILD_REASON": reason})

    def firewall_failed(self, reason: str) -> None:
        """Record that bans are not in force."""
        text = f"bans are not in force: {reason}"
        self._write(MessageId.FIREWALL_FAILED, ERROR, text, {"JAILD_REASON": reason})

    def firewall_mended(self, bans: int) -> None:
        """Record that all bans are in force again."""
        text = f"all {bans} bans are in force" if bans != 1 else "the one ban is in force"
        self._write(MessageId.FIREWALL_MENDED, NOTICE, text, {"JAILD_BANS": str(bans)})

    def position_lost(self, since: int) -> None:
        """Record that the journal no longer holds entries which jaild had yet to read."""
        text = (
            f"the journal no longer has the entries after {_clock(since)} that jaild had yet to"
            " read; reading goes on with the oldest that is left"
        )
        self._write(MessageId.POSITION_LOST, WARNING, text, {"JAILD_SINCE_USEC": str(since)})

    def reloaded(self, jails: int) -> None:
        """Record that a new configuration is in use."""
        text = f"configuration reloaded: {jails} jail{'s' if jails != 1 else ''}"
        self._write(MessageId.RELOADED, NOTICE, text, {"JAILD_JAILS": str(jails)})

    def config_refused(self, reason: str) -> None:
        """Record that a new configuration was refused and the old one stays."""
        text = f"configuration refused, the old one stays: {reason}"
        self._write(MessageId.CONFIG_REFUSED, ERROR, text, {"JAILD_REASON": reason})

    def jail_failed(self, jail: str, reason: str) -> None:
        """Record that a jail does not run, while the others do."""
        text = f"[{jail}] does not run: {reason}"
        more = {"JAILD_JAIL": jail, "JAILD_REASON": reason}
        self._write(MessageId.JAIL_FAILED, ERROR, text, more)

    def state_lost(self, reason: str, kept: str) -> None:
        """Record that the state file was damaged; ``kept`` is its place, "" if it is gone."""
        text = f"the state is lost and begun anew: {reason}"
        text += f"; the damaged file is kept as {kept}" if kept else ""
        more = {"JAILD_REASON": reason, "JAILD_FILE": kept}
        self._write(MessageId.STATE_LOST, ERROR, text, more)

    def _write(self, kind: MessageId, level: int, text: str, more: Mapping[str, str]) -> None:
        self._send(text, {"MESSAGE_ID": kind.value, "PRIORITY": str(level), **more})


def _of(ban: Ban) -> dict[str, str]:
    return {"JAILD_JAIL": ban.jail, "JAILD_ADDRESS": ban.address}


def _clock(usec: int) -> str:
    moment = datetime.fromtimestamp(usec / 1_000_000, UTC)
    return moment.astimezone().isoformat(" ", "seconds")


def _to_journal(text: str, fields: Mapping[str, str]) -> None:
    try:
        journal.send(text, SYSLOG_IDENTIFIER="jaild", **fields)
    except OSError as error:
        # journald is restarting; a decision is never held up by its record.
        logger.warning("no record in the journal (%s): %s", error, text)


def _to_log(text: str, fields: Mapping[str, str]) -> None:
    levels = {ERROR: logging.ERROR, WARNING: logging.WARNING}
    logger.log(levels.get(int(fields["PRIORITY"]), logging.INFO), "%s", text)
