# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module defines what crosses the border to the enforcer: one ban, as a firewall rule.

The vocabulary is closed: five short strings, each checked on both sides of the border.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from jaild.core import address
from jaild.core.errors import JaildError

JAIL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@+-]{0,63}")
PROTOCOLS = ("tcp", "udp", "any")
VERDICTS = ("reject", "deny")
# iptables' multiport match holds 15 slots; a range takes two.
MAX_PORT_SLOTS = 15


class InvalidRule(JaildError):
    """A rule that no honest jaild sends."""


class Rule(NamedTuple):
    """One address shut out of some ports for one jail.

    ``ports`` is "" for all ports, else ascending port numbers and ranges (``22,80,6000:6010``);
    ``protocol`` is tcp, udp or any (any only with all ports); ``verdict`` is reject (the caller
    is told) or deny (silence). A tuple, because rosters are compared as sets of up to 100,000.
    """

    jail: str
    address: address.Address
    ports: str = ""
    protocol: str = "any"
    verdict: str = "reject"


def from_tuple(values: tuple[str, str, str, str, str]) -> Rule:
    """Check five strings from the other side; raises InvalidRule or InvalidAddress."""
    jail, target, ports, protocol, verdict = values
    if not JAIL_NAME.fullmatch(jail):
        raise InvalidRule("the jail's name is not acceptable")
    if address.parse(target) != target:
        raise InvalidRule(f"'{target}' is not in canonical form")
    if protocol not in PROTOCOLS or verdict not in VERDICTS:
        raise InvalidRule("the protocol or the verdict is not acceptable")
    if check_ports(ports) != ports:
        raise InvalidRule("the ports are not in canonical form")
    if bool(ports) == (protocol == "any"):
        raise InvalidRule("ports go with tcp or udp, and all ports with any")
    return Rule(jail, address.Address(target), ports, protocol, verdict)


# A roster of 100,000 rules names few different ports.
@lru_cache(maxsize=1000)
def check_ports(text: str) -> str:
    """Return a list of numeric ports and ranges in canonical form; raises InvalidRule.

    All ports (``0:65535``, ``1:65535``, "") give "".
    """
    spans = sorted(_span(part.strip()) for part in text.split(",") if part.strip())
    if any(low <= 1 and high == 65535 for low, high in spans):  # noqa: PLR2004 - the port space
        return ""
    slots = sum(1 if low == high else 2 for low, high in spans)
    if slots > MAX_PORT_SLOTS:
        raise InvalidRule(f"'{text}' needs {slots} port slots; ufw allows {MAX_PORT_SLOTS}")
    return ",".join(str(low) if low == high else f"{low}:{high}" for low, high in spans)


def _span(part: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,5})(?::(\d{1,5}))?", part, re.ASCII)
    if not match:
        raise InvalidRule(f"'{part}' is not a port or range of ports")
    low = int(match[1])
    high = int(match[2] or low)
    if not (low <= high <= 65535 and (low or match[2])):  # noqa: PLR2004 - the port space
        raise InvalidRule(f"'{part}' is not a port or range of ports")
    return low, high
