# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module is the process that holds a lab: it boots it, boots it again, and takes it away.

It lives in a mount namespace of its own (the lab's disk, a unified control group tree) and in the
attackers' network namespace, so nothing of a lab is to be seen on the host and all of it goes with
the keeper. Its standard input is a pipe from its owner: end of file means that the owner is gone,
by whatever way, and the lab goes too; one byte means that the lab outlives its owner.

SIGTERM ends the lab; SIGUSR1 is a power cut: everything is killed and booted anew.
"""

import fcntl
import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab import cell, net
from tests.lab.place import LabError, State, forget, lock, run_dir

# nspawn under --keep-unit leaves the restart that a reboot asks for to its starter.
REBOOT = 133
NSPAWN = Path("/run/systemd/nspawn")
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGCHLD)


def _wake_descriptor() -> int:
    reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(writing)
    for number in SIGNALS:
        signal.signal(number, lambda *_: None)
    return reading


@dataclass(slots=True)
class Keeper:
    """One lab: its name, suite and cached root, and the nspawn process of the current boot."""

    name: str
    suite: str
    root: Path
    boot: int = 0
    container: subprocess.Popen[bytes] | None = None
    wakes: int = field(default_factory=_wake_descriptor)

    @property
    def disk(self) -> Path:
        """The lab's file tree, seen only in this mount namespace."""
        return run_dir(self.name) / "disk" / "root"

    def prepare(self) -> None:
        """Lay out disk, control groups and network."""
        run_dir(self.name).mkdir()
        lay_disk(self.root, self.disk)
        # What nspawn leaves behind of each container goes with the keeper.
        NSPAWN.mkdir(parents=True, exist_ok=True)
        mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", str(NSPAWN))
        unify_groups()
        # What the last keeper of this name may have left, if it was killed.
        cell.clear(cell.tree(self.name))
        (cell.tree(self.name) / "host").mkdir(parents=True)
        net.open_attackers()

    def start(self) -> None:
        """Boot the container and tell its state as soon as it has a PID 1 and a network."""
        self.boot += 1
        group = cell.tree(self.name) / "host"
        log = (run_dir(self.name) / "console.log").open("ab")
        with log:
            self.container = subprocess.Popen(
                cell.joining(group, nspawn(self.name, self.disk)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        leader = find_leader(self.container)
        net.connect(leader)
        State(self.name, self.suite, os.getpid(), leader, self.boot).save()

    def restart(self) -> None:
        """Boot again on the same disk."""
        group = cell.tree(self.name) / "host"
        cell.clear(group)
        if self.container:
            self.container.wait()
        group.mkdir()
        self.start()

    def watch(self) -> None:
        """Return when the lab's time is over: stopped, powered off or without an owner."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.wakes, selectors.EVENT_READ)
            selector.register(0, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fd == self.wakes and self._is_over(os.read(self.wakes, 64)):
                        return
                    if key.fd == 0:
                        if not os.read(0, 1):
                            return
                        selector.unregister(0)

    def _is_over(self, signals: bytes) -> bool:
        if set(signals) & {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}:
            return True
        if signal.SIGUSR1 in signals:
            self.restart()
        elif self.container and self.container.poll() is not None:
            if self.container.returncode != REBOOT:
                return True
            self.restart()
        return False

    def clean(self) -> None:
        """Take away everything but the lock."""
        if not cell.clear(cell.tree(self.name)):
            sys.stderr.write(f"processes of lab {self.name} do not end\n")
        if self.container:
            self.container.wait()
        unmount(self.disk.parent)
        shutil.rmtree(run_dir(self.name), ignore_errors=True)


def mount(*arguments: str) -> None:
    """Mount something; raises LabError."""
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"cannot mount: {done.stderr.strip()}")


def unify_groups() -> None:
    """Make /sys/fs/cgroup the unified tree, as the newer systemd demands."""
    if not (cell.UNIFIED / "cgroup.controllers").exists():
        mount("-t", "cgroup2", "cgroup2", str(cell.UNIFIED))


def unmount(place: Path) -> None:
    """Take away what is mounted at a place, if anything is; what is in use goes when it is free."""
    subprocess.run(["umount", "-qRl", str(place)], stderr=subprocess.DEVNULL, check=False)


def lay_disk(root: Path, disk: Path) -> None:
    """Make a writable view of the cached root, in memory; a copy where there is no overlayfs."""
    top = disk.parent
    top.mkdir(parents=True)
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", str(top))
    for part in (disk, top / "upper", top / "work"):
        part.mkdir()
    try:
        layers = f"lowerdir={root},upperdir={top / 'upper'},workdir={top / 'work'}"
        mount("-t", "overlay", "-o", layers, "overlay", str(disk))
    except LabError:
        disk.rmdir()
        subprocess.run(["cp", "-a", "--reflink=auto", str(root), str(disk)], check=True)


def nspawn(name: str, disk: Path) -> list[str]:
    """Return the command that boots the lab; it takes nothing from the host's settings."""
    return [
        "systemd-nspawn",
        f"--directory={disk}",
        "--boot",
        f"--machine={name}",
        "--private-network",
        # Without a systemd's help: the same on hosts that have one and on those that do not.
        "--register=no",
        "--keep-unit",
        "--settings=no",
        "--link-journal=no",
        "--resolv-conf=off",
        "--timezone=off",
        "--console=pipe",
        # IPAddressDeny= and its kin are BPF programs, which nspawn otherwise forbids.
        "--system-call-filter=bpf",
        "--rlimit=RLIMIT_NOFILE=1024:524288",
    ]


def find_leader(container: subprocess.Popen[bytes], seconds: float = 20) -> int:
    """Return the process id of the lab's PID 1, the first child with a network of its own."""
    deadline = time.monotonic() + seconds
    own = Path("/proc/self/ns/net").readlink()
    children = Path(f"/proc/{container.pid}/task/{container.pid}/children")
    while container.poll() is None and time.monotonic() < deadline:
        for child in children.read_text().split():
            with suppress(OSError):
                if Path(f"/proc/{child}/ns/net").readlink() != own:
                    return int(child)
        time.sleep(0.005)
    raise LabError("the container did not start")


def keep(name: str, suite: str, root: Path) -> int:
    """Hold one lab until its end; return an exit status."""
    keeper = Keeper(name, suite, root)
    descriptor = int(os.environ["JAILD_LAB_LOCK"])
    in_use = os.open(root.parent, os.O_RDONLY | os.O_CLOEXEC)
    fcntl.flock(in_use, fcntl.LOCK_SH)
    try:
        keeper.prepare()
        keeper.start()
        keeper.watch()
    except (LabError, OSError, subprocess.SubprocessError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    finally:
        keeper.clean()
        forget(name, descriptor)
    return 0


def sweep(name: str) -> int:
    """Take away what a killed keeper left; a lab that is alive is not touched."""
    descriptor = lock(name)
    if descriptor is None:
        return 1
    unify_groups()
    Keeper(name, "", Path("/")).clean()
    forget(name, descriptor)
    return 0


if __name__ == "__main__":
    os.umask(0o022)
    if sys.argv[1] == "sweep":
        sys.exit(sweep(sys.argv[2]))
    sys.exit(keep(sys.argv[2], sys.argv[3], Path(sys.argv[4])))
