# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module tries the ways that a configuration's mails would take, without sending any.

A server is greeted and left again; nobody logs in. What a server says is untrusted.
"""

import queue
import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from threading import Thread

from jaild.config.check import Report
from jaild.config.mail_doubts import SENDMAIL, is_program, needs_rights
from jaild.config.model import SmtpConfig

# Of one server, looking up its name included.
SECONDS = 5.0
_SHOWN = 200
_USUAL_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_THIS_HOST = SmtpConfig("localhost", 25, "none")


@dataclass(frozen=True, slots=True)
class Reached:
    """One way that was tried: ``told`` is a sentence about what happened."""

    mta: str
    server: str
    works: bool
    told: str


def tried(report: Report) -> list[Reached]:
    """Return what happened on each way that the mail of some jail would take."""
    ways = dict.fromkeys(jail.mail.mta for jail in report.jails if jail.mail)
    return [found for mta in ways for found in _tried(mta, report.smtp)]


def greet(server: SmtpConfig, seconds: float = SECONDS) -> tuple[bool, str]:
    """Greet a server; return whether that went well, and a sentence. Waits for so long at most."""
    answers: queue.SimpleQueue[tuple[bool, str]] = queue.SimpleQueue()
    # Asking for an address takes as long as it takes: only a thread can be left alone.
    Thread(target=lambda: answers.put(_outcome(server, seconds)), daemon=True).start()
    try:
        return answers.get(timeout=seconds)
    except queue.Empty:
        return False, f"no answer within {seconds:.0f} seconds"


def port_of(server: SmtpConfig) -> int:
    """Return the port of a server."""
    return server.port or _USUAL_PORTS[server.security]


def _tried(mta: str, server: SmtpConfig) -> Iterator[Reached]:
    instead = ""
    if mta == "sendmail":
        if not is_program(SENDMAIL):
            yield Reached(mta, str(SENDMAIL), works=False, told="there is no such program")
            return
        if not needs_rights():
            yield Reached(mta, str(SENDMAIL), works=True, told="it is there and can be run")
            return
        instead = f", in place of {SENDMAIL}, which cannot work in a sandbox"
    if mta != "smtp":
        server = _THIS_HOST
    if server.server:
        name = f"{server.server} port {port_of(server)}{instead}"
        yield Reached(mta, name, *greet(server))
    else:
        yield Reached(mta, "smtp.server", works=False, told="it is not set in jaild.conf")


def _outcome(server: SmtpConfig, seconds: float) -> tuple[bool, str]:
    try:
        said = _greet(server, seconds)
    except smtplib.SMTPResponseException as error:
        answer = error.smtp_error
        text = answer.decode(errors="replace") if isinstance(answer, bytes) else str(answer)
        return False, f"it answers {error.smtp_code} {text}"[:_SHOWN]
    except ssl.SSLCertVerificationError as error:
        return False, f"its certificate is not good: {error.verify_message}"[:_SHOWN]
    except (OSError, smtplib.SMTPException, ValueError) as error:
        return False, _sentence(error)[:_SHOWN]
    return True, said[:_SHOWN]


def _sentence(error: Exception) -> str:
    if isinstance(error, socket.gaierror):
        return "its name has no address"
    if isinstance(error, TimeoutError):
        return "it does not answer"
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return "it does not offer STARTTLS"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


def _greet(server: SmtpConfig, seconds: float) -> str:
    context = ssl.create_default_context()
    smtp = _connected(server, seconds, context)
    try:
        code, said = smtp.ehlo()
        if not 200 <= code <= 299:  # noqa: PLR2004 - what SMTP calls a success
            raise smtplib.SMTPHeloError(code, said)
        greeting = said.decode(errors="replace").partition("\n")[0]
        if server.security == "starttls":
            smtp.starttls(context=context)
            smtp.ehlo()
        with suppress(OSError, smtplib.SMTPException):
            smtp.quit()
    finally:
        smtp.close()
    how = "" if server.security == "none" else ", encrypted"
    return f"it answers as {greeting}{how}"


def _connected(server: SmtpConfig, seconds: float, context: ssl.SSLContext) -> smtplib.SMTP:
    name, port = server.server, port_of(server)
    if server.security == "tls":
        return smtplib.SMTP_SSL(name, port, timeout=seconds, context=context)
    return smtplib.SMTP(name, port, timeout=seconds)
