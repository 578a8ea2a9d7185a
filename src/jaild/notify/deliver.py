# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module hands mails over, the way that is configured.

Who sends and who gets a mail is the configuration's word and never that of a header.
"""

import logging
import os
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol

from jaild.config.model import MailConfig, SmtpConfig
from jaild.notify import sendmail, smtp
from jaild.notify.model import DeliveryFailed

logger = logging.getLogger(__name__)

LOCAL = SmtpConfig("localhost", 25, "none")
_STATUS = Path("/proc/self/status")


class Mailer(Protocol):
    """One way that mails take."""

    def send(self, message: EmailMessage) -> None:
        """Hand a mail over; raises DeliveryFailed."""


def mailer(mail: MailConfig, server: SmtpConfig, password: str = "") -> Mailer:
    """Return the way that a jail's mails take; ``server`` and password are for ``mta = smtp``."""
    if mail.mta == "smtp":
        return smtp.Smtp(mail, server, password)
    local = smtp.Smtp(mail, LOCAL)
    if mail.mta == "mail":
        return local
    why = sendmail.hindrance(is_sandboxed=_is_sandboxed())
    return Instead(local, why) if why else sendmail.Sendmail(mail)


class Instead:
    """SMTP to this host in place of a program that cannot work here."""

    _told = False

    def __init__(self, local: smtp.Smtp, why: str) -> None:
        """Say why, once."""
        self._local = local
        self._why = why
        if not Instead._told:
            Instead._told = True
            logger.info("%s; mails go to localhost port 25 instead", why)

    def send(self, message: EmailMessage) -> None:
        """Hand a mail over; raises DeliveryFailed."""
        try:
            self._local.send(message)
        except DeliveryFailed as error:
            # As the error that it is, for what else it tells.
            error.brief = f"{error}; {self._why}"
            error.args = (error.brief,)
            raise


def _is_sandboxed() -> bool:
    """Return whether set-user-ID programs get no other rights than this process has.

    A drop-in may have opened the sandbox; root has them all.
    """
    try:
        lines = _STATUS.read_text().splitlines()
    except OSError:
        return False
    return "NoNewPrivs:\t1" in lines and os.geteuid() != 0
