# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module gives a test a real ufw of its own, in private mount and network namespaces."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jaild

DRIVER = Path(__file__).with_name("ufw_driver.py")
SHIPPED = Path("/usr/share/ufw/iptables")
PYTHON = "/usr/bin/python3"


V4, V6 = "198.51.100.7", "2001:db8::7"
REJECT4 = f"-s {V4}/32 -p tcp -m tcp --dport 22 -j REJECT --reject-with tcp-reset"
REJECT6 = f"-s {V6}/128 -p tcp -m tcp --dport 22 -j REJECT --reject-with tcp-reset"


def can_unshare() -> bool:
    """Whether a House can be had here."""
    if os.geteuid() or not all(shutil.which(name) for name in ("ufw", "iptables", "ip")):
        return False
    return not subprocess.run(["unshare", "--mount", "--net", "true"], check=False).returncode


class Failed(Exception):
    """The driver answered with an error of jaild's."""

    def __init__(self, kind: str, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind


class House:
    """A namespace with ufw; ``etc`` is its /etc/ufw, seen from outside."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.etc = root / "ufw"
        self.seconds = 0.0
        _pristine(self.etc)
        shutil.copy("/usr/share/ufw/ufw.conf", self.etc / "ufw.conf")
        (root / "default").write_text(_default())
        environment = {**os.environ, "PYTHONPATH": str(Path(jaild.__file__).parent.parent)}
        self.process = subprocess.Popen(
            ["unshare", "--mount", "--net", PYTHON, str(DRIVER), str(root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        assert self._read() == "ready", "the driver does not start"

    def close(self) -> None:
        """End the driver, and with it its namespaces."""
        self.process.stdin.close()
        self.process.wait(timeout=30)
        self.process.stdout.close()

    def ask(self, name, *arguments):
        """Send a request; returns its value or raises Failed."""
        self.process.stdin.write(json.dumps([name, *arguments]) + "\n")
        self.process.stdin.flush()
        answer = self._read()
        self.seconds = answer["seconds"]
        if "error" in answer:
            raise Failed(answer["error"], answer["sentence"])
        return answer["value"]

    def run(self, *argv: str) -> str:
        """Run a command inside; it must succeed."""
        status, output = self.ask("run", *argv)
        assert status == 0, (argv, status, output)
        return output

    def ufw(self, words: str) -> str:
        """Run a ufw command inside; it must succeed."""
        return self.run("ufw", *words.split())

    def enable(self) -> None:
        self.run("ufw", "--force", "enable")

    def status(self) -> list[list[str]]:
        """The rules of ``ufw status``, each split into words."""
        lines = self.ufw("status").splitlines()
        return [line.split() for line in lines[4:] if line.strip()]

    def kernel(self, family: int = 4) -> list[str]:
        """The lines of ufw's user chain in the kernel."""
        tool, chain = (("ip6tables", "ufw6"), ("iptables", "ufw"))[family == 4]
        lines = self.run(tool, "-S", f"{chain}-user-input").splitlines()
        return [line.split(" ", 2)[2] for line in lines if line.startswith("-A")]

    def files(self) -> list[str]:
        """The names of the rules files, and of what lies beside them."""
        return sorted(path.name for path in self.etc.iterdir() if "user" in path.name)

    def content(self) -> list[bytes]:
        """What is in both rules files."""
        return [(self.etc / name).read_bytes() for name in ("user.rules", "user6.rules")]

    def apply(self, add=(), drop=()):
        return self.ask("apply", list(add), list(drop))

    def sync(self, rules=()):
        return self.ask("sync", list(rules))

    def _read(self):
        line = self.process.stdout.readline()
        assert line, "the driver died"
        return json.loads(line)


@contextmanager
def open_house(root: Path) -> Iterator[House]:
    """A House for the length of a block."""
    house = House(root)
    try:
        yield house
    finally:
        house.close()


def rule(address: str, ports: str = "22", jail: str = "sshd", verdict: str = "reject") -> list[str]:
    """One rule as five strings."""
    return [jail, address, ports, "tcp" if ports else "any", verdict]


def _pristine(etc: Path) -> None:
    # Never the host's own rules: they are its administrator's.
    etc.mkdir()
    for source in SHIPPED.glob("*.rules"):
        shutil.copy(source, etc / source.name)
        (etc / source.name).chmod(0o640)
    for name in ("before.init", "after.init"):
        shutil.copy(Path("/usr/share/ufw") / name, etc / name)
    (etc / "sysctl.conf").touch()
    (etc / "applications.d").mkdir()


def _default() -> str:
    lines = Path("/etc/default/ufw").read_text().splitlines()
    kept = [line for line in lines if not line.startswith("IPV6=")]
    return "\n".join(["IPV6=yes", *kept, ""])
