# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module turns the texts of the notifier's options into servers, URLs and files."""

import re
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from jaild.config import mail_address, values
from jaild.core.errors import InvalidConfig

Security = Literal["none", "starttls", "tls"]

MAX_URLS = 10
MAX_FILES = 10
_MAX_URL = 2000
_MAX_USER = 255

_WITH_PORT = re.compile(r"(?P<host>\[[^\]]+\]|[^:]+):(?P<port>[0-9]{1,5})")
_URL = re.compile(r"[!-~]+")
_SECURITIES: tuple[Security, ...] = ("starttls", "tls", "none")
_PORT = values.integer(1, 65_535)


def server(value: str) -> str:
    """Return a host name in ASCII or an address, "" for none."""
    if not value:
        return ""
    found = _WITH_PORT.fullmatch(value)
    if found:
        hint = f"write smtp.port = {found['port']}"
        raise InvalidConfig("it has to be the host alone", hint=hint)
    return mail_address.host(value)


def port(value: str) -> int:
    """Return a port, 0 where nothing is said."""
    return _PORT(value) if value else 0


def security(value: str) -> Security:
    """Return how a connection is encrypted."""
    word = values.choice(*_SECURITIES)(value)
    return next(one for one in _SECURITIES if one == word)


def user(value: str) -> str:
    """Return a name to log in with, "" for none."""
    if not value.isprintable() or len(value) > _MAX_USER:
        raise InvalidConfig(f"it has a control character, or more than {_MAX_USER} characters")
    return value


def whois(value: str) -> str:
    """Return a whois server as HOST or HOST:PORT, "" for none; IPv6 with a port in brackets."""
    if not value:
        return ""
    found = _WITH_PORT.fullmatch(value)
    if not found:
        return mail_address.host(value)
    name = mail_address.host(found["host"])
    return f"[{name}]:{_PORT(found['port'])}" if ":" in name else f"{name}:{_PORT(found['port'])}"


def databases(value: str) -> tuple[Path, ...]:
    """Return the absolute paths of a list of .mmdb files, each once."""
    words = value.replace(",", " ").split()
    for word in words:
        if not word.startswith("/") or not word.endswith(".mmdb"):
            example = "such as /var/lib/GeoIP/GeoLite2-Country.mmdb"
            raise InvalidConfig(f"'{word[:60]}' is no absolute path of a .mmdb file, {example}")
    if len(words) > MAX_FILES:
        raise InvalidConfig(f"it has more than {MAX_FILES} files")
    return tuple(Path(word) for word in dict.fromkeys(words))


def urls(value: str) -> tuple[str, ...]:
    """Return the URLs of a list, each once: https, or http of this host."""
    words = value.split()
    for word in words:
        _check_url(word)
    if len(words) > MAX_URLS:
        raise InvalidConfig(f"it has more than {MAX_URLS} URLs")
    return tuple(dict.fromkeys(words))


def _check_url(word: str) -> None:
    # Many a URL is a secret, so the sentences name the host at most.
    parts = _split(word)
    if not parts or not parts.hostname or not _URL.fullmatch(word) or len(word) > _MAX_URL:
        hint = "" if "://" in word else "does https:// stand before it?"
        raise InvalidConfig("it needs URLs such as https://example.org/bans", hint=hint, text=word)
    host = mail_address.host(parts.hostname)
    sentence, hint = "", ""
    if "@" in parts.netloc:
        sentence = f"the URL for {host} has a user or a password in it, for others to read"
        hint = "what is posted can be signed, see CREDENTIALS in jaild.conf(5)"
    elif parts.scheme == "http" and not mail_address.is_local(host):
        sentence, hint = f"the URL for {host} is not encrypted", "write https://"
    elif parts.scheme not in ("http", "https"):
        sentence = f"the URL for {host} has to begin with https://"
    elif parts.fragment:
        sentence = f"the URL for {host} has a # in it, which no server is told"
    if sentence:
        raise InvalidConfig(sentence, hint=hint, text=word)


def _split(word: str) -> SplitResult | None:
    try:
        parts = urlsplit(word)
        # Reading the port is what finds one that is none.
        found = parts if parts.port != 0 else None
    except ValueError:
        return None
    return found
