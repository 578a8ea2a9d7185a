# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module reads a jail's list of actions; those that jaild carries out are ufw and mail.

Other firewalls' actions are taken for ufw's: their parameters say what is to be banned and how.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from jaild.config import action_names, layers, letter, values
from jaild.config.action_names import Kind
from jaild.config.ban import REMARKS, USED, Ban, ban, check_names
from jaild.config.call import Call
from jaild.config.definition import DEFINITION, INIT, Definition, Use
from jaild.config.letter import Letter
from jaild.config.tree import Tree
from jaild.core.errors import InvalidConfig
from jaild.core.rule import check_ports

_HINT = "write banaction = ufw"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a list of actions comes to; ports and protocol are as in core.rule.

    ``mail`` is what is mailed of a ban, None for nothing. ``written`` are the actions as written;
    ``remarks`` are pairs of a piece of what is written and a sentence that says what of it is not
    done.
    """

    ports: str
    protocol: str
    verdict: str
    written: tuple[str, ...]
    remarks: tuple[tuple[str, str], ...]
    mail: Letter | None = None


class Actions:
    """The actions of a tree; each file is read once, however many jails use it."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._read: dict[str, Definition | None] = {}

    def plan(self, calls: Sequence[Call], port: str, protocol: str) -> Plan:
        """Return what actions come to in a jail with these ports; raises InvalidConfig.

        The error's ``text`` is the name of the action at fault.
        """
        kinds = [self._kind(call) for call in calls]
        banning = [
            call
            for call, kind in zip(calls, kinds, strict=True)
            if kind in (Kind.UFW, Kind.FIREWALL)
        ]
        if not banning:
            raise self._none_bans(calls, kinds)
        bans = [self._ban(call) for call in banning]
        ports, protocol, sentence = _joined(bans, port, protocol)
        verdicts = {found.verdict for found in bans}
        if len(verdicts) > 1:
            message = "some of its actions reject and some deny, and a jail bans in one way only"
            raise InvalidConfig(message, text=banning[-1].name)
        mails = [call for call, kind in zip(calls, kinds, strict=True) if kind == Kind.MAIL]
        mail = letter.chosen(self._letter(call) for call in mails)
        remarks = [(_protocol_of(banning[-1]), sentence)] if sentence else []
        for call, kind in zip(calls, kinds, strict=True):
            told = letter.remarks(call, mail) if call in mails else self._remarks(call, kind)
            remarks += [(call.name, remark) for remark in told]
        written = tuple(" ".join(call.text.split()) for call in calls)
        return Plan(ports, protocol, verdicts.pop(), written, tuple(dict.fromkeys(remarks)), mail)

    def check(self, call: Call) -> None:
        """Refuse an action that cannot ban; raises InvalidConfig."""
        kind = self._kind(call)
        if kind not in (Kind.UFW, Kind.FIREWALL):
            raise self._none_bans([call], [kind])
        self._ban(call)

    def _ban(self, call: Call) -> Ban:
        if call.name == "ufw":
            check_names(call.parameters)
        definition = self._definition(call.name)
        of_file = _of_file(definition, call, (*USED, "actiontype")) if definition else {}
        try:
            return ban(call.name, of_file | dict(call.parameters))
        except InvalidConfig as error:
            for name, text in of_file.items():
                if definition and error.text and error.text in text:
                    place = definition.place(name)
                    raise InvalidConfig(error.message, *place, error.hint, error.text) from error
            piece = error.text or call.name
            raise InvalidConfig(error.message, hint=error.hint, text=piece) from error

    def _letter(self, call: Call) -> Letter:
        definition = self._definition(call.name)
        of_file = _of_file(definition, call, letter.USED) if definition else {}
        return letter.read(call, of_file)

    def _kind(self, call: Call) -> Kind:
        """Return what an action does; one that nobody knows is a mistake."""
        kind = action_names.kind(call.name)
        if kind == Kind.UNKNOWN and not self._exists(call.name):
            names = action_names.NAMES | set(self._tree.names("action.d"))
            hint = values.nearest(call.name, sorted(names)) or _HINT
            message = f"there is no action '{call.name}', and jaild bans through ufw"
            raise InvalidConfig(message, hint=hint, text=call.name)
        return kind

    def _exists(self, name: str) -> bool:
        if name.endswith(".py"):
            return bool(self._tree.python_action(name))
        return bool(self._tree.action_layers(name))

    def _definition(self, name: str) -> Definition | None:
        if name not in self._read:
            paths = self._tree.action_layers(name)
            stack = layers.stack(self._tree, paths)
            self._read[name] = Definition(name, str(paths[0]), stack) if paths else None
        return self._read[name]

    def _none_bans(self, calls: Iterable[Call], kinds: Iterable[Kind]) -> InvalidConfig:
        for call, kind in zip(calls, kinds, strict=True):
            if kind == Kind.UNKNOWN:
                message = f"jaild does not run the commands of the action '{call.name}'"
                message += ", and none of the actions bans through ufw"
                return InvalidConfig(message, hint=_HINT, text=call.name)
        first = next((call.name for call in calls), "")
        return InvalidConfig(
            "none of the actions bans", hint="write action = %(action_)s", text=first
        )

    def _remarks(self, call: Call, kind: Kind) -> Iterable[str]:
        left_out = f"'{call.name}' is left out, the ban itself is made"
        if kind == Kind.REPORT:
            yield f"jaild does not report bans to others: {left_out}"
        elif kind == Kind.UNKNOWN:
            yield f"jaild does not run the commands of other actions: {left_out}"
        elif kind == Kind.FIREWALL:
            yield f"jaild bans through ufw, in place of '{call.name}'"
        if kind in (Kind.UFW, Kind.FIREWALL):
            yield from self._not_obeyed(call)

    def _not_obeyed(self, call: Call) -> Iterable[str]:
        definition = self._definition(call.name)
        for name, remark in REMARKS.items():
            if name in call.parameters or (
                call.name == "ufw" and definition and _is_of_administrator(definition, name)
            ):
                yield remark
        verdict = self._ban(call).verdict
        for name, text in call.parameters.items():
            plain, question, _ = name.partition("?")
            if question and (plain != "blocktype" or ban("", {plain: text}).verdict != verdict):
                yield f"{name} is not used: a jail bans alike in both families"


