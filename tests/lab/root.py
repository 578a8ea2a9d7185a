# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module builds the Debian root that labs boot from, once per suite and contents.

The packages that jaild depends on are downloaded but not installed: a lab has no way out, yet apt
shall install the package in it with its real dependencies.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.lab import furnish, services
from tests.lab.place import REPOSITORY, LabError, cache_dir

SUITES = ("bookworm", "trixie")
PACKAGES = (
    *(
        "systemd",
        "systemd-sysv",
        "dbus",
        "polkitd",
        "libpam-systemd",
        "ufw",
        "iptables",
        "nftables",
    ),
    *("openssh-server", "openssh-client", "iproute2", "ipset", "conntrack", "netcat-openbsd"),
    *("procps", "sudo", "less", "man-db"),
)
# In process and mount namespaces of its own: whatever way it ends, no process and no mount stays.
SEALED = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--")
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """One root to build: its suite, what apt shall fetch, where it goes, the lock's descriptor.

    With ``serving``, it has a web and a mail server as well.
    """

    suite: str
    needs: str
    place: Path
    guard: int
    serving: bool = False


def silent(_text: str) -> None:
    """Tell nobody."""


def dependencies(control: str) -> str:
    """Return what the binary package in a debian/control needs and recommends, as apt reads it."""
    stanza = control.split("\nPackage:", 1)[1].split("\n\n", 1)[0]
    text = "\n".join(line for line in stanza.splitlines() if not line.startswith("#"))
    wanted: list[str] = []
    for name in ("Depends", "Recommends"):
        found = re.search(rf"^{name}:((?:.*\n?)(?:^[ \t].*\n?)*)", text, re.MULTILINE)
        wanted += found[1].replace("\n", " ").split(",") if found else []
    listed = [" ".join(part.split()) for part in wanted]
    # dh_python3 puts the interpreter where the substitution variable stands.
    return ", ".join(["python3:any", *(part for part in listed if part and "${" not in part)])


def kind(suite: str, *, serving: bool) -> str:
    """Return what the cache's names of a suite's roots of one kind begin with."""
    return f"services-{suite}" if serving else suite


def key(suite: str, needs: str, *, serving: bool = False) -> str:
    """Return the cache's name for a root: its kind and a digest of all that goes into it."""
    parts = [suite, *PACKAGES, needs, *furnish.recipe()]
    recipe = "\n".join([*parts, *services.recipe()] if serving else parts)
    return f"{kind(suite, serving=serving)}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"


def ready(suite: str, *, serving: bool = False, refresh: bool = False, tell: Tell = silent) -> Path:
    """Return the cached root of a suite, built if need be; raises LabError."""
    if suite not in SUITES:
        raise LabError(f"there is no suite '{suite}': choose from {', '.join(SUITES)}")
    needs = dependencies((REPOSITORY / "debian/control").read_text())
    place = cache_dir() / key(suite, needs, serving=serving)
    name = kind(suite, serving=serving)
    with _building(name) as guard:
        if refresh or not (place / "root").is_dir():
            tell(f"building the {name} root (once, about a minute)")
            _build(Plan(suite, needs, place, guard, serving), tell)
            _prune(name, place)
    return place / "root"


@contextmanager
def _building(name: str) -> Iterator[int]:
    cache_dir().mkdir(mode=0o755, parents=True, exist_ok=True)
    with (cache_dir() / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def _build(plan: Plan, tell: Tell) -> None:
    place = plan.place
    name = kind(plan.suite, serving=plan.serving)
    # Under this kind's lock nobody else is building: what lies here is of an interrupted build.
    for old in cache_dir().glob(f".{name}-*"):
        shutil.rmtree(old)
    fresh = cache_dir() / f".{place.name}"
    fresh.mkdir(mode=0o755)
    try:
        _mmdebstrap(plan, fresh)
        tell(f"the {name} root is built")
        furnish.furnish(fresh / "root")
        if plan.serving:
            services.furnish(fresh / "root")
        if place.exists():
            place.rename(cache_dir() / f"{place.name}-old-{os.getpid()}")
        fresh.rename(place)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _mmdebstrap(plan: Plan, fresh: Path) -> None:
    packages = [*PACKAGES, *services.PACKAGES] if plan.serving else PACKAGES
    more = services.hooks() if plan.serving else ()
    command = [
        *SEALED,
        "mmdebstrap",
        "--variant=minbase",
        f"--include={','.join(packages)}",
        "--skip=cleanup/apt/lists,cleanup/apt/cache",
        *(f"--customize-hook={hook}" for hook in (*more, *furnish.hooks(plan.needs))),
        plan.suite,
        str(fresh / "root"),
    ]
    log = fresh / "build.log"
    with log.open("wb") as file:
        # The builder holds the lock as well: if this process is killed, the next one waits for it.
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, pass_fds=(plan.guard,)
        )
        try:
            status = process.wait()
        except BaseException:
            process.kill()
            process.wait()
            raise
    if status:
        last = log.read_text(errors="replace").splitlines()[-15:]
        raise LabError("\n".join([f"mmdebstrap could not build the {plan.suite} root:", *last]))


def _prune(name: str, keep: Path) -> None:
    """Remove the other roots of this kind, except those that a lab runs on."""
    for old in cache_dir().glob(f"{name}-*"):
        if old == keep:
            continue
        descriptor = os.open(old, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            shutil.rmtree(old)
        finally:
            os.close(descriptor)
