# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module starts the keeper of a lab, ends it, and takes away what killed keepers left."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.lab import cell
from tests.lab.place import REPOSITORY, LabError, load, lock, names, run_dir

END_SECONDS = 20
# The keeper's namespaces: its mounts and the attackers' network.
APART = ("unshare", "--mount", "--net", "--propagation", "private", "--")
KEEPER = (*APART, sys.executable, "-m", "tests.lab.keeper")


@dataclass(frozen=True, slots=True)
class Holder:
    """A keeper that this process started and owns; ``words`` is what it writes."""

    process: subprocess.Popen[bytes]
    words: IO[bytes]

    def check(self) -> None:
        """Raise LabError if the keeper has ended."""
        if self.process.poll() is not None:
            self.words.seek(0)
            said = self.words.read().decode(errors="replace").strip()
            raise LabError(f"the lab ended while booting: {said or 'it said nothing'}")

    def detach(self) -> None:
        """Let the keeper outlive this process."""
        if self.process.stdin:
            self.process.stdin.write(b"k")
            self.process.stdin.close()
        # Not ours to wait for any more.
        self.process.returncode = 0

    def end(self) -> None:
        """End the keeper and with it the lab."""
        if self.process.stdin:
            self.process.stdin.close()
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.words.close()


def hold(name: str, suite: str, root: Path) -> Holder:
    """Start the keeper of a new lab; raises LabError if the name is taken."""
    guard = lock(name)
    if guard is None:
        raise LabError(f"there is a lab named '{name}' already")
    words = tempfile.TemporaryFile()  # noqa: SIM115 - the holder closes it
    try:
        process = subprocess.Popen(
            [*KEEPER, "keep", name, suite, str(root)],
            # The keeper lives as long as this pipe is open in this process: see keeper.py.
            stdin=subprocess.PIPE,
            stdout=words,
            stderr=words,
            cwd=REPOSITORY,
            env={**cell.ENVIRONMENT, "JAILD_LAB_LOCK": str(guard)},
            pass_fds=(guard,),
            # An interrupt from the terminal is for the owner; the keeper follows in order.
            start_new_session=True,
        )
    finally:
        os.close(guard)
    return Holder(process, words)


def end(name: str) -> None:
    """End a lab that another process started; does nothing if there is none."""
    state = load(name)
    if state and is_alive(name):
        os.kill(state.keeper, signal.SIGTERM)
        deadline = time.monotonic() + END_SECONDS
        while is_alive(name) and time.monotonic() < deadline:
            time.sleep(0.01)
    sweep([name])


def is_alive(name: str) -> bool:
    """Tell whether a lab's keeper, or the process that starts it, holds its lock."""
    run_dir(name)
    if name not in names():
        return False
    guard = lock(name)
    if guard is None:
        return True
    os.close(guard)
    return False


def sweep(which: Iterable[str] | None = None) -> None:
    """Take away what killed keepers left of these labs, or of all; living labs are not touched."""
    for name in list(names()) if which is None else which:
        if name in names() and not is_alive(name):
            command = [*KEEPER, "sweep", name]
            subprocess.run(command, cwd=REPOSITORY, env=cell.ENVIRONMENT, check=False, timeout=60)
