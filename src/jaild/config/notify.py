# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module has the rows of the options of jaild-notify, in ``jaild.conf``, and reads them."""

from jaild.config import mail_address, notify_values, values
from jaild.config.model import NotifyConfig, SmtpConfig
from jaild.config.option import Option, Scope
from jaild.config.section import Section
from jaild.core.errors import InvalidConfig

LIMIT = Option(
    "mail.limit",
    values.integer(1, 10_000),
    "100",
    "How many mails of all jails an hour may see.",
    "mails",
    Scope.DAEMON,
)
QUEUE = Option(
    "mail.queue",
    values.integer(100, 1_000_000),
    "10000",
    "How many bans wait at most to be told of while no mail goes out.",
    "bans",
    Scope.DAEMON,
)
SERVER = Option(
    "smtp.server",
    notify_values.server,
    "",
    "The server that mta = smtp hands mails to: a host name or an address.",
    scope=Scope.DAEMON,
)
PORT = Option(
    "smtp.port",
    notify_values.port,
    "",
    "Its port; empty means the usual one: 587 for starttls, 465 for tls, 25 for none.",
    scope=Scope.DAEMON,
)
SECURITY = Option(
    "smtp.security",
    notify_values.security,
    "starttls",
    "How the connection to it is encrypted: starttls, tls from the start, or none.",
    scope=Scope.DAEMON,
)
USER = Option(
    "smtp.user",
    notify_values.user,
    "",
    "The user to log in as; the password is the credential smtp-password.",
    scope=Scope.DAEMON,
)
WHOIS = Option(
    "whois.server",
    notify_values.whois,
    "",
    "The whois server to ask, HOST or HOST:PORT; empty means those of the registries.",
    scope=Scope.DAEMON,
)
GEOIP = Option(
    "geoip.database",
    notify_values.databases,
    "",
    "MaxMind's files that tell country and network of an address, separated by blanks.",
    scope=Scope.DAEMON,
)
REVERSE = Option(
    "reverse.names",
    values.boolean,
    "false",
    "Whether a name server is asked for the name of a banned address.",
    scope=Scope.DAEMON,
)
WEBHOOK = Option(
    "webhook.url",
    notify_values.urls,
    "",
    "Where each ban is posted to as JSON: URLs, separated by blanks.",
    scope=Scope.DAEMON,
    private=True,
)

OPTIONS: tuple[Option[object], ...] = (
    LIMIT,
    QUEUE,
    SERVER,
    PORT,
    SECURITY,
    USER,
    WHOIS,
    GEOIP,
    REVERSE,
    WEBHOOK,
)
# What is looked at together.
_OF_SMTP: tuple[Option[object], ...] = (SERVER, SECURITY, USER)

_PASSWORDS = ("password", "passwd", "pass", "secret", "token", "apikey")


def check(section: Section, option: Option[object]) -> None:
    """Refuse an option that does not go with the others; raises InvalidConfig."""
    if option in _OF_SMTP and section.is_set(option):
        _smtp(section)


def read(section: Section) -> NotifyConfig:
    """Return what the notifier is told; raises InvalidConfig."""
    return NotifyConfig(
        smtp=_smtp(section),
        limit=section.read(LIMIT),
        whois_server=section.read(WHOIS),
        geoip=section.read(GEOIP),
        reverse=section.read(REVERSE),
        webhooks=section.read(WEBHOOK),
        queue=section.read(QUEUE),
    )


def password_message(name: str) -> str:
    """Return the sentence on an option that would hold a password, "" for any other name."""
    of, _, what = name.lower().rpartition(".")
    if of not in ("smtp", "webhook", "mail") or what.replace("_", "") not in _PASSWORDS:
        return ""
    credential = "webhook-secret" if of == "webhook" else "smtp-password"
    return (
        f"'{name[:64]}' does not belong here, where others may read it: it is the credential "
        f"{credential} of jaild-notify.service, see CREDENTIALS in jaild.conf(5)"
    )


def _smtp(section: Section) -> SmtpConfig:
    server, user = section.read(SERVER), section.read(USER)
    security = section.read(SECURITY)
    if security == "none" and user and not mail_address.is_local(server):
        sentence = "the password of smtp.user would cross the network for everybody to read"
        found = InvalidConfig(sentence, hint="write smtp.security = starttls")
        raise section.mistake(SECURITY, section.text(SECURITY), found)
    return SmtpConfig(server, section.read(PORT), security, user)
