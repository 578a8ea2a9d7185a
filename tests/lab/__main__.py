# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module is the lab's command line: python3 -m tests.lab VERB."""

import argparse
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from tests.lab import cell, holder, net, root
from tests.lab.attack import Attempt, Login
from tests.lab.lab import Lab
from tests.lab.place import LabError, load, names

Verbs: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def say(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)


def up(options: argparse.Namespace) -> int:
    """Boot a lab and leave it running."""
    begun = time.monotonic()
    name = options.name or options.suite
    lab = Lab.up(options.suite, deb=options.deb, name=name, serving=options.serving, tell=say)
    try:
        known = net.sources(options.sources)
        lab.write("/run/lab-sources", ",".join(known))
    except BaseException:
        lab.down()
        raise
    lab.detach()
    say(
        f"lab {lab.name} is up after {time.monotonic() - begun:.1f} s: {net.HOST_V4}, {net.HOST_V6}"
    )
    return 0


def execute(options: argparse.Namespace) -> int:
    """Run a command inside, on this terminal."""
    lab = Lab.running(options.name)
    with cell.cell(lab.group()) as group:
        command = cell.joining(group, lab.inside(options.command))
        return subprocess.call(command, env=cell.ENVIRONMENT)


def attack(options: argparse.Namespace) -> int:
    """Make ssh attempts and print one line for each."""
    lab = Lab.running(options.name)
    chosen = options.sources or lab.run(["cat", "/run/lab-sources"]).stdout
    login = Login(options.user, options.password, options.port)
    lab.attack(
        net.sources(chosen), options.tries, login, parallel=options.parallel, told=print_attempt
    )
    return 0


def print_attempt(attempt: Attempt) -> None:
    """Print source, number of the try, outcome."""
    say(f"{attempt.source} {attempt.number} {attempt.outcome}")


def probe(options: argparse.Namespace) -> int:
    """Print for each source whether it can connect."""
    lab = Lab.running(options.name)
    found = lab.probe_all(net.sources(options.source), options.port)
    for source, outcome in found.items():
        say(f"{source} {outcome}")
    return 0


def down(options: argparse.Namespace) -> int:
    """End one lab or all."""
    if not options.name and not options.all:
        raise LabError("say which lab, or --all")
    for name in list(names()) if options.all else [options.name]:
        holder.end(name)
    return 0


def base(options: argparse.Namespace) -> int:
    """Build a root."""
    ready = root.ready(options.suite, serving=options.serving, refresh=options.refresh, tell=say)
    say(str(ready))
    return 0


def show(_options: argparse.Namespace) -> int:
    """Print the labs there are."""
    for name in names():
        state = load(name) if holder.is_alive(name) else None
        say(f"{name} {state.suite} running as {state.leader}" if state else f"{name} left behind")
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(prog="lab", description="A throw-away Debian to attack.")
    verbs = top.add_subparsers(metavar="VERB", required=True)
    _parse_life(verbs)
    _parse_attacks(verbs)

    verb = _verb(verbs, "exec", execute, "run a command inside, as root")
    verb.add_argument("name")
    verb.add_argument("command", nargs="+")
    _verb(verbs, "list", show, "print the labs there are")
    return top


def _parse_life(verbs: Verbs) -> None:
    verb = _verb(verbs, "up", up, "boot a lab")
    verb.add_argument("--suite", choices=root.SUITES, default="bookworm")
    verb.add_argument("--name", help="the lab's name, by default the suite's")
    verb.add_argument("--deb", type=Path, help="a package to install in it")
    verb.add_argument("--serving", action="store_true", help="with a web and a mail server")
    verb.add_argument("--sources", default="1", help="attackers if 'attack' names none: N, Nv6")

    verb = _verb(verbs, "down", down, "end a lab")
    verb.add_argument("name", nargs="?")
    verb.add_argument("--all", action="store_true")

    verb = _verb(verbs, "base", base, "build the cached root only")
    verb.add_argument("--suite", choices=root.SUITES, default="bookworm")
    verb.add_argument("--serving", action="store_true", help="with a web and a mail server")
    verb.add_argument("--refresh", action="store_true", help="build it anew")


def _parse_attacks(verbs: Verbs) -> None:
    verb = _verb(verbs, "attack", attack, "make real ssh password attempts")
    verb.add_argument("name")
    verb.add_argument("--sources", help="N, Nv6, addresses; comma separated")
    verb.add_argument("--tries", type=int, default=5, help="attempts from each source")
    verb.add_argument("--parallel", action="store_true", help="all sources at once")
    verb.add_argument("--user", default=Login().user)
    verb.add_argument("--password", default=Login().password)
    verb.add_argument("--port", type=int, default=22)

    verb = _verb(verbs, "probe", probe, "can a source open a connection?")
    verb.add_argument("name")
    verb.add_argument("--source", required=True, help="N, Nv6, addresses; comma separated")
    verb.add_argument("--port", type=int, default=22)


def _verb(
    verbs: Verbs, name: str, run: Callable[[argparse.Namespace], int], text: str
) -> argparse.ArgumentParser:
    verb = verbs.add_parser(name, help=text)
    verb.set_defaults(run=run)
    return verb


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a verb; return its exit status."""
    # A termination unwinds like an interrupt, so that everything started is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    options = parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return status


if __name__ == "__main__":
    sys.exit(main())
