# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module selects journal entries by their fields, in the notation of journalctl(1).

Within a group, values of one field are alternatives and different fields must all match; ``+``
starts another group, and one matching group is enough.
"""

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from jaild.core.errors import InvalidMatch

# What only the service itself can make true: journald takes these from the kernel's word about the
# sender. Who is not root chooses the name of his process (_COMM), of his own units
# (_SYSTEMD_USER_UNIT) and the programs that he runs (_EXE).
_ANCHORS = frozenset({"_SYSTEMD_CGROUP", "_SYSTEMD_INVOCATION_ID", "_SELINUX_CONTEXT"})
# Of these only some values are of that kind: nobody but the kernel writes its messages, and the
# units and slices of users are theirs.
_TRANSPORTS = frozenset({b"kernel", b"audit", b"driver"})
_OF_USERS = (b"user", b"session-")
# Below are root and the users that services run as (adduser.conf).
_FIRST_PERSON = 1000

Group = Mapping[str, frozenset[bytes]]


@dataclass(frozen=True)
class Match:
    """A choice of journal entries; build it with parse()."""

    groups: tuple[Group, ...]

    def __str__(self) -> str:
        return " + ".join(
            " ".join(f"{name}={value}" for name, value in _pairs(group)) for group in self.groups
        )

    @property
    def fields(self) -> frozenset[str]:
        """The names of the fields that decide."""
        return frozenset(name for group in self.groups for name in group)

    @property
    def forgeable(self) -> bool:
        """Whether some group can be satisfied by a local user's own choice of words."""
        return any(not _is_trusted(group) for group in self.groups)

    def accepts(self, fields: Mapping[str, bytes]) -> bool:
        """Return whether an entry with these raw fields is chosen."""
        return any(
            all(fields.get(name) in values for name, values in group.items())
            for group in self.groups
        )

    def terms(self) -> list[list[str]]:
        """Return the groups as lists of FIELD=value, for the journal's own matching."""
        return [[f"{name}={value}" for name, value in _pairs(group)] for group in self.groups]


def parse(text: str) -> Match:
    """Return the match that a journalmatch option describes, one alternative a line.

    Raises InvalidMatch for an empty match, for a word without ``=`` and for impossible field names.
    """
    groups: list[dict[str, set[bytes]]] = []
    for line in text.splitlines():
        groups.extend(_groups(line))
    if not groups:
        raise InvalidMatch("a journal match needs at least one FIELD=value")
    return Match(tuple({n: frozenset(v) for n, v in group.items()} for group in groups))


def union(matches: Iterable[Match]) -> Match:
    """Return the match that chooses whatever one of several chooses."""
    groups: dict[str, Group] = {}
    for match in matches:
        groups.update((str(Match((group,))), group) for group in match.groups)
    return Match(tuple(groups.values()))


def _groups(line: str) -> list[dict[str, set[bytes]]]:
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise InvalidMatch(f"the journal match '{line}' has an unclosed quote") from error
    groups: list[dict[str, set[bytes]]] = [{}]
    for word in words:
        if word == "+":
            groups.append({})
            continue
        name, equals, value = word.partition("=")
        if not equals or not name.replace("_", "A").isalnum() or name != name.upper():
            raise InvalidMatch(f"'{word}' in a journal match is not FIELD=value")
        groups[-1].setdefault(name, set()).add(value.encode())
    return [group for group in groups if group]


def _pairs(group: Group) -> list[tuple[str, str]]:
    return [
        (name, value.decode(errors="replace"))
        for name, values in group.items()
        for value in sorted(values)
    ]


def _is_trusted(group: Group) -> bool:
    return any(_anchors(name, values) for name, values in group.items())


def _anchors(name: str, values: frozenset[bytes]) -> bool:
    if name == "_TRANSPORT":
        return values <= _TRANSPORTS
    if name in ("_SYSTEMD_SLICE", "_SYSTEMD_UNIT"):
        return not any(value.startswith(_OF_USERS) for value in values)
    if name == "_UID":
        return all(value.isdigit() and int(value) < _FIRST_PERSON for value in values)
    return name in _ANCHORS
