# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module finds the address that the person at the keyboard comes from, so as not to ban it.

sshd names it in the environment; sudo takes it away, so the environment of the parents is read too.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from jaild.core import address
from jaild.core.address import Address, Networks
from jaild.core.errors import InvalidAddress

# SSH_CONNECTION: client address, client port, server address, server port; SSH_CLIENT starts alike.
_NAMES = ("SSH_CONNECTION", "SSH_CLIENT")
_DEEPEST = 64


def hit(target: str, clients: frozenset[Address]) -> Address | None:
    """Return a client's address that a ban of target would shut out; raises InvalidAddress."""
    network = Networks([address.to_network(address.parse(target))])
    return next((client for client in clients if network.find(client)), None)


def clients(proc: Path = Path("/proc")) -> frozenset[Address]:
    """Return the addresses of the ssh sessions that this process runs in."""
    found = set(_named(os.environ))
    for pid in _parents(proc, os.getppid()):
        found.update(_named(_environment(proc / str(pid) / "environ")))
    return frozenset(found)


def _named(environment: Mapping[str, str]) -> Iterator[Address]:
    for name in _NAMES:
        words = environment.get(name, "").split()
        if words:
            try:
                yield address.parse_host(words[0].partition("%")[0])
            except InvalidAddress:
                continue


def _parents(proc: Path, pid: int) -> Iterator[int]:
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


def _environment(path: Path) -> dict[str, str]:
    try:
        text = path.read_bytes().decode(errors="replace")
    except OSError:
        return {}  # another user's process
    pairs = (variable.partition("=") for variable in text.split("\0"))
    return {name: value for name, equals, value in pairs if equals}
