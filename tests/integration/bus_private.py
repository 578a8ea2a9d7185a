# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module starts a private system bus, a mock of polkit and programs that live on that bus."""

import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SRC = HERE.parents[1] / "src"
# Debian's modules are installed for this interpreter.
PYTHON = "/usr/bin/python3"
NOBODY = 65534
# What the tests on such a bus are marked with.
NEEDS_BUS = [
    pytest.mark.integration,
    pytest.mark.skipif(os.geteuid() != 0, reason="calls as several users"),
    pytest.mark.skipif(
        not (shutil.which("dbus-daemon") and shutil.which("busctl")), reason="needs D-Bus"
    ),
]

_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*"/>
    <allow eavesdrop="false"/>
  </policy>
</busconfig>
"""


@dataclass(frozen=True)
class PrivateBus:
    """A bus of its own; programs find it by environment."""

    address: str
    process: subprocess.Popen[str]
    library: Path

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "DBUS_SYSTEM_BUS_ADDRESS": self.address,
            "PYTHONPATH": str(self.library),
            "PYTHONUNBUFFERED": "1",
        }

    def run(
        self, *argv: str, uid: int = 0, timeout: float = 10
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end as some user."""
        return subprocess.run(
            argv,
            env=self.environment,
            user=uid if uid else None,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def busctl(self, *argv: str, uid: int = 0) -> subprocess.CompletedProcess[str]:
        return self.run("busctl", f"--address={self.address}", *argv, uid=uid)

    @contextmanager
    def program(self, *argv: str) -> Iterator[subprocess.Popen[str]]:
        """Run a program until the end of the block; it is ready when it has printed a line."""
        with subprocess.Popen(
            argv, env=self.environment, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                wait_for_line(process)
                yield process
            finally:
                process.kill()


@contextmanager
def private_bus() -> Iterator[PrivateBus]:
    with tempfile.TemporaryDirectory(prefix="jaild-bus-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        # The checkout may lie where only its owner may go; other users call jailctl here too.
        library = folder / "lib"
        shutil.copytree(SRC, library, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        config = folder / "bus.conf"
        config.write_text(_CONFIG.format(socket=folder / "socket"))
        command = ["dbus-daemon", f"--config-file={config}", "--nofork", "--print-address"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                yield PrivateBus(wait_for_line(process).strip(), process, library)
            finally:
                process.kill()


class Polkit:
    """dbusmock's polkitd on a private bus."""

    def __init__(self, bus: PrivateBus) -> None:
        self._bus = bus

    def wait(self) -> None:
        limit = time.monotonic() + 10
        while self._bus.busctl("status", "org.freedesktop.PolicyKit1").returncode:
            assert time.monotonic() < limit, "the mock of polkit did not come up"
            time.sleep(0.05)

    def allow(self, *actions: str) -> None:
        self._set("SetAllowed", "as", str(len(actions)), *actions)

    def hang(self, *actions: str) -> None:
        self._set("SimulateHangActions", "as", str(len(actions)), *actions)

    def release(self) -> None:
        self._set("ReleaseHangingCalls")

    def _set(self, *call: str) -> None:
        result = self._bus.busctl(
            "call",
            "org.freedesktop.PolicyKit1",
            "/org/freedesktop/PolicyKit1/Authority",
            "org.freedesktop.DBus.Mock",
            *call,
        )
        assert result.returncode == 0, result.stderr


@contextmanager
def mock_polkit(bus: PrivateBus) -> Iterator[Polkit]:
    command = [PYTHON, "-m", "dbusmock", "--system", "--template", "polkitd"]
    with subprocess.Popen(command, env=bus.environment, stdout=subprocess.DEVNULL) as process:
        try:
            polkit = Polkit(bus)
            polkit.wait()
            yield polkit
        finally:
            process.kill()


def wait_for_line(process: subprocess.Popen[str], timeout: float = 10) -> str:
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], timeout)
    line = process.stdout.readline() if readable else ""
    if not line:
        raise RuntimeError(f"{process.args} did not come up")
    return line
