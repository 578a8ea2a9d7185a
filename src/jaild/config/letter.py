# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module reads an action that mails: by its name, what is in the mail and which way it goes.

The names are fail2ban's, and smtp-… in place of sendmail-… or mail-…
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from jaild.config import action_names, mail_address
from jaild.config.call import Call
from jaild.core.errors import InvalidConfig

T = TypeVar("T")

Mta = Literal["mail", "sendmail", "smtp"]
MTAS: tuple[Mta, ...] = ("sendmail", "mail", "smtp")

USED = ("dest", "sender", "sendername")
# What recipes hand over and what jaild knows without.
_SILENT = re.compile(
    r"(?:known/)?chain|actname|grep(?:max|opts)|jail|lines|logpath|matches|name|norestored|port|"
    r"protocol|tmpfile|(?:mail|sendmail|smtp|whois)?_?(?:start|stop|body|flush)\w*|agent|bantime"
)
_SERVER = ("host", "user", "ssl", "starttls")
_LINES = re.compile(r"-(?:lines|\w*matches)$")


@dataclass(frozen=True, slots=True)
class Letter:
    """What an action mails; ``text`` is how it was written.

    None is where the jail's own option counts.
    """

    text: str
    name: str
    mta: Mta
    whois: bool
    lines: bool
    to: tuple[str, ...] | None = None
    sender: str | None = None
    sendername: str | None = None

    @property
    def says(self) -> tuple[bool, bool]:
        """How much it says, to be compared: the entries are more than whois."""
        return self.lines, self.whois


def read(call: Call, of_file: Mapping[str, str]) -> Letter:
    """Return what a mail action does; raises InvalidConfig with the piece at fault.

    ``of_file`` are the parameters that the action's own file sets.
    """
    given = {**of_file, **call.parameters}
    return Letter(
        text=call.text,
        name=call.name,
        mta=_mta(call.name),
        whois="-whois" in call.name,
        lines=bool(_LINES.search(call.name)) or given.get("matches", "") not in ("", "no"),
        to=_read(given, "dest", mail_address.addresses),
        sender=_read(given, "sender", mail_address.sender),
        sendername=_read(given, "sendername", mail_address.name),
    )


def chosen(letters: Iterable[Letter]) -> Letter | None:
    """Return the one that says most, the first of several: a jail sends one mail."""
    return max(letters, key=lambda letter: letter.says, default=None)


def remarks(call: Call, winner: Letter | None) -> Iterator[str]:
    """Yield what of a mail action is not done."""
    if winner and call.text != winner.text:
        sentence = f"a jail sends one mail, that of '{winner.name}': '{call.name}' is left out"
        yield f"{sentence}; destemail takes several addresses"
        return
    if action_names.is_buffered(call.name):
        yield f"'{call.name}' does not wait for more bans: mail.digest collects them for a time"
    for name in call.parameters:
        if name == "password":
            yield "password is not used: it is a credential, see CREDENTIALS in jaild.conf(5)"
        elif name in _SERVER and call.name.startswith("smtp"):
            yield f"{name} is not used: the server is set in jaild.conf, with smtp.server"
        elif name not in USED and not _SILENT.fullmatch(name):
            yield f"'{name}' of '{call.name}' is not used: jaild writes and hands over mail itself"


def _mta(name: str) -> Mta:
    found = re.match(r"sendmail|mail|smtp", name)
    for mta in MTAS:
        if found and found[0] == mta:
            return mta
    raise InvalidConfig(f"there is no way to mail for '{name}'", text=name)


def _read(given: Mapping[str, str], name: str, parse: Callable[[str], T]) -> T | None:
    text = given.get(name, "")
    if not text:
        return None
    try:
        return parse(text)
    except InvalidConfig as error:
        piece = error.text or text
        raise InvalidConfig(f"{name}: {error.message}", hint=error.hint, text=piece) from error
