# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module reads mail addresses: they go into headers and command lines, so nothing passes it.

What it returns is ASCII, one line, without blanks outside of quotes, and never looks like an option
of a program.
"""

import os
import re
from ipaddress import ip_address

from jaild.config import values
from jaild.core.errors import InvalidConfig

MAX_ADDRESSES = 20
MAX_NAME = 64
# What RFC 5321 allows: before the @, and in all.
_MAX_LOCAL = 64
_MAX_ADDRESS = 254
_MAX_HOST = 253

# Words are separated by blanks and commas; a quoted beginning may hold both.
_WORD = re.compile(r"(?:\"(?:\\.|[^\"\\\n])*\"|[^\s,\"])+|\"")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_QUOTED = re.compile(r"\"(?:\\[ -~]|[ !#-\[\]-~])*\"")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}")
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?")
_ANGLES = re.compile(r"<[^<>]*@[^<>]*>")
# What fail2ban's own configuration writes for this host's name.
_HOST = re.compile(r"<(?:fq-hostname|sh-hostname|ip-host|hostname)>")


def addresses(value: str) -> tuple[str, ...]:
    """Return the addresses of a list separated by commas or blanks, each once.

    A bare user name, if it stands alone, is one of this host's: ``root`` is root@localhost.
    """
    _one_line_each(value)
    words = _WORD.findall(_with_host(value))
    if len(words) == 1 and _USER.fullmatch(words[0]):
        return (f"{words[0]}@localhost",)
    found = [_full(word) for word in words]
    if not found:
        raise InvalidConfig("it needs an address, such as admin@example.org")
    if len(found) > MAX_ADDRESSES:
        raise InvalidConfig(f"it has more than {MAX_ADDRESSES} addresses")
    return tuple(dict.fromkeys(found))


def sender(value: str) -> str:
    """Return one address, or a bare user name: what it is the mail of, the mail server knows."""
    _one_line_each(value)
    words = _WORD.findall(_with_host(value))
    if _ANGLES.search(value) and not _HOST.fullmatch(words[0] if words else ""):
        name = value.partition("<")[0].strip(" \"'") or "jaild"
        hint = f"write sendername = {name[:MAX_NAME]}"
        raise InvalidConfig("it has to be the address alone", hint=hint)
    if len(words) != 1:
        raise InvalidConfig("it has to be one address, such as jaild@example.org")
    return words[0] if _USER.fullmatch(words[0]) else _full(words[0])


def name(value: str) -> str:
    """Return the name that is shown beside the sender's address."""
    if len(value) > MAX_NAME:
        raise InvalidConfig(f"it is longer than {MAX_NAME} characters")
    if not value.isprintable():
        raise InvalidConfig("it has a line break or a control character")
    return value


def host(value: str) -> str:
    """Return the ASCII form of a host's name; addresses stay as they are; raises InvalidConfig."""
    try:
        return str(ip_address(value.removeprefix("[").removesuffix("]")))
    except ValueError:
        pass
    plain = _ascii(value).removesuffix(".") if len(value) <= _MAX_HOST else ""
    labels = plain.split(".")
    if len(plain) > _MAX_HOST or not all(_LABEL.fullmatch(label) for label in labels):
        raise InvalidConfig(f"'{value[:60]}' is no host name")
    if labels[-1].isdigit():
        raise InvalidConfig(f"'{value[:60]}' is no address")
    return plain.lower()


def is_local(name_or_address: str) -> bool:
    """Return whether a host, as host() returns it, is this one."""
    if name_or_address == "localhost":
        return True
    try:
        return ip_address(name_or_address).is_loopback
    except ValueError:
        return False


def _full(word: str) -> str:
    local, at, domain = word.rpartition("@")
    shown = f"'{word[:60]}'"
    if not at or not local or not domain:
        message = f"{shown} is no mail address: there is a name, an @ and a host in one"
        raise InvalidConfig(message, text=word)
    if not (_ATOMS.fullmatch(local) or _QUOTED.fullmatch(local)):
        message = f"{shown} is no mail address: what stands before its @ cannot be there"
        raise InvalidConfig(message, text=word)
    if local.startswith("-"):
        raise InvalidConfig(f"{shown} begins like an option of a program", text=word)
    made = f"{local}@{_domain(domain, word)}"
    if len(local) > _MAX_LOCAL or len(made) > _MAX_ADDRESS:
        raise InvalidConfig(f"{shown} is too long for a mail address", text=word)
    return made


def _domain(domain: str, word: str) -> str:
    literal = re.fullmatch(r"\[(IPv6:)?([0-9A-Fa-f:.]+)\]", domain)
    try:
        if literal:
            version = ip_address(literal[2]).version
            if version == (6 if literal[1] else 4):
                return domain
        elif not re.fullmatch(r"[0-9.]+", domain):
            return host(domain)
    except (ValueError, InvalidConfig):
        pass
    hint = values.nearest(domain, ("localhost", "gmail.com", "localhost.localdomain"))
    message = f"'{domain[:60]}' in '{word[:60]}' is no host of mail"
    raise InvalidConfig(message, hint=hint if "." not in domain else "", text=word)


def _ascii(text: str) -> str:
    if text.isascii():
        return text
    try:
        return text.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise InvalidConfig(f"'{text[:60]}' is no host name") from error


def _with_host(value: str) -> str:
    # The name that the kernel knows: no name server is asked.
    return _HOST.sub(lambda _: os.uname().nodename, value) if "<" in value else value


def _one_line_each(value: str) -> None:
    for line in value.split("\n"):
        if not line.replace("\t", " ").isprintable():
            raise InvalidConfig("it has a control character, which no mail address has")
