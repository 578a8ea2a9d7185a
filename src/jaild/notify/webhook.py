# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module posts notices to a URL, as jaild-webhook(5) describes.

A URL is often a secret by itself, so only its host is ever shown. Redirects are not followed and
proxies of the environment not used: what is posted goes where root has said, or nowhere.
"""

import http.client
import re
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from jaild import __version__
from jaild.core.address import Address, parse_host, to_network
from jaild.core.text import printable
from jaild.notify.dial import dial, is_host, is_name, left
from jaild.notify.discretion import blank
from jaild.notify.model import DeliveryFailed, Notice
from jaild.notify.payload import Known, identity, payloads, signature
from jaild.notify.timed import Timed

SECONDS = 10.0
# Of an answer this much is read, and this much of it said.
MOST_READ = 4096
MOST_SAID = 200
LONGEST_WAIT = 3600

_PORTS = {"https": 443, "http": 80}
_URL = re.compile(r"[!-~]{1,2000}")
_NOTHING: Known = {}
# Another attempt may do better: too slow, too early, too many requests, and the server's failures.
_LATER = frozenset({408, 425, 429})


class WebhookFailed(DeliveryFailed):
    """Not all notices were taken.

    ``after``: in seconds, how long the other side wants to be left alone, 0 if it did not say;
    ``delivered``: how many of the notices, from the first on, were taken before.
    """

    def __init__(
        self, text: str, *, permanent: bool = False, after: int = 0, brief: str = ""
    ) -> None:
        super().__init__(text, permanent=permanent, brief=brief)
        self.after = after
        self.delivered = 0


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads: ``authority`` is host and port as written, ``path`` has the query."""

    scheme: str
    authority: str
    host: str
    port: int
    path: str


class _Answer(NamedTuple):
    status: int
    reason: str
    wait: str
    text: str


def post(
    url: str, secret: str, notices: Sequence[Notice], ids: Sequence[str] = (), *,
    facts: Known = _NOTHING, test: bool = False,
) -> None:  # fmt: skip
    """Post notices; returns when all are taken, after up to SECONDS for each MOST_BANS of them.

    ``secret`` "" leaves the signature out. ``ids``, if given, are the notices' own and the same
    at every attempt; else they are made from them. ``facts`` is what is known of addresses. Raises
    WebhookFailed.
    """
    target = target_of(url)
    delivered = 0
    marks = ids or [identity(notice) for notice in notices]
    for payload in payloads(notices, marks, time.time(), facts, test=test):
        try:
            _send(target, _headers(target, secret, payload.body), payload.body)
        except WebhookFailed as error:
            error.delivered = delivered
            raise
        delivered += payload.count


def target_of(url: str) -> Target:
    """Return where a URL leads: https, or http to this host. Raises WebhookFailed."""
    try:
        parts = urlsplit(url) if _URL.fullmatch(url) else None
        host, port = ((parts.hostname or "").removesuffix("."), parts.port) if parts else ("", None)
    except ValueError:
        parts, host, port = None, "", None
    if parts is None or not host or "@" in parts.netloc or not (is_name(host) or is_host(host)):
        raise WebhookFailed("the webhook's URL is none, or has a user name", permanent=True)
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_here(host)):
        raise WebhookFailed(f"the webhook at {host} is not https", permanent=True)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, parts.netloc, host, port or _PORTS[parts.scheme], path)


def _headers(target: Target, secret: str, body: bytes) -> dict[str, str]:
    headers = {
        "Host": target.authority,
        "Content-Type": "application/json",
        "User-Agent": f"jaild/{__version__}",
        "Connection": "close",
    }
    if secret:
        timestamp = str(int(time.time()))
        headers["X-Jaild-Timestamp"] = timestamp
        headers["X-Jaild-Signature"] = signature(secret, timestamp, body)
    return headers


def _send(target: Target, headers: dict[str, str], body: bytes) -> None:
    where = f"the webhook at {target.host}"
    try:
        answer = _exchange(target, headers, body)
    except ssl.SSLCertVerificationError as error:
        text = f"{where} has a certificate that is not trusted: {error.verify_message}"
        raise WebhookFailed(text) from None
    except TimeoutError:
        raise WebhookFailed(f"{where} did not answer within {SECONDS:.0f} s") from None
    except (OSError, http.client.HTTPException) as error:
        problem = printable(_text_of(error))[:MOST_SAID]
        raise WebhookFailed(f"{where} cannot be reached: {problem}") from None
    if http.HTTPStatus.OK <= answer.status < http.HTTPStatus.MULTIPLE_CHOICES:
        return
    raise _refusal(target, answer, f"{where} answered {answer.status}")


def _refusal(target: Target, answer: _Answer, what: str) -> WebhookFailed:
    # An answer may repeat what it was asked.
    reason, said = (blank(text, target.path, MOST_SAID) for text in (answer.reason, answer.text))
    later = answer.status in _LATER or answer.status >= http.HTTPStatus.INTERNAL_SERVER_ERROR
    return WebhookFailed(
        f"{what} {reason}".rstrip() + (f": {said}" if said else ""),
        permanent=not later,
        after=wait_of(answer.wait) if later else 0,
        brief=what,
    )


def _exchange(target: Target, headers: dict[str, str], body: bytes) -> _Answer:
    end = time.monotonic() + SECONDS
    with dial(target.host, target.port, end, None if target.scheme == "https" else _loops) as raw:
        if target.scheme != "https":
            return _talk(Timed(raw, end), target, headers, body)
        raw.settimeout(left(end))
        context = ssl.create_default_context()
        with context.wrap_socket(raw, server_hostname=target.host) as secure:
            return _talk(Timed(secure, end), target, headers, body)


def _talk(wire: Timed, target: Target, headers: dict[str, str], body: bytes) -> _Answer:
    connection = http.client.HTTPConnection(target.host, target.port)
    connection.sock = wire
    connection.request("POST", target.path, body, headers)
    response = connection.getresponse()
    text = ""
    if response.status >= http.HTTPStatus.MULTIPLE_CHOICES:
        try:
            text = response.read(MOST_READ).decode(errors="replace")
        except (OSError, http.client.HTTPException):
            text = ""
    return _Answer(
        response.status,
        printable(response.reason),
        response.getheader("Retry-After", ""),
        printable(" ".join(text.split())),
    )


def _text_of(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__


def wait_of(text: str) -> int:
    """Return the seconds that a Retry-After asks for, at most LONGEST_WAIT; 0 for none."""
    if re.fullmatch(r"[0-9]{1,9}", text.strip()):
        seconds = float(text)
    else:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError, IndexError):
            seconds = 0
    return int(min(max(seconds, 0), LONGEST_WAIT))


def _is_here(host: str) -> bool:
    return host == "localhost" or (is_host(host) and _loops(parse_host(host)))


def _loops(address: Address) -> bool:
    return to_network(address).is_loopback
