# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module finds mail that is asked for and will hardly arrive; it asks this host only."""

import os
import stat
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

from jaild.config import mail, notify, schema
from jaild.config.model import JailConfig, MailConfig, Note, NotifyConfig
from jaild.config.section import Section

SENDMAIL = Path("/usr/sbin/sendmail")
# What sendmail hands mail to, where it has no rights of its own: postfix's, nullmailer's.
_HELPERS = (Path("/usr/sbin/postdrop"), Path("/usr/sbin/nullmailer-queue"))
_TCP = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_LISTENING = "0A"
_SMTP = 25


def of_jail(
    config: JailConfig, section: Section, settings: NotifyConfig, is_own: Callable[[str], bool]
) -> Iterator[Note]:
    """Yield warnings about the mail of a jail without mistakes.

    ``is_own`` tells of a path whether the administrator's own file is there. Jails that inherit
    the same have the same warning, so no jail is named.
    """
    if not config.mail:
        return
    asked = section.place(schema.ACTION)
    if config.mail.to == ("root@localhost",) and not is_own(section.place(mail.DESTEMAIL)[0]):
        sentence = "mail is asked for and destemail is not set: it goes to root@localhost"
        yield Note(*asked, sentence, "warning")
    place = section.place(mail.MTA)
    chosen = is_own(place[0]) and section.read(mail.MTA) == config.mail.mta
    place = place if chosen else asked
    for sentence in _of_way(config.mail, settings):
        yield Note(*place, sentence, "warning")


def of_daemon(settings: NotifyConfig, section: Section) -> Iterator[Note]:
    """Yield warnings about the settings of the notifier."""
    for path in settings.geoip:
        if not os.access(path, os.R_OK):
            sentence = f"there is no {path} that can be read: nothing is told from it"
            yield Note(*section.place_of(notify.GEOIP, str(path)), sentence, "warning")
    if settings.geoip and not find_spec("maxminddb"):
        sentence = "python3-maxminddb is not installed: geoip.database is not used"
        yield Note(*section.place(notify.GEOIP), sentence, "warning")


def _of_way(config: MailConfig, settings: NotifyConfig) -> Iterator[str]:
    install = "install a mail server, such as postfix or exim4, or write mta = smtp"
    if config.mta == "sendmail" and not is_program(SENDMAIL):
        yield f"mta = sendmail and there is no program {SENDMAIL}: {install}"
    elif config.mta == "sendmail" and needs_rights() and _is_deaf():
        yield (
            f"mta = sendmail and {SENDMAIL} needs rights that jaild-notify.service does not give; "
            f"in its place there is port 25 of this host, where nothing listens: {install}"
        )
    elif config.mta == "mail" and _is_deaf():
        yield f"mta = mail and nothing listens on port 25 of this host: {install}"
    elif config.mta == "smtp":
        if not settings.smtp.server:
            yield "mta = smtp and smtp.server is not set in jaild.conf: no mail can be sent"
        local = [one for one in (config.sender, *config.to) if _is_local(one)]
        if local and settings.smtp.server != "localhost":
            yield f"mta = smtp and {local[0]} is of this host: other servers refuse such addresses"


def is_program(path: Path) -> bool:
    """Return whether a path is a program that may be run."""
    return os.access(path, os.X_OK) and path.is_file()


def needs_rights() -> bool:
    """Return whether sendmail relies on set-user-ID or set-group-ID, of no use in a sandbox."""
    return any(_is_set_id(path) for path in (SENDMAIL, *_HELPERS))


def _is_set_id(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & (stat.S_ISUID | stat.S_ISGID))
    except OSError:
        return False


def _is_local(address: str) -> bool:
    return "@" not in address or address.endswith("@localhost")


def _is_deaf() -> bool:
    """Return whether it is known that nothing on this host listens for mail."""
    found: list[bool] = []
    for path in _TCP:
        try:
            rows = [line.split() for line in path.read_text().splitlines()[1:]]
        except OSError:
            continue
        found.append(any(_listens(row) for row in rows))
    return bool(found) and not any(found)


def _listens(row: list[str]) -> bool:
    # Number, local address, remote address, state.
    return len(row) > 3 and row[3] == _LISTENING and row[1].endswith(f":{_SMTP:04X}")  # noqa: PLR2004
