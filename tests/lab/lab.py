# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module is the lab as tests use it: a booted Debian to command, to look into and to attack.

with Lab.up("bookworm", deb=path) as lab:
    lab.attack(["198.51.100.7"], tries=5)
    lab.wait(lambda: lab.probe("198.51.100.7") == "refused", 10, "the ban")
"""

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.lab import attack as ssh
from tests.lab import cell, holder, net, possible, root, services
from tests.lab.attack import Attempt, Login
from tests.lab.holder import Holder
from tests.lab.place import LabError, State, load, run_dir

BOOT_SECONDS = 60
PACKAGE = "/var/tmp/lab.deb"
_numbers = itertools.count(1)


class Lab:
    """A running lab; as a context manager it ends at the end."""

    def __init__(self, name: str, own: Holder | None = None) -> None:
        self.name = name
        self._holder = own

    # --- life

    @classmethod
    def possible(cls) -> str | None:
        """Return why no lab can run on this machine, None if one can."""
        return possible.reason()

    @classmethod
    def up(
        cls, suite: str = "bookworm", *, deb: Path | None = None, name: str | None = None,
        serving: bool = False, tell: root.Tell = root.silent,
    ) -> Self:  # fmt: skip
        """Boot a lab, with a package installed in it; raises LabError, and nothing is left.

        With ``serving``, a web and a mail server run in it as well: see services.py.
        """
        possible.check()
        holder.sweep()
        tree = root.ready(suite, serving=serving, tell=tell)
        own_name = name or f"{suite}-{os.getpid()}-{next(_numbers)}"
        lab = cls(own_name, holder.hold(own_name, suite, tree))
        try:
            lab.booted(1)
            if deb:
                lab.install(deb)
        except BaseException:
            lab.down()
            raise
        return lab

    @classmethod
    def running(cls, name: str) -> Self:
        """Return the lab of that name; raises LabError if it is not running."""
        lab = cls(name)
        lab.state()
        return lab

    def booted(self, boot: int) -> None:
        """Return when the lab's systemd has finished its so many-th boot; raises LabError."""

        def is_up() -> bool:
            if self._holder:
                self._holder.check()
            state = load(self.name)
            if state is None or state.boot < boot:
                return False
            said = self.run(["systemctl", "is-system-running"], check=False).stdout.strip()
            return said in {"running", "degraded"}

        try:
            self.wait(is_up, BOOT_SECONDS, "the lab's boot")
        except LabError as error:
            raise LabError(f"{error}; {self._last_words()}") from None

    def _last_words(self) -> str:
        try:
            lines = (run_dir(self.name) / "console.log").read_text(errors="replace").split("\n")
        except OSError:
            return "its console said nothing"
        return "its console said last: " + " / ".join(line.strip() for line in lines[-4:] if line)

    def detach(self) -> None:
        """Let the lab outlive this process, until ``down``."""
        if self._holder:
            self._holder.detach()
            self._holder = None

    def down(self) -> None:
        """End the lab and everything in it; does nothing if it is not running."""
        if self._holder:
            self._holder.end()
        holder.end(self.name)

    def reboot(self, *, power_cut: bool = False) -> None:
        """Boot the lab again on the same disk, in order or by killing everything in it."""
        state = self.state()
        if power_cut:
            os.kill(state.keeper, signal.SIGUSR1)
        else:
            self.run(["systemctl", "reboot"], check=False)
        self.booted(state.boot + 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.down()

    # --- inside

    def state(self) -> State:
        """Return the lab's present state; raises LabError if it is not running."""
        state = load(self.name) if holder.is_alive(self.name) else None
        if state is None:
            raise LabError(f"there is no lab named '{self.name}' running")
        return state

    def inside(self, command: Sequence[str]) -> list[str]:
        """Return the command that runs a command inside the lab, as root."""
        return ["nsenter", "--target", str(self.state().leader), "--all", "--", *command]

    def group(self) -> Path:
        """Return the lab's control group, to start processes in."""
        return cell.tree(self.name, self.state().keeper)

    def run(
        self, command: Sequence[str], *, check: bool = True, input: str | None = None,  # noqa: A002
        timeout: float | None = 120,
    ) -> subprocess.CompletedProcess[str]:  # fmt: skip
        """Run a command inside; raises LabError with its output if ``check`` and it fails."""
        try:
            with cell.cell(self.group()) as group:
                done = cell.run(group, self.inside(command), given=input, timeout=timeout)
        except subprocess.TimeoutExpired:
            raise LabError(f"{' '.join(command)} took more than {timeout} s") from None
        if check and done.returncode:
            said = (done.stdout + done.stderr).strip()
            raise LabError(f"{' '.join(command)} ended with {done.returncode}: {said}")
        return done

    def write(self, path: str, text: str) -> None:
        """Write a file inside, and the directories above it."""
        self.run(["mkdir", "--parents", str(Path(path).parent)])
        self.run(["tee", path], input=text)

    def put(self, local: Path, remote: str) -> None:
        """Copy a file of this machine into the lab, readable by all."""
        script = 'umask 022 && mkdir -p "$(dirname "$1")" && exec cat > "$1"'
        command = self.inside(["/bin/sh", "-c", script, "sh", remote])
        with local.open("rb") as file:
            subprocess.run(command, stdin=file, check=True, env=cell.ENVIRONMENT, timeout=120)

    def install(self, deb: Path) -> None:
        """Install a package with apt, offline: its dependencies lie in apt's cache."""
        self.put(deb, PACKAGE)
        self.run(["apt-get", "install", "--yes", PACKAGE], timeout=300)

    def journal(self, *arguments: str) -> str:
        """Return what journalctl prints with the given arguments."""
        return self.run(["journalctl", "--no-pager", "--quiet", *arguments]).stdout

    def wait(self, predicate: Callable[[], bool], seconds: float, what: str) -> None:
        """Return as soon as the predicate holds; raises LabError after so many seconds."""
        deadline = time.monotonic() + seconds
        while not predicate():
            if time.monotonic() > deadline:
                raise LabError(f"{what} did not come within {seconds:g} s")
            time.sleep(0.03)

    # --- outside

    def outside(self, command: Sequence[str]) -> list[str]:
        """Return the command that runs a command of this machine in the attackers' network."""
        return ["nsenter", "--target", str(self.state().keeper), "--net", "--", *command]

    def attack(
        self, sources: Iterable[str], tries: int = 5, login: Login = Login(), *,  # noqa: B008
        parallel: bool = True, told: ssh.Watcher = lambda _: None,
    ) -> tuple[Attempt, ...]:  # fmt: skip
        """Make real ssh attempts from each source; ``told`` hears of each as it ends."""
        checked = [net.checked(source) for source in sources]
        guard = threading.Lock()

        def tell(attempt: Attempt) -> None:
            with guard:
                told(attempt)

        with cell.cell(self.group()) as group:

            def run(command: Sequence[str], password: str) -> tuple[int, str]:
                secret = {"SSHPASS": password}
                done = cell.run(group, self.outside(command), timeout=60, variables=secret)
                return done.returncode, done.stderr

            return ssh.attack(run, checked, tries, login, tell, parallel=parallel)

    def guess(
        self, protocol: str, sources: Iterable[str], tries: int = 1, login: Login = Login(),  # noqa: B008
    ) -> dict[str, list[str]]:  # fmt: skip
        """Make password attempts by "http", "smtp" or "imap"; return each source's outcomes."""
        checked = [net.checked(source) for source in sources]
        pairs = "".join(f"{source} {net.host_for(source)}\n" for source in checked)
        given = f"{json.dumps([login.user, login.password])}\n{pairs}"
        arguments = (protocol, str(services.PORTS[protocol]), str(tries))
        found: dict[str, list[str]] = {source: [] for source in checked}
        for line in self._send("guess.py", arguments, given, 120).splitlines():
            source, _, outcome = line.split()
            found[source].append(outcome)
        return found

    def probe(self, source: str, port: int = 22, seconds: float = 3) -> str:
        """Tell whether a source can open a TCP connection: ``open``, ``refused`` or ``timeout``."""
        return self.probe_all([source], port, seconds)[net.checked(source)]

    def probe_all(
        self, sources: Iterable[str], port: int = 22, seconds: float = 3
    ) -> dict[str, str]:
        """Probe from many sources at once; return the outcome by source."""
        checked = [net.checked(source) for source in sources]
        pairs = "".join(f"{source} {net.host_for(source)}\n" for source in checked)
        said = self._send("knock.py", (str(port), str(seconds)), pairs, 60 + seconds)
        return dict(line.split() for line in said.splitlines())

    def _send(self, script: str, arguments: Sequence[str], given: str, timeout: float) -> str:
        """Run a script of this directory in the attackers' network; return what it prints."""
        path = str(Path(__file__).with_name(script))
        command = self.outside([sys.executable, "-I", path, *arguments])
        with cell.cell(self.group()) as group:
            done = cell.run(group, command, given=given, timeout=timeout)
        if done.returncode:
            raise LabError(f"{script} failed: {done.stderr.strip()}")
        return done.stdout
