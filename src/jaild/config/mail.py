# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module has the rows of the options that say who gets mail of a jail, and reads them."""

from jaild.config import mail_address, values
from jaild.config.letter import MTAS, Letter
from jaild.config.model import MailConfig
from jaild.config.option import Option
from jaild.config.section import Section

DESTEMAIL = Option(
    "destemail",
    mail_address.addresses,
    "root@localhost",
    "Who gets the mails: addresses, separated by commas or blanks.",
)
SENDER = Option(
    "sender", mail_address.sender, "root@localhost", "The address that the mails come from."
)
SENDERNAME = Option("sendername", mail_address.name, "jaild", "The name that goes with sender.")
MTA = Option(
    "mta",
    values.choice(*MTAS),
    "sendmail",
    "The way that mails take: the program sendmail, mail for SMTP to this host, smtp for a server.",
)
DIGEST = Option(
    "mail.digest",
    values.addition,
    "0",
    "How long bans are collected for one mail; 0 means a mail for each.",
    "duration",
)
LIMIT = Option(
    "mail.limit",
    values.integer(1, 1000),
    "20",
    "How many mails of the jail an hour may see; what is beyond is summed up.",
    "mails",
)

STARTSTOP = Option(
    "mail.startstop",
    values.boolean,
    "false",
    "Whether there is a mail when the jail begins to watch, and when it ceases to.",
)

OPTIONS: tuple[Option[object], ...] = (DESTEMAIL, SENDER, SENDERNAME, MTA, DIGEST, LIMIT, STARTSTOP)


def check(section: Section) -> None:
    """Refuse what cannot be, whether or not the jail mails; raises InvalidConfig."""
    for option in OPTIONS:
        section.read(option)


def read(section: Section, letter: Letter | None) -> MailConfig | None:
    """Return the mail of a jail whose actions ask for this letter; raises InvalidConfig."""
    if not letter:
        return None
    name = section.read(SENDERNAME) if letter.sendername is None else letter.sendername
    return MailConfig(
        to=letter.to or section.read(DESTEMAIL),
        sender=letter.sender or section.read(SENDER),
        sendername=name,
        mta=letter.mta,
        whois=letter.whois,
        lines=letter.lines,
        digest=section.read(DIGEST),
        limit=section.read(LIMIT),
        startstop=section.read(STARTSTOP),
    )
