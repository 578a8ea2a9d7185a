# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module writes jaild's decisions into the journal as structured entries.

Each kind of decision has its own MESSAGE_ID, so that ``journalctl MESSAGE_ID=…`` finds all of a
kind. The fields are those that jaild(8) documents; times are microseconds since the epoch. What
comes from elsewhere, log text above all, is made harmless to look at and stays in its field.
"""

import logging
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial

from systemd import journal

from jaild.core.ban import FOREVER, Ban
from jaild.core.text import printable

logger = logging.getLogger(__name__)

NOTICE, WARNING, ERROR = 5, 4, 3
# A record names at most this many entries, the last ones.
MOST_ENTRIES = 20
# journalctl leaves longer fields out of its JSON; evidence stays below, so bytes are counted.
LONGEST_FIELD = 4000
LONGEST_TEXT = 1000
# These hold one thing a line.
_LISTS = frozenset({"JAILD_BEGUN", "JAILD_CEASED", "JAILD_CURSORS", "JAILD_EVIDENCE"})


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
    TOO_LATE = "b73bda8e20fc46c782411686ee60e138"
    EVICTED = "5546227fbcbe4468b94fa46331c425d7"
    JAIL_KEPT = "e9bf6e0ddd93499eae7ca4bc2e0510a1"
    JAIL_STOPPED = "6534bed2d20c4a3d9bec7c3d62c5f617"
    JAIL_STARTED = "6ca351b6cae046ef8aeb4ea18d262bce"
    DENIED = "8df52f2a42a248e1a1bcadaff3f4cf9d"
    SERVICE_STARTED = "f1421ac12e4f489691c52d4073b2e067"
    SERVICE_STOPPED = "0bc1907a14a149d78aecfd1563d3244d"
    NOTICES_DROPPED = "4715fff1d02c4143b1a7475d0acd4263"
    NOTICE_GIVEN_UP = "30159594dd6a4a0f853fe1ceb4ad7785"


Send = Callable[[str, Mapping[str, str]], None]


class Recorder:
    """Writes one entry a decision."""

    def __init__(self, send: Send | None = None, identifier: str = "jaild") -> None:
        """Write to the journal if this process runs under it, else to the log; or through send."""
        to_journal = partial(_to_journal, identifier)
        self._send = send or (to_journal if "JOURNAL_STREAM" in os.environ else _to_log)

    def banned(self, ban: Ban) -> None:
        """Record a new ban with its evidence."""
        end = "for ever" if ban.until == FOREVER else f"until {_clock(ban.until)}"
        text = f"[{ban.jail}] banned {ban.address} {end}: {ban.reason}"
        more = {**_of(ban), "JAILD_REASON": ban.reason, **_evidence(ban)}
        self._write(MessageId.BANNED, NOTICE, text, more)

    def too_late(self, ban: Ban) -> None:
        """Record a ban that was over before it could begin, as after days without jaild."""
        text = (
            f"[{ban.jail}] {ban.address} was to be banned until {_clock(ban.until)}, which is over:"
            f" {ban.reason}"
        )
        more = {**_of(ban), "JAILD_REASON": ban.reason, **_evidence(ban)}
        self._write(MessageId.TOO_LATE, NOTICE, text, more)

    def denied(self, jail: str, banned: int, lifted: int) -> None:
        """Record how many permanent bans denyip has brought, and how many it no longer lists."""
        text = f"[{jail}] denyip: {banned} banned for ever, {lifted} lifted"
        more = {"JAILD_JAIL": jail, "JAILD_BANS": str(banned), "JAILD_LIFTED": str(lifted)}
        self._write(MessageId.DENIED, NOTICE, text, more)

    def unbanned(self, ban: Ban, reason: str) -> None:
        """Record that a ban has ended and why."""
        text = f"[{ban.jail}] unbanned {ban.address}: {reason}"
        self._write(MessageId.UNBANNED, NOTICE, text, {**_of(ban), "JAILD_REASON": reason})

    def refused(self, ban: Ban, reason: str) -> None:
        """Record that the enforcer would not carry out a ban."""
        text = f"[{ban.jail}] the enforcer refused to ban {ban.address}: {reason}"
        self._write(MessageId.REFUSED, WARNING, text, {**_of(ban), "JAILD_REASON": reason})

    def evicted(self, jail: str, count: int, what: str) -> None:
        """Record that the oldest of too many are forgotten; ``what`` is "suspects" or "bans"."""
        text = f"[{jail}] forgot the oldest {what}, of which there are too many: {count}"
        more = {"JAILD_JAIL": jail, "JAILD_COUNT": str(count), "JAILD_WHAT": what}
        self._write(MessageId.EVICTED, WARNING, text, more)

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

    def started(self, jails: Collection[str]) -> None:
        """Record that jaild guards the host, with these jails."""
        text = f"jaild watches with {_jails(jails)}"
        self._write(MessageId.SERVICE_STARTED, NOTICE, text, {"JAILD_BEGUN": _names(jails)})

    def stopped(self, jails: Collection[str]) -> None:
        """Record that jaild ends, and with it the watch of these jails; bans stay in force."""
        text = f"jaild ends, and watches no more with {_jails(jails)}"
        self._write(MessageId.SERVICE_STOPPED, NOTICE, text, {"JAILD_CEASED": _names(jails)})

    def reloaded(self, jails: int, begun: Collection[str], ceased: Collection[str]) -> None:
        """Record that a new configuration is in use, and which jails came and went with it."""
        text = f"configuration reloaded: {jails} jail{'s' if jails != 1 else ''}"
        more = {"JAILD_BEGUN": _names(begun), "JAILD_CEASED": _names(ceased)}
        self._write(MessageId.RELOADED, NOTICE, text, {"JAILD_JAILS": str(jails), **more})

    def config_refused(self, reason: str) -> None:
        """Record that a new configuration was refused and the old one stays."""
        text = f"configuration refused, the old one stays: {reason}"
        self._write(MessageId.CONFIG_REFUSED, ERROR, text, {"JAILD_REASON": reason})

    def jail_kept(self, jail: str, reason: str) -> None:
        """Record that a jail goes on as before: its new configuration has a mistake."""
        text = f"[{jail}] does not take its new configuration: {reason}"
        more = {"JAILD_JAIL": jail, "JAILD_REASON": reason}
        self._write(MessageId.JAIL_KEPT, ERROR, text, more)

    def jail_stopped(self, jail: str, reason: str) -> None:
        """Record that a jail watches no more because somebody wants it so."""
        text = f"[{jail}] watches no more: {reason}"
        more = {"JAILD_JAIL": jail, "JAILD_REASON": reason}
        self._write(MessageId.JAIL_STOPPED, NOTICE, text, more)

    def jail_started(self, jail: str) -> None:
        """Record that a jail which did not watch does so again."""
        self._write(MessageId.JAIL_STARTED, NOTICE, f"[{jail}] watches again", {"JAILD_JAIL": jail})

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

    def notices_dropped(self, count: int) -> None:
        """Record that the oldest of too many bans that wait to be told are dropped."""
        oldest = "the oldest is" if count == 1 else f"the oldest {count} are"
        text = f"too many bans wait to be told: {oldest} dropped"
        self._write(MessageId.NOTICES_DROPPED, ERROR, text, {"JAILD_COUNT": str(count)})

    def notice_given_up(self, jail: str, count: int, what: str, reason: str) -> None:
        """Record that bans are not told; ``what`` is a "mail of jail sshd" or "webhook request"."""
        bans = "1 ban" if count == 1 else f"{count} bans"
        text = f"{bans} cannot be told, a {what} is given up: {reason}"
        more = {"JAILD_JAIL": jail, "JAILD_COUNT": str(count), "JAILD_REASON": reason}
        self._write(MessageId.NOTICE_GIVEN_UP, ERROR, text, more)

    def _write(self, kind: MessageId, level: int, text: str, more: Mapping[str, str]) -> None:
        values = {name: v if name in _LISTS else _harmless(v) for name, v in more.items()}
        self._send(_harmless(text), {"MESSAGE_ID": kind.value, "PRIORITY": str(level), **values})


def _of(ban: Ban) -> dict[str, str]:
    return {
        "JAILD_JAIL": ban.jail,
        "JAILD_ADDRESS": ban.address,
        "JAILD_FAILURES": str(ban.failures),
        "JAILD_SINCE_USEC": str(ban.since),
        "JAILD_UNTIL_USEC": str(ban.until),
    }


def _evidence(ban: Ban) -> dict[str, str]:
    entries = ban.evidence[-MOST_ENTRIES:]
    return {
        "JAILD_CURSORS": _last(printable(one.cursor) for one in entries if one.cursor),
        "JAILD_EVIDENCE": _last(f"{one.time} {printable(one.message)}" for one in entries),
    }


def _jails(names: Collection[str]) -> str:
    count = "1 jail" if len(names) == 1 else f"{len(names)} jails"
    return f"{count}: {', '.join(names)}" if names else count


def _names(names: Iterable[str]) -> str:
    return _last(map(printable, names))


def _last(lines: Iterable[str]) -> str:
    """Return lines as one field, without the first ones if it would be too long."""
    kept: list[str] = []
    room = LONGEST_FIELD
    for line in reversed([*lines]):
        room -= len(line.encode()) + 1
        if room < 0:
            break
        kept.append(line)
    return "\n".join(reversed(kept))


def _harmless(text: str) -> str:
    shown = text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"
    return printable(shown)


def _clock(usec: int) -> str:
    moment = datetime.fromtimestamp(usec / 1_000_000, UTC)
    return moment.astimezone().isoformat(" ", "seconds")


def _to_journal(identifier: str, text: str, fields: Mapping[str, str]) -> None:
    try:
        journal.send(text, SYSLOG_IDENTIFIER=identifier, **fields)
    except OSError as error:
        # journald is restarting; a decision is never held up by its record.
        logger.warning("no record in the journal (%s): %s", error, text)


def _to_log(text: str, fields: Mapping[str, str]) -> None:
    levels = {ERROR: logging.ERROR, WARNING: logging.WARNING}
    logger.log(levels.get(int(fields["PRIORITY"]), logging.INFO), "%s", text)
