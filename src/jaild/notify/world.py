# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module makes reports with what is really there: the journal, servers, databases, names."""

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from jaild.config.model import NotifyConfig
from jaild.core.address import Address
from jaild.core.errors import InvalidConfig
from jaild.journal.source import History, Place
from jaild.notify import lines, webhook
from jaild.notify.compose import compose
from jaild.notify.deliver import mailer
from jaild.notify.model import DeliveryFailed, Facts, Line, Notice, Report
from jaild.notify.names import Names
from jaild.notify.places import Places
from jaild.notify.whois import Whois

logger = logging.getLogger(__name__)

# The names of systemd's credentials (systemd.exec(5), LoadCredential=).
SMTP_PASSWORD = "smtp-password"  # noqa: S105 - a name
WEBHOOK_SECRET = "webhook-secret"  # noqa: S105 - a name


class RealParts:
    """See jaild.notify.parts; ``alive`` is called at each step, which may take minutes.

    ``ending`` says whether the process is to end.
    """

    def __init__(
        self,
        config: NotifyConfig,
        alive: Callable[[], None],
        journal: Place,
        ending: Callable[[], bool],
    ) -> None:
        self._journal = journal
        self._config = config
        self._alive = alive
        self._ending = ending
        self._places = Places(config.geoip)
        self._names = Names() if config.reverse else None
        self._whois: Whois | None = None
        try:
            self._whois = Whois(config.whois_server)
        except InvalidConfig as error:
            logger.warning("whois is not asked: %s", error)

    @property
    def is_ending(self) -> bool:
        """Whether the process is to end."""
        return self._ending()

    @property
    def silence(self) -> str:
        """Why the facts found last have no whois, if they were to have one."""
        return self._whois.why if self._whois is not None else "the server cannot be asked"

    def facts(self, address: Address, *, whois: bool) -> Facts:
        """Return what can be found out about an address."""
        self._alive()
        country, network = self._places.find(address)
        said = self._whois.ask(address) if whois and self._whois is not None else ""
        return Facts(
            whois=said,
            silence=self.silence if whois and not said else "",
            country=country,
            network=network,
            name=self._names.ask(address) if self._names is not None else "",
        )

    def lines(self, notices: Sequence[Notice]) -> Mapping[str, tuple[Line, ...]]:
        """Return the log lines that led to bans, by the cursors of the notices."""
        self._alive()
        return lines.of_notices(notices, lambda: History(self._journal))

    def mail(self, report: Report) -> None:
        """Hand a report over as a mail; raises DeliveryFailed."""
        self._alive()
        message = compose(report)
        mail = replace(report.mail, to=report.rest) if report.rest else report.mail
        mailer(mail, self._config.smtp, credential(SMTP_PASSWORD)).send(message)

    def post(
        self, url: str, notices: Sequence[Notice], facts: Mapping[Address, Facts], *,
        test: bool = False,
    ) -> None:  # fmt: skip
        """Post notices to a webhook; raises DeliveryFailed."""
        self._alive()
        webhook.post(url, credential(WEBHOOK_SECRET), notices, facts=facts, test=test)


def credential(name: str) -> str:
    """Return a credential that systemd hands over, "" if there is none; raises DeliveryFailed."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    if not folder:
        return ""
    try:
        return (Path(folder) / name).read_text("utf-8").rstrip("\r\n")
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        raise DeliveryFailed(f"the credential {name} cannot be read: {error}") from None
