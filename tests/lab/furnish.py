# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module furnishes a fresh root as a host to be attacked: accounts, sshd, ufw, packages."""

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ALICE = "alice"
MALLORY = "mallory"
PASSWORDS = {
    "root": "correct-horse-root",
    ALICE: "correct-horse-alice",
    MALLORY: "correct-horse-mallory",
}

SSHD = """\
PasswordAuthentication yes
PermitRootLogin yes
UseDNS no
MaxStartups 100:30:200
"""
# OpenSSH 9.8 and later shut bad sources out by themselves, and would hide jaild's work.
SSHD_NEWER = "PerSourcePenalties no\n"
FILES = {
    "etc/hostname": "lab\n",
    "etc/hosts": "127.0.0.1 localhost\n127.0.1.1 lab\n::1 localhost ip6-localhost\n",
    "etc/ssh/sshd_config.d/10-lab.conf": SSHD,
    "etc/apt/apt.conf.d/90lab": 'Acquire::Languages "none";\nAPT::Sandbox::User "root";\n',
}
# Each would take the other's place: they lie in apt's cache, for mail.py.
MAIL_SERVERS = {"exim4": "exim4-daemon-light", "postfix": "postfix"}
# They would look for a network that is not there, or hold the package manager's lock.
MASKED = ("apt-daily.timer", "apt-daily-upgrade.timer", "man-db.timer", "e2scrub_all.timer")


def hooks(needs: str) -> Iterator[str]:
    """Yield mmdebstrap's hooks, in shell, the root being ``$1``."""
    for user in (ALICE, MALLORY):
        yield f'chroot "$1" useradd --create-home --shell /bin/bash {user}'
    pairs = "".join(f"{user}:{password}\\n" for user, password in PASSWORDS.items())
    yield f"printf '{pairs}' | chroot \"$1\" chpasswd"
    # ufw tries out what the kernel can do: in a network of its own, not in the build machine's.
    yield 'unshare --net chroot "$1" ufw allow ssh'
    yield 'chroot "$1" apt-get clean'
    yield f'chroot "$1" apt-get satisfy --yes --download-only {shlex.quote(needs)}'
    for package in MAIL_SERVERS.values():
        command = "apt-get install --yes --no-install-recommends --download-only"
        yield f'chroot "$1" {command} {package}'


def recipe() -> Iterator[str]:
    """Yield all that decides what furnishing does, for the cache's key."""
    yield from hooks("")
    yield from (f"{path}\n{text}" for path, text in FILES.items())
    yield from (SSHD_NEWER, *MASKED)


def furnish(root: Path) -> None:
    """Write the lab's files into the root."""
    for path, text in FILES.items():
        (root / path).write_text(text)
    if openssh_version(root) >= (9, 8):
        with (root / "etc/ssh/sshd_config.d/10-lab.conf").open("a") as file:
            file.write(SSHD_NEWER)
    for unit in MASKED:
        (root / "etc/systemd/system" / unit).symlink_to("/dev/null")
    settings = root / "etc/ufw/ufw.conf"
    settings.write_text(settings.read_text().replace("ENABLED=no", "ENABLED=yes"))
    (root / "var/log/journal").mkdir(exist_ok=True)
    # Nothing is newer than these: no cache is rebuilt at the first boot.
    for stamp in ("etc/.updated", "var/.updated"):
        (root / stamp).touch()
        os.utime(root / stamp)


def openssh_version(root: Path) -> tuple[int, int]:
    """Return the version of the root's openssh-server, as (9, 2)."""
    status = (root / "var/lib/dpkg/status").read_text()
    found = re.search(
        r"^Package: openssh-server\n(?:.+\n)*?Version: 1:(\d+)\.(\d+)", status, re.MULTILINE
    )
    return (int(found[1]), int(found[2])) if found else (0, 0)
