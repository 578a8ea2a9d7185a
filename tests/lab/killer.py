# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module kills jaild in the lab, again and again, at random moments of its short lives.

``killer.py SEED KILLS`` prints what became of it as one JSON object: how many kills of each process
there were, and how many hit jaild before it was ready.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

PATIENCE = 60
GROUPS = Path("/sys/fs/cgroup/system.slice")
# Half of the kills hit a start, the others after the start so much work.
START_SECONDS, WORK_SECONDS = 1.0, 1.5


def processes(unit: str) -> list[int]:
    """Return the processes of a unit."""
    # Between two lives there is no group, or it goes while it is read.
    with suppress(OSError):
        return [int(line) for line in (GROUPS / unit / "cgroup.procs").read_text().split()]
    return []


def kill(unit: str) -> list[int]:
    """Kill what a unit runs; return what that was."""
    killed = processes(unit)
    for process in killed:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    return killed


def is_ready() -> bool:
    """Return whether systemd takes jaild for started."""
    command = ["systemctl", "is-active", "--quiet", "jaild.service"]
    return subprocess.run(command, check=False).returncode == 0


def lives(dead: list[int]) -> bool:
    """Return whether jaild has a process that is not one of these."""
    return bool(set(processes("jaild.service")).difference(dead))


def wait(predicate: Callable[[], bool], what: str) -> float:
    """Return how many seconds it took until the predicate held; gives up after PATIENCE."""
    begun = time.monotonic()
    while not predicate():
        if time.monotonic() - begun > PATIENCE:
            sys.exit(f"{what} did not come within {PATIENCE} s")
        time.sleep(0.02)
    return time.monotonic() - begun


def main(seed: int, kills: int) -> None:
    """Kill until it has been done often enough."""
    chance = random.Random(seed)
    done = {"jaild": 0, "before it was ready": 0, "jaild-enforcer": 0, "rotated": 0}
    dead: list[int] = []
    start = START_SECONDS
    while done["jaild"] < kills:
        wait(partial(lives, dead), "jaild's next life")
        if chance.random() < 0.5:
            time.sleep(chance.uniform(0, start))
        else:
            start = wait(is_ready, "the end of jaild's start")
            time.sleep(chance.uniform(0, WORK_SECONDS))
        if chance.random() < 0.1:
            done["jaild-enforcer"] += bool(kill("jaild-enforcer.service"))
            time.sleep(chance.uniform(0, 0.2))
        if chance.random() < 0.05:
            subprocess.run(["journalctl", "--rotate"], check=True)
            done["rotated"] += 1
        ready = is_ready()
        killed = kill("jaild.service")
        done["jaild"] += bool(killed)
        done["before it was ready"] += bool(killed) and not ready
        dead = killed or dead
    print(json.dumps(done))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
