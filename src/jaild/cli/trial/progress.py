# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module shows at a terminal how far the reading of a long journal has got, and can end it."""

import signal
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager

from jaild.core.entry import Entry

# So long nobody minds to wait, and a bar would only flicker.
_PATIENCE_SECONDS = 0.5
_EVERY = 1000
_REFRESH_SECONDS = 0.1


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C raise KeyboardInterrupt; elsewhere in jailctl it ends the process."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def watched(entries: Iterable[Entry], span: tuple[int, int]) -> Generator[Entry, None, None]:
    """Yield entries and draw a bar on standard error; ``span`` has the first and the last time."""
    first, last = span
    begun = time.monotonic()
    taken = iter(entries)
    for number, entry in enumerate(taken, 1):
        yield entry
        if not number % _EVERY and time.monotonic() - begun > _PATIENCE_SECONDS:
            yield from _with_bar(taken, number, first, max(last - first, 1))


def _with_bar(entries: Iterator[Entry], number: int, first: int, length: int) -> Iterator[Entry]:
    # Loading rich takes longer than reading a short journal.
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.fields[entries]:,} entries"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    # No thread of its own: that would slow the reading down (it gives up the lock at every step).
    with Progress(*columns, console=console, transient=True, auto_refresh=False) as progress:
        task = progress.add_task("", total=length, entries=number)
        drawn = 0.0
        for entry in entries:
            yield entry
            number += 1
            if not number % _EVERY and time.monotonic() - drawn > _REFRESH_SECONDS:
                drawn = time.monotonic()
                done = min(max(entry.time - first, 0), length)
                progress.update(task, completed=done, entries=number, refresh=True)
