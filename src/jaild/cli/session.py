# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module finds the address that the person at the keyboard comes from, so as not to ban it.

sshd names it in the environment; sudo takes it away, so the environment of the parents is read too.
Where that is not allowed, or a terminal multiplexer is in between, systemd-logind may know.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jaild.core import address
from jaild.core.address import Address, Networks
from jaild.core.errors import InvalidAddress

if TYPE_CHECKING:
    from jaild.api.client import Caller

# SSH_CONNECTION: client address, client port, server address, server port; SSH_CLIENT starts alike.
_NAMES = ("SSH_CONNECTION", "SSH_CLIENT")
_DEEPEST = 64
# What the kernel says where there is no session.
_NO_SESSION = str(2**32 - 1)


@dataclass(frozen=True, slots=True)
class Own:
    """The addresses that this person comes from; without ``is_known`` there may be others."""

    clients: frozenset[Address]
    is_known: bool = True


def hit(target: str, clients: frozenset[Address]) -> Address | None:
    """Return a client's address that a ban of target would shut out; raises InvalidAddress."""
    network = Networks([address.to_network(address.parse(target))])
    return next((client for client in clients if network.find(client)), None)


def find(caller: "Caller", proc: Path = Path("/proc")) -> Own:
    """Return the addresses of the ssh sessions that this process runs in, as far as is known."""
    # The bus takes longer to load than all the rest.
    from jaild.api.login import remote_host  # noqa: PLC0415

    environments = [_environment(proc / str(pid) / "environ") for pid in _parents(proc)]
    found = {
        client for one in (os.environ, *environments) if one is not None for client in _named(one)
    }
    host = remote_host(caller, os.getpid(), _audited(proc))
    if host:
        found.update(_parsed(host))
    hidden = bool(host) if host is not None else None in environments
    return Own(frozenset(found), is_known=bool(found) or not hidden)


def _named(environment: Mapping[str, str]) -> Iterator[Address]:
    for name in _NAMES:
        words = environment.get(name, "").split()
        if words:
            yield from _parsed(words[0])


def _parsed(text: str) -> Iterator[Address]:
    with suppress(InvalidAddress):
        yield address.parse_host(text.partition("%")[0])


def _audited(proc: Path) -> str:
    """Return the number of the session for the kernel's audit, "" for none."""
    try:
        text = (proc / "self/sessionid").read_text().strip()
    except OSError:
        return ""
    return "" if text == _NO_SESSION else text


def _parents(proc: Path) -> Iterator[int]:
    pid = os.getppid()
    for _ in range(_DEEPEST):
        if pid <= 1:
            return
        yield pid
        try:
            stat = (proc / str(pid) / "stat").read_text(errors="replace")
        except OSError:
            return
        # The name in brackets may hold anything, brackets and blanks too.
        pid = int(stat.rpartition(")")[2].split()[1])


def _environment(path: Path) -> dict[str, str] | None:
    try:
        text = path.read_bytes().decode(errors="replace")
    except OSError:
        return None  # another user's process
    pairs = (variable.partition("=") for variable in text.split("\0"))
    return {name: value for name, equals, value in pairs if equals}
