# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module reads the parameters of one action that bans: ports, protocol and verdict."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from jaild.config import action_names, values
from jaild.core.errors import InvalidConfig
from jaild.core.rule import InvalidRule

USED = ("blocktype", "port", "protocol", "type")
# What other firewalls' recipes hand over as well, and what means nothing more to jaild.
_SILENT = ("name", "actname", "chain", "known/chain")
REMARKS = {
    "comment": "the comment is not used: jaild writes its own there, to know its rules again",
    "add": "add is not needed: jaild puts its rules in front of all others",
    "destination": "destination is not used: a ban is for all of this host's addresses",
    "application": "application is not used: write the ports in the option port",
    "kill-mode": "kill-mode is not needed: jaild ends the banned address's connections anyway",
    "kill": "kill is not needed: jaild ends the banned address's connections anyway",
    "bantime": "bantime is set as an option of the jail, not of its action",
}
KNOWN = (*USED, *_SILENT, *REMARKS)

# What firewalls call it to drop packets, to refuse them, and to let them pass.
_DENY = ("deny", "drop", "block", "blackhole")
_REJECT = ("reject", "unreach", "unreachable", "prohibit", "return-icmp", "return-rst", "icmp")
_PASS = ("accept", "allow", "return", "pass")


@dataclass(frozen=True, slots=True)
class Ban:
    """One action's way to ban: "" and any for all ports; None where the jail's own count."""

    ports: str | None
    protocol: str | None
    verdict: str


def ban(name: str, parameters: Mapping[str, str]) -> Ban:
    """Return what an action's parameters come to; raises InvalidConfig, InvalidRule."""
    verdict = _verdict(parameters.get("blocktype", "reject"))
    if action_names.bans_all_ports(name) or _is_for_all_ports(name, parameters):
        return Ban("", "any", verdict)
    ports = _read(parameters, "port", values.ports)
    protocol = _read(parameters, "protocol", values.protocol)
    return Ban(ports, "any" if ports == "" else protocol, verdict)


def check_names(parameters: Mapping[str, str]) -> None:
    """Refuse parameters of ufw that nobody knows; raises InvalidConfig."""
    for name in parameters:
        plain, _, _ = name.partition("?")
        if plain not in KNOWN:
            hint = values.nearest(plain, KNOWN)
            message = f"the action ufw has no parameter '{name}'"
            raise InvalidConfig(message, hint=hint, text=name)


def _read(parameters: Mapping[str, str], name: str, parse: Callable[[str], str]) -> str | None:
    if name not in parameters:
        return None
    try:
        return parse(parameters[name])
    except InvalidConfig as error:
        raise InvalidConfig(error.message, hint=error.hint, text=parameters[name]) from error
    except InvalidRule as error:
        raise InvalidConfig(str(error), text=parameters[name]) from error


def _is_for_all_ports(name: str, parameters: Mapping[str, str]) -> bool:
    # firewalld's and pf's recipes write <multiport> and <allports>, names of their own options.
    kind = parameters.get("type") or parameters.get("actiontype", "multiport")
    kind = kind.strip("<>").lower()
    if name == "ufw" and kind not in ("allports", "multiport", "oneport"):
        message = f"type is '{kind[:60]}'; it has to be allports or multiport"
        raise InvalidConfig(message, text=kind)
    return kind == "allports"


def _verdict(text: str) -> str:
    word = text.strip("\"' ").lower().replace("(", " ").partition(" ")[0]
    if word in _DENY:
        return "deny"
    if word in _REJECT:
        return "reject"
    message = f"blocktype is '{text[:60]}'; it has to be reject or deny"
    if word in _PASS:
        message = f"blocktype is '{text[:60]}', which lets addresses in: jaild only shuts them out"
    raise InvalidConfig(message, text=text)
