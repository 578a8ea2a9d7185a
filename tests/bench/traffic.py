# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module writes a journal as sshd under attack writes it, with all the fields of a real one.

Of a hundred attempts 60 are by somebody whose account does not exist, 30 at an account that does,
and 10 people log in.
"""

import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from jaild.core.entry import Entry
from tests.verbs import SECOND, START, write_journal

ADDRESSES = 20_000
# Written in parts: the export of a part is held in memory.
PART = 50_000
PAM_FAILURE = (
    "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost="
)
FIELDS = {
    "PRIORITY": "6",
    "SYSLOG_FACILITY": "4",
    "SYSLOG_IDENTIFIER": "sshd",
    "_TRANSPORT": "syslog",
    "_UID": "0",
    "_GID": "0",
    "_COMM": "sshd",
    "_EXE": "/usr/sbin/sshd",
    "_CMDLINE": "sshd: unknown [priv]",
    "_CAP_EFFECTIVE": "1ffffffffff",
    "_SYSTEMD_CGROUP": "/system.slice/ssh.service",
    "_SYSTEMD_UNIT": "ssh.service",
    "_SYSTEMD_SLICE": "system.slice",
    "_SYSTEMD_INVOCATION_ID": "5" * 32,
    "_BOOT_ID": "b" * 32,
    "_HOSTNAME": "host",
    "_RUNTIME_SCOPE": "system",
}


def write(folder: Path, count: int) -> None:
    """Make a journal of so many entries, 200 a second, in a folder."""
    entries = islice(_entries(random.Random(1)), count)
    part = 0
    while rows := list(islice(entries, PART)):
        write_journal(folder, rows, f"part-{part}")
        part += 1


def _entries(chance: random.Random) -> Iterator[Entry]:
    time, pid = START, 1000
    while True:
        pid = pid % 4_000_000 + 1
        for message in _attempt(chance):
            time += SECOND // 200
            fields = FIELDS | {"MESSAGE": message, "_PID": str(pid), "SYSLOG_PID": str(pid)}
            raw = {name: value.encode() for name, value in fields.items()}
            yield Entry(time, message, raw)


def _attempt(chance: random.Random) -> tuple[str, ...]:
    number = chance.randrange(ADDRESSES)
    address = f"198.{18 + number // 65_536}.{number // 256 % 256}.{number % 256}"
    if number % 10 == 0:
        address = f"2001:db8:{number:x}::7"
    port, what = chance.randrange(1024, 65_536), chance.randrange(10)
    if what < 6:
        user = f"admin{chance.randrange(100)}"
        return (
            f"Invalid user {user} from {address} port {port}",
            "pam_unix(sshd:auth): check pass; user unknown",
            f"{PAM_FAILURE}{address}",
            f"Failed password for invalid user {user} from {address} port {port} ssh2",
            f"Connection closed by invalid user {user} {address} port {port} [preauth]",
        )
    if what < 9:
        return (
            f"{PAM_FAILURE}{address}  user=root",
            f"Failed password for root from {address} port {port} ssh2",
            f"Connection closed by authenticating user root {address} port {port} [preauth]",
        )
    return (
        f"Accepted publickey for root from {address} port {port} ssh2: ED25519 SHA256:{'k' * 43}",
        "pam_unix(sshd:session): session opened for user root(uid=0) by (uid=0)",
        f"Received disconnect from {address} port {port}:11: disconnected by user",
        f"Disconnected from user root {address} port {port}",
        "pam_unix(sshd:session): session closed for user root",
    )
