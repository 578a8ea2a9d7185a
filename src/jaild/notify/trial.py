# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module sends a sample the way that real reports go, and tells what happened.

The address of the sample is one of those set aside for examples.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit

from jaild.config.model import MailConfig
from jaild.core.address import Address
from jaild.core.ban import Evidence
from jaild.core.errors import JaildError, NoSuchJail
from jaild.notify.model import DeliveryFailed, Notice, Report
from jaild.notify.parts import Parts, facts_of
from jaild.notify.sender import message_id
from jaild.notify.settings import Settings

SECOND = 1_000_000
ADDRESS = Address("192.0.2.1")
REASON = "this is a test"
DELIVERED = "delivered"


class NothingToTest(JaildError):
    """The jail mails to nobody, and there is no webhook."""


# What happened, and whether it is as it should be.
Step = tuple[str, bool]


def try_out(settings: Settings, parts: Parts, jail: str, host: str, now: int) -> list[str]:
    """Send a sample of a jail's, "" for one of each different kind of mail; return what happened.

    One line a step; the last one is DELIVERED or begins with "failed". ``now`` in microseconds
    since the epoch. Raises NothingToTest and NoSuchJail.
    """
    if jail and jail not in settings.jails:
        raise NoSuchJail(f"there is no jail '{jail}', or it is not enabled")
    chosen = _chosen(settings, jail)
    if not chosen and not settings.notify.webhooks:
        who = f"jail '{jail}' mails nobody" if jail else "no enabled jail mails anybody"
        raise NothingToTest(f"{who}, and there is no webhook")
    said: list[str] = []
    failed = 0
    for where, step in _steps(settings, chosen, parts, _sample(jail or "test", host, now)):
        said.append(f"{where}: {step[0]}")
        failed += not step[1]
    return [*said, f"failed: {failed} of the above" if failed else DELIVERED]


def _steps(
    settings: Settings, chosen: Mapping[str, MailConfig], parts: Parts, sample: Notice
) -> Iterator[tuple[str, Step]]:
    for name, mail in chosen.items():
        if parts.is_ending:
            break
        of_jail = replace(sample, jail=name)
        for step in _mail(mail, of_jail, parts):
            yield f"[{name}]", step
    for url in settings.notify.webhooks:
        if parts.is_ending:
            break
        # The rest of it may be a secret.
        facts = facts_of([sample], parts, time.monotonic, whois=False)
        post = partial(parts.post, url, [sample], facts, test=True)
        yield f"webhook at {urlsplit(url).hostname}", _tried(post, "taken")
    if parts.is_ending:
        yield "the rest", ("not tried, jaild-notify is about to end", False)


def _mail(mail: MailConfig, sample: Notice, parts: Parts) -> Iterator[Step]:
    facts = facts_of([sample], parts, time.monotonic, whois=mail.whois)
    if mail.whois:
        known = len(facts[sample.address].whois.splitlines())
        told = f"{known} lines" if known else parts.silence
        yield f"whois of {sample.address}: {told}", True
    lines = parts.lines([sample]) if mail.lines else {}
    report = Report(
        mail=mail,
        notices=(sample,),
        facts=facts,
        lines=lines,
        since=sample.since,
        test=True,
        message_id=message_id(sample.host),
    )
    step = _tried(lambda: parts.mail(report), "handed over")
    yield f"mail to {', '.join(mail.to)} (mta = {mail.mta}): {step[0]}", step[1]


def _tried(send: Callable[[], None], outcome: str) -> Step:
    try:
        send()
    except DeliveryFailed as error:
        return str(error), False
    return outcome, True


def _chosen(settings: Settings, jail: str) -> dict[str, MailConfig]:
    """Return the mails to try by jail: that of one, or of all those that differ."""
    if jail:
        return {jail: settings.mails[jail]} if jail in settings.mails else {}
    kinds: dict[MailConfig, str] = {}
    for name, mail in settings.mails.items():
        kinds.setdefault(replace(mail, digest=0, limit=1, startstop=False), name)
    return {name: settings.mails[name] for name in kinds.values()}


def _sample(jail: str, host: str, now: int) -> Notice:
    evidence = (
        Evidence(now - 2 * SECOND, "", "a sample of a log line"),
        Evidence(now - SECOND, "", "another one; nobody has been banned"),
    )
    return Notice(
        jail=jail,
        address=ADDRESS,
        since=now,
        until=now + 600 * SECOND,
        failures=len(evidence),
        reason=REASON,
        evidence=evidence,
        host=host,
        cursor="",
    )
