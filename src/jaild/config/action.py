# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module reads a jail's list of actions; the one that jaild carries out is ufw."""

import re
from dataclasses import dataclass

from jaild.config import values
from jaild.config.call import Call, parse, parse_one
from jaild.core.errors import InvalidConfig
from jaild.core.rule import VERDICTS

_USED = ("blocktype", "port", "protocol", "type")
# What other firewalls' recipes hand over as well, and what means nothing more to jaild.
_SILENT = ("name", "actname", "chain")
_REMARKS = {
    "comment": "the comment is not used: jaild writes its own there, to know its rules again",
    "add": "add is not needed: jaild puts its rules in front of all others",
    "destination": "destination is not used: a ban is for all of this host's addresses",
    "application": "application is not used: write the ports in the option port",
    "kill-mode": "kill-mode is not needed: jaild ends the banned address's connections anyway",
    "kill": "kill is not needed: jaild ends the banned address's connections anyway",
    "bantime": "bantime is set as an option of the jail, not of its action",
}
_MAIL = re.compile(r"(?:send)?mail\b.*|smtp(?:\.py)?|.+-(?:whois|buffered)(?:-.+)?")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a list of actions comes to: ``ports`` and ``protocol`` None where the jail's own count.

    ``written`` are the actions as written; ``remarks`` say what of them is not done.
    """

    ports: str | None
    protocol: str | None
    verdict: str
    written: tuple[str, ...]
    remarks: tuple[str, ...]


def plan(text: str) -> Plan:
    """Return what the option ``action`` comes to; raises InvalidConfig, InvalidRule."""
    calls = parse(text)
    bans = [call for call in calls if call.name == "ufw"]
    remarks = [
        f"jaild does not send mail yet: '{call.name}' is left out, the ban itself is made"
        for call in calls
        if _is_mail(call)
    ]
    if not bans:
        raise InvalidConfig("none of the actions bans", hint="write action = %(action_)s")
    found = {_of_ufw(call) for call in bans}
    if len(found) > 1:
        raise InvalidConfig("its ufw actions differ, and a jail bans in one way only")
    ports, protocol, verdict = found.pop()
    remarks += [_REMARKS[name] for call in bans for name in call.parameters if name in _REMARKS]
    written = tuple(" ".join(call.text.split()) for call in calls)
    return Plan(ports, protocol, verdict, written, tuple(dict.fromkeys(remarks)))


def banaction(text: str) -> Call:
    """Return the one action that bans; raises InvalidConfig if jaild cannot do it."""
    call = parse_one(text)
    if call.name != "ufw":
        raise _unknown(call)
    _of_ufw(call)
    return call


def _is_mail(call: Call) -> bool:
    if call.name == "ufw":
        return False
    if _MAIL.fullmatch(call.name):
        return True
    raise _unknown(call)


def _unknown(call: Call) -> InvalidConfig:
    return InvalidConfig(
        f"jaild has no action '{call.name}': it bans through ufw", hint="write banaction = ufw"
    )


def _of_ufw(call: Call) -> tuple[str | None, str | None, str]:
    """Return ports, protocol and verdict."""
    options = call.parameters
    for name in options:
        if name not in (*_USED, *_SILENT, *_REMARKS):
            hint = values.nearest(name, (*_USED, *_SILENT, *_REMARKS))
            raise InvalidConfig(f"the action ufw has no parameter '{name}'", hint=hint)
    verdict = options.get("blocktype", "reject").lower()
    if verdict not in VERDICTS:
        raise InvalidConfig(f"blocktype is '{verdict}'; it has to be reject or deny")
    kind = options.get("type", "multiport")
    if kind not in ("allports", "multiport", "oneport"):
        raise InvalidConfig(f"type is '{kind}'; it has to be allports or multiport")
    if kind == "allports":
        return "", "any", verdict
    ports = values.ports(options["port"]) if "port" in options else None
    protocol = values.protocol(options["protocol"]) if "protocol" in options else None
    return ports, protocol, verdict
