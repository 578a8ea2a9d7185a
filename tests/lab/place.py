# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module knows where labs and their cached roots lie, and which labs are alive.

A lab is alive as long as somebody holds the lock on its lock file: first the process that starts
it, then its keeper. The kernel lets go of a lock whatever way its holder ends, so no process id is
trusted.
"""

import fcntl
import json
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
RUN = Path("/run/jaild-lab")
NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")


class LabError(Exception):
    """The lab cannot do what was asked; its text is one sentence for a person."""


@dataclass(frozen=True, slots=True)
class State:
    """A running lab, as its keeper tells it: process ids are the host's, ``boot`` counts from 1."""

    name: str
    suite: str
    keeper: int
    leader: int
    boot: int

    def save(self) -> None:
        """Write the state so that a reader never sees half of it."""
        target = run_dir(self.name) / "state.json"
        fresh = target.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(self)))
        fresh.replace(target)


def load(name: str) -> State | None:
    """Return the state of a lab, or None while it has none."""
    with suppress(FileNotFoundError):
        return State(**json.loads((run_dir(name) / "state.json").read_text()))
    return None


def run_dir(name: str) -> Path:
    """Return the directory of one lab; raises LabError for a name that is not acceptable."""
    if not NAME.fullmatch(name):
        raise LabError(f"'{name}' is no name for a lab: use small letters, digits and dashes")
    return RUN / name


def lock(name: str) -> int | None:
    """Take the lab's lock; return its descriptor, or None if somebody else holds it."""
    path = run_dir(name).with_name(f"{name}.lock")
    RUN.mkdir(mode=0o755, parents=True, exist_ok=True)
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        # Removed between open and lock by another process, the file guards nothing.
        if os.fstat(descriptor).st_nlink:
            return descriptor
        os.close(descriptor)


def forget(name: str, descriptor: int) -> None:
    """Remove the lab's lock file, whose lock is held, and let go of it."""
    run_dir(name).with_name(f"{name}.lock").unlink(missing_ok=True)
    os.close(descriptor)


def names() -> Iterator[str]:
    """Yield the names of all labs, alive or left behind."""
    for path in sorted(RUN.glob("*.lock")):
        yield path.name.removesuffix(".lock")


def cache_dir() -> Path:
    """Return the directory of the cached roots."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "jaild-lab"
