# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module hands mails to a server by SMTP: to this host's, or to another one encrypted.

Where encryption is asked for, nothing goes out without: neither the mail nor the password.
"""

import logging
import os
import re
import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from email.message import EmailMessage
from typing import TYPE_CHECKING

from jaild.config.model import MailConfig, SmtpConfig
from jaild.core.text import printable
from jaild.notify.dial import dial
from jaild.notify.model import DeliveryFailed, PartlyDelivered

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

logger = logging.getLogger(__name__)

# A wait for one answer; for the one to the mail itself, during which a server may examine or even
# deliver it, and after which a mail that was taken would be sent again; and the whole conversation.
# RFC 5321, 4.5.3.2.6, wants the second to be ten minutes, which nobody needs and a stop would wait.
SECONDS = 30.0
TAKING_SECONDS = 300.0
CONVERSATION_SECONDS = 420.0
PORTS = {"none": 25, "starttls": 587, "tls": 465}

_PERMANENT = range(500, 600)
# Who may send at all is settled on the server, whatever mail it was that it said so of.
_AUTHENTICATION = frozenset({530, 534, 535, 538})
# A server that ends, a full disk: said at any moment, and of no mail in particular.
_BUSY = frozenset({421, 452})
_TOO_LARGE = 552
# What smtplib says of an answer without one.
_NO_CODE = -1
_LONGEST = 300
_HOST = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*")
# What smtplib raises is an OSError, too, and ValueError is what it makes of strange answers.
_ERRORS = (OSError, ValueError)


class Smtp:
    """Hands mails to one server, with a connection for each."""

    def __init__(
        self, mail: MailConfig, server: SmtpConfig, password: str = "",
        seconds: float = SECONDS, context: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        """Take sender and recipients from the jail's mail."""
        self._sender = _full(mail.sender)
        self._written = mail.to
        self._to = [_full(one) for one in mail.to]
        self._server = server
        self._port = server.port or PORTS[server.security]
        self._password = password
        self._seconds = seconds
        self._context = context
        self._name = f"{server.server} port {self._port}"

    def send(self, message: EmailMessage) -> None:
        """Hand a mail over; raises DeliveryFailed.

        If only some of the recipients are refused, the others have it: PartlyDelivered names those
        to try again, and of those refused for good it is said in the log.
        """
        data = message.as_bytes(policy=message.policy.clone(linesep="\r\n"))
        connection = self._ready()
        try:
            refused = connection.sendmail(self._sender, self._to, data)
            _leave(connection)
        except _ERRORS as error:
            raise self._failed(error) from error
        finally:
            connection.close()
        self._look_at(refused)

    def _look_at(self, refused: Mapping[str, tuple[int, bytes]]) -> None:
        for_good = {name: why for name, why in refused.items() if _is_permanent(why[0])}
        if for_good:
            logger.warning("%s refused %s; the others have the mail", self._name, _each(for_good))
        later = {name: why for name, why in refused.items() if name not in for_good}
        if later:
            rest = tuple(one for one in self._written if _full(one) in later)
            text = f"{self._name} refused {_each(later)} for now; the others have the mail"
            raise PartlyDelivered(text, rest)

    def _ready(self) -> smtplib.SMTP:
        """Return a connection, encrypted and logged in as configured; raises DeliveryFailed.

        What fails here is no mail's fault.
        """
        connection = None
        try:
            connection = self._connected()
            self._introduce(connection)
        except (*_ERRORS, DeliveryFailed) as error:
            if connection is not None:
                connection.close()
            raise DeliveryFailed(f"{self._name}: {_reason(error)}") from error
        return connection

    def _connected(self) -> smtplib.SMTP:
        server = self._server
        if not server.server:
            raise OSError("smtp.server is not set")
        if server.security == "tls":
            return _Tls(
                server.server, self._port, _own_name(), timeout=self._seconds,
                context=self._certain(),
            )  # fmt: skip
        return _Plain(server.server, self._port, _own_name(), timeout=self._seconds)

    def _introduce(self, connection: smtplib.SMTP) -> None:
        server = self._server
        connection.ehlo_or_helo_if_needed()
        if server.security == "starttls":
            if not connection.has_extn("starttls"):
                raise DeliveryFailed("it offers no STARTTLS, so nothing was sent")
            code, answer = connection.starttls(context=self._certain())
            if code != 220:  # noqa: PLR2004
                raise smtplib.SMTPResponseException(code, answer)
            connection.ehlo()
        if server.user:
            connection.login(server.user, self._password)

    def _certain(self) -> ssl.SSLContext:
        return self._context or ssl.create_default_context()

    def _failed(self, error: Exception) -> DeliveryFailed:
        if isinstance(error, smtplib.SMTPRecipientsRefused):
            codes = [code for code, _ in error.recipients.values()]
            text = f"{self._name} refused {_each(error.recipients)}"
            return DeliveryFailed(text, permanent=all(map(_is_permanent, codes)))
        code = error.smtp_code if isinstance(error, smtplib.SMTPResponseException) else 0
        permanent = not isinstance(error, smtplib.SMTPHeloError) and _is_permanent(code)
        text = f"{self._name}: {_reason(error)}"
        return DeliveryFailed(text, permanent=permanent, content=_is_of_content(error))


