# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module measures what many suspects and many bans take: memory, disk, and time at the start.

Each start is of the real process, from its first instruction until systemd would hear that it is
ready: the state is loaded and the firewall equals it.
"""

from pathlib import Path

from tests.bench import peer, state
from tests.bench.host import Host, host
from tests.bench.reading import PYTHON
from tests.bench.table import Row, Series, Table
from tests.bench.timing import MEGABYTE


def measure(table: Table, folder: Path, sizes: tuple[int, ...], suspects: int, rounds: int) -> None:
    """Measure an empty state, then one with suspects, then those with bans."""
    with host(folder) as made:
        _memory(table, made, "nobody known", folder / "empty")
        path = folder / "suspects"
        state.suspects(path, suspects)
        _memory(table, made, f"{suspects:,} suspects", path)
        for count in sizes:
            path = folder / f"bans-{count}"
            state.bans(path, count)
            _starts(table, made, path, count, rounds)


def measure_banning(table: Table, folder: Path, count: int, rounds: int) -> None:
    """Let both ban the same addresses in an empty ufw, in turn."""
    path = folder / f"few-{count}"
    state.bans(path, count)
    addresses = [str(state.address(number)) for number in range(count)]
    variables = [f"{name}={value}" for name, value in peer.ENVIRONMENT.items()]
    theirs = ("env", *variables, PYTHON, "-P", str(peer.BANNING), *addresses)
    ours: list[float] = []
    others: list[float] = []
    with host(folder) as made:
        for _ in range(rounds):
            made.clear()
            daemon = made.daemon(path)
            ours.append(daemon.seconds)
            daemon.stop()
            made.clear()
            others.append(float(made.house.run(*theirs)))
            assert len(made.house.kernel()) == count
    table.add(
        Row(
            f"{count:,} saved bans into an empty ufw",
            Series("jaild", "s", tuple(ours)),
            Series("fail2ban", "s", tuple(others)),
            "jaild: the whole start; fail2ban: its ufw action alone, ban by ban, as its start does",
        )
    )


def _memory(table: Table, made: Host, what: str, path: Path) -> None:
    daemon = made.daemon(path)
    table.add(Row(f"memory, {what}", Series("jaild", "MB", (daemon.megabytes,))))
    daemon.stop()
    table.add(Row(f"state file, {what}", Series("jaild", "MB", (state.size(path) / MEGABYTE,))))


def _starts(table: Table, made: Host, path: Path, count: int, rounds: int) -> None:
    empty: list[float] = []
    again: list[float] = []
    memory: list[float] = []
    problems: set[str] = set()
    for _ in range(rounds):
        made.clear()
        for seconds in (empty, again):
            daemon = made.daemon(path)
            seconds.append(daemon.seconds)
            memory.append(daemon.megabytes)
            problems |= {daemon.problem} - {""}
            daemon.stop()
    what = f"{count:,} bans"
    table.add(Row(f"memory, {what}", Series("jaild", "MB", tuple(memory))))
    table.add(Row(f"state file, {what}", Series("jaild", "MB", (state.size(path) / MEGABYTE,))))
    failed = "; ".join(f"NOT IN FORCE: {problem}" for problem in sorted(problems))
    table.add(
        Row(f"start, {what}, in ufw already", Series("jaild", "s", tuple(again)), None, failed)
    )
    table.add(Row(f"start, {what}, ufw reset before", Series("jaild", "s", tuple(empty))))
