# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module finds out whether this machine can hold a lab, by trying what a lab needs."""

import os
import shutil
import subprocess

from tests.lab.place import LabError

# Program and the Debian package that brings it.
TOOLS = {
    "mmdebstrap": "mmdebstrap",
    "systemd-nspawn": "systemd-container",
    "sshpass": "sshpass",
    "ssh": "openssh-client",
    "ip": "iproute2",
    "nsenter": "util-linux",
}
TRIAL = """
set -e
mount -t tmpfs tmpfs /tmp
test -e /sys/fs/cgroup/cgroup.controllers || mount -t cgroup2 cgroup2 /sys/fs/cgroup
group=/sys/fs/cgroup/jaild-lab-trial-$1
mkdir $group
test -e $group/cgroup.kill || { rmdir $group; echo 'kernel before 5.14' >&2; exit 1; }
rmdir $group
echo 1 > /proc/sys/net/ipv6/ip_nonlocal_bind
command -v ip > /dev/null || exit 0
ip link add gate0 type veth peer name host0
"""


def reason() -> str | None:
    """Return why no lab can run here, None if one can; makes and drops namespaces to find out."""
    if os.geteuid():
        return "the lab needs root"
    try:
        done = subprocess.run(
            ["unshare", "--mount", "--net", "--pid", "--fork", "--propagation", "private",
             "--", "/bin/sh", "-c", TRIAL, "sh", str(os.getpid())],
            capture_output=True, text=True, check=False, timeout=30,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"namespaces cannot be tried: {error}"
    if done.returncode:
        last = done.stderr.strip().splitlines()[:1] or ["no reason given"]
        return f"the kernel forbids what the lab needs ({last[0]})"
    return None


def missing() -> list[str]:
    """Return the Debian packages whose programs are not on this machine."""
    return [package for program, package in TOOLS.items() if not shutil.which(program)]


def check() -> None:
    """Raise LabError if no lab can run here or a program is missing."""
    if packages := missing():
        raise LabError(f"the lab needs these packages: apt install {' '.join(packages)}")
    if why := reason():
        raise LabError(f"no lab can run here: {why}")