def _of_file(definition: Definition, call: Call, wanted: Sequence[str]) -> dict[str, str]:
    """Return the parameters that an action has from its file."""
    used = Use(definition, call.parameters)
    names = (name for name in wanted if _counts(definition, name))
    found = {name: used.text(name) for name in names if name not in call.parameters}
    return {name: text for name, text in found.items() if text}


def _counts(definition: Definition, name: str) -> bool:
    # What recipes ship with, ssh's port and root's mail box, does not count: a jail knows better.
    of_jail = ("port", "protocol", *letter.USED)
    return name not in of_jail or _is_of_administrator(definition, name)


def _is_of_administrator(definition: Definition, name: str) -> bool:
    own = definition.layers.own(INIT, name) or definition.layers.own(DEFINITION, name)
    return bool(own and own.path.endswith(".local"))


def _joined(bans: Sequence[Ban], port: str, protocol: str) -> tuple[str, str, str]:
    """Return ports and protocol of all bans together, and a remark if they are more than asked."""
    found = {_full(one, port, protocol) for one in bans}
    ports = {ports for ports, _ in found}
    protocols = {protocol for _, protocol in found}
    if "" in ports:
        return "", "any", ""
    if protocols in ({"tcp"}, {"udp"}):
        single = {port for several in ports for port in several.split(",")}
        return check_ports(",".join(sorted(single))), protocols.pop(), ""
    sentence = "jaild bans single ports of tcp or of udp: this jail, for both, bans all ports"
    return "", "any", sentence


def _protocol_of(call: Call) -> str:
    """Return the piece of a call that says the protocol."""
    found = re.search(r"protocol\s*=\s*[\"']?\w+", call.text)
    return found[0] if found else call.name


def _full(one: Ban, port: str, protocol: str) -> tuple[str, str]:
    ports = port if one.ports is None else one.ports
    return ports, (one.protocol or protocol) if ports else "any"
