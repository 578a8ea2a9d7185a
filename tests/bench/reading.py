# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module measures how fast entries become verdicts: jaild, fail2ban and plain journalctl."""

import json
from pathlib import Path

from tests.bench import timing, traffic
from tests.bench.peer import ENVIRONMENT, READING
from tests.bench.table import Row, Series, Table
from tests.bench.timing import Run
from tests.verbs import SHIPPED

PYTHON = "/usr/bin/python3"


def measure(table: Table, folder: Path, count: int, rounds: int) -> None:
    """Let three programs read the same journal to its end, in turn."""
    journal, etc = folder / "journal", folder / "etc"
    traffic.write(journal, count)
    (etc / "jail.d").mkdir(parents=True)
    where = (f"--config={etc}", f"--shipped={SHIPPED}", f"--directory={journal}")
    replay = (PYTHON, "-m", "jaild.jailctl", "replay", "sshd", *where, "--json")

    def ours() -> Run:
        done = timing.run(replay, {"PYTHONPATH": str(SHIPPED.parents[1])})
        assert json.loads(done.output)["entries"] == count
        return done

    def theirs() -> Run:
        done = timing.run((PYTHON, "-P", str(READING), str(journal)), ENVIRONMENT)
        assert json.loads(done.output)["entries"] == count
        return done

    def printing() -> Run:
        return timing.run(("journalctl", f"--directory={journal}", "-o", "cat", "-q"))

    what = f"journal to verdict, {count:,} entries of sshd"
    runs = timing.in_turn(rounds, ours, theirs, printing)
    mine, peer, plain = (_speed(name, count, of) for name, of in zip(NAMES, runs, strict=True))
    table.add(Row(what, mine, peer))
    table.add(Row("the same", mine, plain))


NAMES = ("jaild", "fail2ban", "journalctl -o cat")


def _speed(name: str, count: int, runs: tuple[Run, ...]) -> Series:
    return Series(name, "entries/s", tuple(count / one.seconds for one in runs))
