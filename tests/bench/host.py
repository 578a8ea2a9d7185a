# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module runs the real processes: jaild and its enforcer on a bus of their own, with real ufw.

ufw lives in namespaces of its own: the machine's firewall is not touched.
"""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.timing import resident
from tests.integration.bus_private import PYTHON, PrivateBus, private_bus
from tests.integration.ufw_house import House, open_house
from tests.verbs import SHIPPED

PATIENCE = 120
# What is measured must not go by itself: neither suspects nor bans end meanwhile.
CONFIG = "[DEFAULT]\nfindtime = 1w\nbantime = 1w\nignoreself = false\n[sshd]\nmaxretry = 5\n"


class Daemon:
    """The process jaild at work; ``seconds`` is how long it took to become ready.

    ``problem`` is what it then said of bans that are not in force, "" if all are.
    """

    def __init__(self, folder: Path, bus: PrivateBus, state: Path) -> None:
        etc = folder / "etc"
        etc.mkdir(exist_ok=True)
        (etc / "jail.local").write_text(CONFIG)
        told = folder / "notify"
        told.unlink(missing_ok=True)
        words = (f"--config={etc}", f"--shipped={SHIPPED}", f"--state={state}")
        # Open to the end: the process goes on telling.
        self._ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._ear.bind(str(told))
        begun = time.perf_counter()
        self._process = subprocess.Popen(
            [PYTHON, "-m", "jaild.daemon", *words],
            env={**bus.environment, "NOTIFY_SOCKET": str(told)},
            stderr=subprocess.PIPE,
            text=True,
        )
        self.problem = ""
        self._wait()
        self.seconds = time.perf_counter() - begun

    @property
    def megabytes(self) -> float:
        """What it has of the memory now."""
        return resident(self._process.pid)

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        said = self._process.communicate(timeout=PATIENCE)[1]
        self._ear.close()
        assert self._process.returncode == 0, said

    def _wait(self) -> None:
        self._ear.settimeout(1)
        limit = time.monotonic() + PATIENCE
        while time.monotonic() < limit:
            assert self._process.poll() is None, self._process.communicate()[1]
            try:
                news = self._ear.recv(65_536).decode()
            except TimeoutError:
                continue
            if news.startswith("STATUS="):
                self.problem = news.partition("; NOT IN FORCE: ")[2]
            if "READY=1" in news:
                return
        self._process.kill()
        raise AssertionError(f"jaild did not become ready: {self._process.communicate()[1]}")


class Host:
    """A bus, an enforcer and a ufw for jaild."""

    def __init__(self, folder: Path, bus: PrivateBus, house: House) -> None:
        self.folder = folder
        self.house = house
        self._bus = bus
        self.enforcer = 0

    def daemon(self, state: Path) -> Daemon:
        """Start jaild on a state file."""
        return Daemon(self.folder, self._bus, state)

    def serve(self) -> None:
        """Start the enforcer anew, as after a boot."""
        self.enforcer = self.house.ask("start", self._bus.address)
        limit = time.monotonic() + 10
        while self._bus.busctl("status", "org.jaild1.Enforcer").returncode:
            assert time.monotonic() < limit, "the enforcer did not come up"
            time.sleep(0.05)

    def clear(self) -> None:
        """Give ufw the rules of a fresh installation, and switch it on."""
        self.house.ufw("--force reset")
        self.house.enable()
        for kept in self.house.etc.glob("*.rules.*"):
            kept.unlink()


@contextmanager
def host(folder: Path) -> Iterator[Host]:
    """A Host for the length of a block."""
    root = folder / "house"
    root.mkdir()
    with private_bus() as bus, open_house(root) as house:
        house.enable()
        (house.etc / "jaild").mkdir()
        made = Host(folder, bus, house)
        made.serve()
        try:
            yield made
        finally:
            house.ask("stop")


def processors() -> int:
    """How many processors there are for all this."""
    return len(os.sched_getaffinity(0))
