# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module makes a mail of a report.

The mail is plain ASCII whatever is in it, so that every mail server takes it; recipients and sender
come from the configuration alone, and no header has a text of more than one line.
"""

import email.policy
import hashlib
import re
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage

from jaild.core.text import printable
from jaild.notify import body, change_text
from jaild.notify.model import Report

# Where a line may have to be encoded, it is: not every server takes more than seven bits.
POLICY = email.policy.SMTP.clone(cte_type="7bit")

# What a header shows of a name at most.
_LONGEST = 64
# RFC 5322 allows 998 bytes a line; what is longer than this or not ASCII is encoded.
_LONGEST_LINE = 900
_CUT = "…"
_ATOM = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*")


def compose(report: Report) -> EmailMessage:
    """Return the mail that tells a report: the same one each time, by the report's own time."""
    mail = report.mail
    message = EmailMessage(POLICY)
    message["From"] = Address(_short(mail.sendername), addr_spec=_full(mail.sender))
    message["To"] = [Address(addr_spec=_full(one)) for one in mail.to]
    message["Subject"] = _subject(report)
    message["Date"] = _local(report.since)
    if report.message_id:
        message["Message-ID"] = report.message_id
    thread = _thread(report)
    message["In-Reply-To"] = thread
    message["References"] = thread
    # No vacation program answers it.
    message["Auto-Submitted"] = "auto-generated"
    message["X-Jaild-Jail"] = _short(body.jail_of(report))
    text = body.text(report)
    message.set_content(text, cte="7bit" if _is_plain(text) else "quoted-printable")
    return message


def _subject(report: Report) -> str:
    jail, host = _short(body.jail_of(report)), _short(body.host_of(report))
    bans = [*report.notices, *report.omitted]
    if report.changes and not bans:
        return f"[jaild] {jail}: {change_text.state(report.changes[-1])} on {host}"
    if report.test:
        return f"[jaild] {jail}: test from {host}"
    if len(bans) == 1:
        return f"[jaild] {jail}: banned {printable(bans[0].address)} from {host}"
    return f"[jaild] {jail}: banned {len(bans)} addresses on {host}"


def _thread(report: Report) -> str:
    """Return the id of a mail that never was: what is told of one attacker answers it.

    What tells of several answers one of the jail's.
    """
    host = body.host_of(report)
    bans = {one.address for one in (*report.notices, *report.omitted)}
    about = next(iter(bans)) if len(bans) == 1 else f"jail {body.jail_of(report)}"
    digest = hashlib.sha256(f"{host}\n{about}".encode(errors="replace")).hexdigest()[:24]
    domain = host if _ATOM.fullmatch(host) and len(host) <= _LONGEST else "localhost"
    return f"<jaild.about.{digest}@{domain}>"


def _full(address: str) -> str:
    """Return an address with a host: exim takes no header without, and postfix adds one."""
    return address if "@" in address else f"{address}@localhost"


def _short(text: str) -> str:
    # What looks like an encoded word would be decoded.
    shown = printable(" ".join(text.split())).replace("=?", "= ?")
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + _CUT


def _local(usec: int) -> datetime:
    try:
        return datetime.fromtimestamp(usec // 1_000_000, UTC).astimezone()
    except (OverflowError, OSError, ValueError):
        return datetime.fromtimestamp(0, UTC)


def _is_plain(text: str) -> bool:
    return text.isascii() and all(len(line) <= _LONGEST_LINE for line in text.split("\n"))
