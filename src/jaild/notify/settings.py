# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module knows who is to be told of what, as the configuration says."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from jaild.config.model import Config, MailConfig, NotifyConfig
from jaild.notify.model import Change, News
from jaild.notify.queue import MAIL


@dataclass(frozen=True, slots=True)
class Settings:
    """Whom to tell: the mail of each jail that has one, and the rest of what is configured.

    ``jails`` are all that are enabled, those with mistakes included. ``former`` are the mails of
    jails that are no more: that they have ceased to watch is yet to be told.
    """

    mails: Mapping[str, MailConfig] = field(default_factory=dict)
    jails: frozenset[str] = frozenset()
    broken: frozenset[str] = frozenset()
    notify: NotifyConfig = field(default_factory=NotifyConfig)
    former: Mapping[str, MailConfig] = field(default_factory=dict)

    @property
    def is_needed(self) -> bool:
        """Whether anybody is told of anything, or may be once a mistake is mended."""
        return bool(self.mails or self.notify.webhooks or self.broken or self.former)

    @property
    def digests(self) -> dict[str, tuple[int, int]]:
        """Digest and limit of each jail that mails."""
        mails = {**self.former, **self.mails}
        return {jail: (mail.digest, mail.limit) for jail, mail in mails.items()}

    def mail_of(self, jail: str) -> MailConfig | None:
        """Return how a jail mails, or did as long as it was there; None if it does not."""
        return self.mails.get(jail) or self.former.get(jail)

    def dests(self, news: News) -> list[str]:
        """Return where a ban, or that a jail begins to watch or ceases to, is to be told.

        Whether a jail with a mistake mails is known once it is mended; until then its bans wait.
        """
        mail = self.mail_of(news.jail)
        if isinstance(news, Change):
            return [MAIL] if mail is not None and mail.startstop else []
        mails = mail is not None or news.jail in self.broken
        return [*([MAIL] if mails else []), *self.notify.webhooks]


def of_config(config: Config, before: Settings) -> Settings:
    """Return what a configuration says; a jail with a mistake goes on as it was before."""
    mails = {jail.name: jail.mail for jail in config.jails if jail.mail is not None}
    broken = frozenset(one.name for one in config.broken)
    mails.update((name, before.mails[name]) for name in broken & before.mails.keys())
    jails = broken.union(jail.name for jail in config.jails)
    former = {
        name: mail
        for name, mail in {**before.former, **before.mails}.items()
        if mail.startstop and name not in jails
    }
    return Settings(mails, jails, broken, config.daemon.notify, former)
