# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module sends what the queue holds: at the pace that is configured, again after failures.

A report is deleted in the same step that notes its delivery. Between the other side's word that it
has it and that step lies the one moment at which a kill has it sent a second time, as the same.
"""

import logging
import secrets
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from jaild.core.errors import StoreFailed
from jaild.journal.record import Recorder
from jaild.notify import pacing
from jaild.notify.model import Change, DeliveryFailed, Notice, PartlyDelivered, Report
from jaild.notify.parts import MOST_FULL, Parts, facts_of
from jaild.notify.queue import MAIL, Outgoing, Queue
from jaild.notify.settings import Settings

logger = logging.getLogger(__name__)

SECOND = 1_000_000
# After the first failure; each further one doubles it.
FIRST_WAIT = 60 * SECOND
LONGEST_WAIT = 3600 * SECOND
# So often a content is refused for the time being before it is left out.
MOST_OBJECTIONS = 3
PATIENCE = 5 * 24 * 3600 * SECOND
# One mail tells of at most so many bans; what is left has to wait for the next one's place.
MOST_TOLD = 10_000
# One request to a webhook tells of at most so many bans.
MOST_POSTED = 100
# While the queue cannot be used, a new attempt is made so often.
AGAIN = 10 * SECOND


@dataclass(frozen=True, slots=True)
class Surroundings:
    """``now`` is in microseconds since the epoch, ``domain`` is for the mails' ids."""

    now: Callable[[], int]
    domain: str
    recorder: Recorder


class _Ending(Exception):
    """The process is to end: nothing is sent any more."""


