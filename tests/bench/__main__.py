# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure jaild, beside fail2ban and journalctl where they do the same work, and print a table.

python -m tests.bench [--json FILE] [--rounds N] [--small] [reading] [bounds] [banning]
"""

import argparse
import os
import platform
import tempfile
from pathlib import Path

from tests.bench import bounds, reading
from tests.bench.host import processors
from tests.bench.peer import ETC
from tests.bench.table import Table
from tests.integration.ufw_house import can_unshare

ROUNDS = 3
PARTS = ("reading", "banning", "bounds")


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.bench", description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to save the numbers")
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N", help="runs of each")
    parser.add_argument("--small", action="store_true", help="a tenth of everything: a trial")
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    if not ETC.exists():
        parser.error("fail2ban is not there to compare with: make build/peer.stamp")
    load = os.getloadavg()[0]
    table = Table()
    for part in options.parts or PARTS:
        if part != "reading" and not can_unshare():
            print(f"{part} is left out: it needs root, ufw and namespaces")
            continue
        print(f"{part}:")
        with tempfile.TemporaryDirectory(prefix="jaild-bench-") as folder:
            _measure(part, table, Path(folder), options)
    machine = _machine(load)
    print("", *table.lines(), f"medians of {options.rounds} runs; {', '.join(machine)}", sep="\n")
    if options.json:
        table.save(options.json, machine)


def _machine(load: float) -> tuple[str, ...]:
    """Return what the numbers depend on; ``load`` is what others had to do at the beginning."""
    version = f"Python {platform.python_version()}"
    return f"{processors()} processors", version, f"a load of {load:.1f} before"


def _measure(part: str, table: Table, folder: Path, options: argparse.Namespace) -> None:
    divisor, rounds = 10 if options.small else 1, options.rounds
    many = 100_000 // divisor
    if part == "reading":
        reading.measure(table, folder, 2 * many, rounds)
    elif part == "banning":
        bounds.measure_banning(table, folder, 50 // divisor, rounds)
    else:
        bounds.measure(table, folder, (many // 5, many), many, rounds)


if __name__ == "__main__":
    main()
