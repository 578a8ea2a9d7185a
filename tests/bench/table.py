# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module keeps what was measured, and shows it as a table or as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

HEADS = ("what", "jaild", "beside it", "ratio")


@dataclass(frozen=True)
class Series:
    """One figure of one program, run by run; ``program`` is "jaild" or whoever stands beside it."""

    program: str
    unit: str
    runs: tuple[float, ...]

    @property
    def middle(self) -> float:
        return median(self.runs)

    def __str__(self) -> str:
        value = self.middle
        digits = 0 if value >= 100 else 1 if value >= 10 else 2
        name = "" if self.program == "jaild" else f"{self.program}: "
        return f"{name}{value:,.{digits}f} {self.unit}"


@dataclass(frozen=True)
class Row:
    """One line of the table; the ratio is jaild's figure by the other's, from pairs of runs."""

    what: str
    ours: Series
    other: Series | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        if self.other is None:
            return None
        pairs = zip(self.ours.runs, self.other.runs, strict=True)
        return median(ours / others for ours, others in pairs)

    def cells(self) -> tuple[str, ...]:
        ratio = "" if self.ratio is None else f"{self.ratio:.3g}"
        return self.what, str(self.ours), str(self.other or ""), ratio

    def object(self) -> dict[str, object]:
        return {
            "what": self.what,
            "ours": asdict(self.ours) | {"median": self.ours.middle},
            "other": asdict(self.other) | {"median": self.other.middle} if self.other else None,
            "ratio": self.ratio,
            "note": self.note,
        }


@dataclass
class Table:
    """All rows; each is shown as it comes, so that a long run tells something on its way."""

    rows: list[Row] = field(default_factory=list)

    def add(self, row: Row) -> None:
        self.rows.append(row)
        print("  " + "; ".join(cell for cell in row.cells() if cell), flush=True)

    def lines(self) -> list[str]:
        cells = [HEADS, *(row.cells() for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = ["  ".join(map(_padded, line, widths)).rstrip() for line in cells]
        lines.insert(1, "  ".join("-" * width for width in widths))
        return lines + [f"{row.what}: {row.note}" for row in self.rows if row.note]

    def save(self, path: Path, machine: Sequence[str]) -> None:
        content = {"machine": list(machine), "rows": [row.object() for row in self.rows]}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=1) + "\n")


def _padded(cell: str, width: int) -> str:
    return cell.ljust(width)