class Sender:
    """Sends one report a turn."""

    def __init__(
        self, queue: Queue, parts: Parts, settings: Settings, around: Surroundings
    ) -> None:
        """Parts and settings may be replaced at any time."""
        self.parts = parts
        self.settings = settings
        self._queue = queue
        self._now = around.now
        self._domain = around.domain
        self._recorder = around.recorder
        # Delivered, but the queue could not be written: never to be sent again by this process.
        self._unsaved: list[Callable[[], None]] = []
        # After a failure the way is not tried again for a while, whatever else would take it.
        self._held: dict[Hashable, int] = {}
        # Why a way was not open the last time that it was tried.
        self._failures: dict[Hashable, str] = {}
        self._stuck = ""

    def turn(self) -> int | None:
        """Send one report if one is due; return when to come again, None for not before news.

        Raises nothing that is to be expected.
        """
        if self.parts.is_ending:
            return None
        try:
            again = self._turn()
        except StoreFailed as error:
            self._get_stuck(str(error))
            return self._now() + AGAIN
        self._stuck = ""
        return again

    def _get_stuck(self, why: str) -> None:
        if why != self._stuck:
            logger.error("%s", why)
        self._stuck = why

    def hasten(self) -> None:
        """Try everything again at once; raises StoreFailed."""
        self._held.clear()
        self._queue.hasten([one.number for one in self._queue.outgoing()], self._now())

    def status(self) -> str:
        """Return one line about what waits and why."""
        if self._stuck:
            return self._stuck
        try:
            failing = [one for one in self._queue.outgoing() if one.attempts]
            gathered = self._queue.gathering()
        except StoreFailed as error:
            return str(error)
        mails = sum(one.dest == MAIL for one in failing)
        waiting = [
            *([_count(mails, "mail")] if mails else []),
            *([_count(len(failing) - mails, "webhook request")] if len(failing) > mails else []),
        ]
        words = [f"{' and '.join(waiting)} waiting{self._why(failing)}"] if waiting else []
        words += [f"{_count(gathered, 'ban')} gathering for the next mail"] if gathered else []
        return "; ".join(words) or "ready"

    def _turn(self) -> int | None:
        self._save()
        now = self._now()
        looks = [self._form_mails(now)]
        self._form_posts(now)
        held = self._release(now)
        for one in sorted(self._queue.outgoing(), key=lambda each: (each.next_, each.number)):
            if not self._is_wanted(one):
                continue
            due = max(_due(one, now), held.get(self._way(one), 0))
            if due <= now:
                self._attempt(one)
                return self._now()
            looks.append(due)
        return min((look for look in looks if look is not None), default=None)

    def _form_mails(self, now: int) -> int | None:
        digests = self.settings.digests
        waiting = self._queue.waiting(digests)
        if not waiting:
            return None
        hour = pacing.Hour(self._queue.sent(now), self.settings.notify.limit, digests.keys())
        plan = pacing.plan(waiting, hour, now)
        for jail, mails in groupby(plan.mails, key=lambda mail: mail.jail):
            counts = [min(mail.count, MOST_TOLD) for mail in mails]
            self._queue.form(MAIL, jail, counts, [message_id(self._domain) for _ in counts], now)
        return plan.look

    def _form_posts(self, now: int) -> None:
        for dest, count in self._queue.waiting_hooks():
            if dest in self.settings.notify.webhooks:
                self._queue.form(dest, "", [min(count, MOST_POSTED)], [""], now)

    def _is_wanted(self, one: Outgoing) -> bool:
        """Return whether a report is to be sent at all at the moment.

        If not, its jail has a mistake, or nobody has been configured to get it for a moment.
        """
        if one.dest == MAIL:
            return self.settings.mail_of(one.jail) is not None
        return one.dest in self.settings.notify.webhooks

    def _attempt(self, one: Outgoing) -> None:
        self._queue.sending = one.number
        try:
            self._deliver(one)
        finally:
            if not self._unsaved:
                self._queue.sending = 0

    def _deliver(self, one: Outgoing) -> None:
        try:
            self._send(one)
        except _Ending:
            logger.debug("report %d is left for the next start", one.number)
        except PartlyDelivered as error:
            self._partly(one, error)
        except DeliveryFailed as error:
            self._failed(one, error)
        except StoreFailed:
            raise
        except Exception as error:
            # One bad report must not hold up the others.
            logger.exception("a report failed unexpectedly")
            self._failed(one, DeliveryFailed(f"unexpected: {type(error).__name__}: {error}"))
        else:
            self._unsaved.append(lambda: self._queue.delivered(one.number, self._now()))
            self._save()
            self._open(self._way(one))

    def _partly(self, one: Outgoing, error: PartlyDelivered) -> None:
        """Try again with those who were refused, alone: the way itself is open."""
        level = self._level(self._way(replace(one, rest="\n".join(error.rest))), error.brief)
        logger.log(level, "a mail of jail %s waits for some who are to get it: %s", one.jail, error)
        now = self._now()
        next_ = now + _wait(one)
        self._unsaved.append(
            lambda: self._queue.delivered_partly(one.number, now, next_, error.rest)
        )
        self._save()
        if not one.rest:
            self._open(self._way(one))

    def _level(self, way: Hashable, why: str) -> int:
        # Once aloud until it works again.
        level = logging.INFO if way in self._failures else logging.WARNING
        self._failures[way] = why
        return level

    def _send(self, one: Outgoing) -> None:
        full = MOST_FULL if one.dest == MAIL else MOST_POSTED
        news = self._queue.notices_of(one.number, full)
        notices = [each for each in news if isinstance(each, Notice)]
        if not news:
            return
        if one.dest != MAIL:
            facts = facts_of(notices, self.parts, time.monotonic, whois=False)
            self._go_on()
            self.parts.post(one.dest, notices, facts)
            return
        mail = self.settings.mail_of(one.jail)
        if mail is None:
            return
        rest = tuple(name for name in one.rest.split("\n") if name in mail.to)
        if one.rest and not rest:
            # Those who have not got it are not to get it any more.
            return
        report = Report(
            mail=mail,
            notices=tuple(notices[:MOST_FULL]),
            omitted=tuple(notices[MOST_FULL:]),
            since=one.made,
            message_id=one.message_id,
            lost=one.lost,
            rest=rest,
            changes=tuple(each for each in news if isinstance(each, Change)),
        )
        made = stripped(report) if one.plain else self._detailed(report)
        self._go_on()
        self.parts.mail(made)

    def _go_on(self) -> None:
        # What was not looked up because of that would be missing, and a server may take minutes.
        if self.parts.is_ending:
            raise _Ending

    def _detailed(self, report: Report) -> Report:
        mail, described = report.mail, report.notices
        return replace(
            report,
            facts=facts_of(described, self.parts, time.monotonic, whois=mail.whois),
            lines=self.parts.lines(described) if mail.lines else {},
        )

    def _failed(self, one: Outgoing, error: DeliveryFailed) -> None:
        now = self._now()
        way = self._way(one)
        level = self._level(way, error.brief)
        if self._is_at_fault(one, error):
            logger.warning(
                "a mail of jail %s was refused for what it says, and is sent without what others"
                " wrote: %s", one.jail, error,
            )  # fmt: skip
            self._queue.strip(one.number, now)
            return
        what = _count(one.count, "ban")
        where = f"mail of jail {one.jail}" if one.dest == MAIL else "webhook request"
        if error.permanent or now - one.made >= PATIENCE:
            self._recorder.notice_given_up(one.jail, one.count, where, str(error))
            self._unsaved.append(lambda: self._queue.give_up(one.number, now))
            self._save()
            return
        wait = min(max(_wait(one), getattr(error, "after", 0) * SECOND), LONGEST_WAIT)
        logger.log(level, "a %s waits (%s): %s", where, what, error)
        self._held[way] = now + FIRST_WAIT
        self._queue.failed(one.number, now + wait, objected=error.content)

    def _is_at_fault(self, one: Outgoing, error: DeliveryFailed) -> bool:
        """Return whether a mail may be taken if it has nothing of an attacker's in it."""
        if one.dest != MAIL or one.plain or not error.content:
            return False
        return error.permanent or one.objections + 1 >= MOST_OBJECTIONS

    def _save(self) -> None:
        """Note what has become of reports; whatever cannot be noted now is before anything else."""
        while self._unsaved:
            self._unsaved[0]()
            del self._unsaved[0]
        self._queue.sending = 0

    def _why(self, failing: Sequence[Outgoing]) -> str:
        reasons = (self._failures.get(self._way(one)) for one in failing)
        reason = next(filter(None, reasons), "")
        return f": {reason}" if reason else ""

    def _open(self, way: Hashable) -> None:
        """Let what has failed on a way be tried at once: the way is open again."""
        self._held.pop(way, None)
        self._failures.pop(way, None)
        now = self._now()
        numbers = [
            one.number
            for one in self._queue.outgoing()
            if one.attempts and one.next_ > now and self._way(one) == way
        ]
        if numbers:
            self._queue.hasten(numbers, now)

    def _release(self, now: int) -> dict[Hashable, int]:
        """Return the ways that are still held, and until when; not longer than ever meant."""
        self._held = {way: t for way, t in self._held.items() if now < t <= now + FIRST_WAIT}
        return self._held

    def _way(self, one: Outgoing) -> Hashable:
        mail = self.settings.mail_of(one.jail)
        if one.dest != MAIL or mail is None:
            return one.dest
        return (mail.mta, tuple(one.rest.split("\n")) if one.rest else mail.to)


def _wait(one: Outgoing) -> int:
    return min(FIRST_WAIT << min(one.attempts, 10), LONGEST_WAIT)


def _due(one: Outgoing, now: int) -> int:
    # A time beyond every wait is from before the clock was set back.
    return one.next_ if one.next_ <= now + LONGEST_WAIT else now


def stripped(report: Report) -> Report:
    """Return a report without anything that others wrote: a filter may refuse it for that."""
    bare = tuple(replace(one, reason="", evidence=()) for one in report.notices)
    changes = tuple(replace(one, reason="") for one in report.changes)
    return replace(report, notices=bare, changes=changes, plain=True)


def message_id(domain: str) -> str:
    """Return a new Message-ID, with its angle brackets."""
    return f"<jaild.{secrets.token_hex(16)}@{domain}>"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