class _Plain(smtplib.SMTP):
    """Is broken off after a while: each single wait is limited, but not their number."""

    _timer: threading.Timer | None = None
    _line: socket.socket | None = None

    def data(self, msg: "ReadableBuffer | str") -> tuple[int, bytes]:
        """Hand the mail itself over, and wait longer for the answer than for any other."""
        connection = self.sock
        if connection is None:
            raise smtplib.SMTPServerDisconnected("the connection has ended")
        seconds = connection.gettimeout()
        connection.settimeout(TAKING_SECONDS)
        answer = super().data(msg)
        connection.settimeout(seconds)
        return answer

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        made = dial(host, port, time.monotonic() + timeout)
        made.settimeout(timeout)
        # Another descriptor of the same connection: TLS takes the first one over.
        self._line = made.dup()
        self._timer = threading.Timer(CONVERSATION_SECONDS, _break_off, [self._line])
        self._timer.daemon = True
        self._timer.start()
        return made

    def close(self) -> None:
        """Close the connection, if there is one."""
        super().close()
        if self._timer is not None and self._line is not None:
            self._timer.cancel()
            self._line.close()


class _Tls(smtplib.SMTP_SSL, _Plain):
    """The same, encrypted from the start."""


def _break_off(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError as error:
        logger.debug("a connection has ended by itself: %s", error)


def _leave(connection: smtplib.SMTP) -> None:
    """Say goodbye; the mail is handed over, whatever the answer."""
    try:
        connection.quit()
    except _ERRORS as error:
        logger.debug("no answer to QUIT: %s", error)


def _own_name() -> str:
    """Return what this host calls itself, without asking a name server."""
    name = os.uname().nodename
    return name if _HOST.fullmatch(name) else "localhost"


def _full(address: str) -> str:
    return address if "@" in address else f"{address}@localhost"


def _is_permanent(code: int) -> bool:
    return code in _PERMANENT and code not in _AUTHENTICATION


def _is_of_content(error: Exception) -> bool:
    if isinstance(error, smtplib.SMTPDataError):
        return error.smtp_code not in _BUSY
    # Its size is told together with its sender.
    return isinstance(error, smtplib.SMTPSenderRefused) and error.smtp_code == _TOO_LARGE


def _each(refused: Mapping[str, tuple[int, bytes]]) -> str:
    return ", ".join(f"{name} ({_answer(*why)})" for name, why in refused.items())


def _reason(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return _answer(error.smtp_code, error.smtp_error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return _shown(f"its certificate is not trusted: {error.verify_message}")
    if isinstance(error, UnicodeError):
        return "user and password of SMTP can only be ASCII"
    # The words are the socket's; smtplib puts its own before them.
    if str(error).endswith("timed out"):
        return "it did not answer in time"
    return _shown(str(error) or type(error).__name__)


def _answer(code: int, said: bytes | str) -> str:
    if code == _NO_CODE:
        return "what it answers is not SMTP"
    words = said.decode(errors="replace") if isinstance(said, bytes) else said
    return _shown(f"{code} {words}")


def _shown(text: str) -> str:
    return printable(" ".join(text.split()))[:_LONGEST]
