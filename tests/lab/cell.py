# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module starts processes in control groups of the lab, so that all of them can be ended.

A process that enters the lab leaves children there which a signal to their starter does not reach;
the kernel's ``cgroup.kill`` does. The tree is seen through the keeper's mounts: on the host itself
the unified hierarchy may lie anywhere.
"""

import itertools
import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType

UNIFIED = Path("/sys/fs/cgroup")
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/root",
    "TERM": os.environ.get("TERM", "dumb"),
    "DEBIAN_FRONTEND": "noninteractive",
}
_numbers = itertools.count()


def tree(name: str, keeper: int | None = None) -> Path:
    """Return the control group of a lab, as seen by its keeper or by the calling process."""
    seen = UNIFIED if keeper is None else Path(f"/proc/{keeper}/root{UNIFIED}")
    return seen / f"jaild-lab-{name}"


def joining(group: Path, command: Sequence[str]) -> list[str]:
    """Return the command that first joins the control group, then runs the given one."""
    script = 'echo $$ > "$1" && shift && exec "$@"'
    return ["/bin/sh", "-c", script, "sh", str(group / "cgroup.procs"), *command]


@contextmanager
def cell(parent: Path) -> Iterator[Path]:
    """Make a control group of its own below ``parent``, which is ended and removed at the end."""
    group = parent / f"cell-{os.getpid()}-{next(_numbers)}"
    group.mkdir()
    try:
        yield group
    except BaseException:
        kill(group)
        raise
    finally:
        # What a command left running in the lab on purpose stays until the lab ends.
        with suppress(OSError):
            group.rmdir()


def run(
    group: Path,
    command: Sequence[str],
    *,
    given: str | None = None,
    timeout: float | None = None,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> subprocess.CompletedProcess[str]:
    """Run a command in a cell and return its result as text; raises TimeoutExpired, all ended."""
    process = subprocess.Popen(
        joining(group, command),
        stdin=subprocess.DEVNULL if given is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        env={**ENVIRONMENT, **variables},
        cwd="/",
    )
    try:
        out, err = process.communicate(given, timeout)
    except BaseException:
        kill(group)
        process.kill()
        process.communicate()
        raise
    return subprocess.CompletedProcess(list(command), process.returncode, out, err)


def kill(group: Path) -> None:
    """End every process in the control group and below it."""
    with suppress(FileNotFoundError):
        (group / "cgroup.kill").write_text("1")


def clear(group: Path, seconds: float = 10) -> bool:
    """End everything in the control group and remove it; False if something would not end."""
    deadline = time.monotonic() + seconds
    while group.is_dir():
        kill(group)
        for directory, _, _ in os.walk(group, topdown=False):
            with suppress(OSError):
                Path(directory).rmdir()
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
