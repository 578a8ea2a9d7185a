# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module carries out ``jailctl test``: entries in, what a filter makes of them out."""

import shutil
import sys
import time
from argparse import Namespace
from collections.abc import Generator, Iterable
from contextlib import closing

from jaild.cli.lines import show_lines
from jaild.cli.trial.explain import Explainer
from jaild.cli.trial.objects import Objects
from jaild.cli.trial.progress import interruptible, watched
from jaild.cli.trial.report import Report, Samples
from jaild.cli.trial.run import Trial
from jaild.cli.trial.source import Chosen, Source, choose
from jaild.cli.verb import Exit, complain, say
from jaild.config.command_line import tree
from jaild.core.detector import Detection
from jaild.core.entry import Entry
from jaild.core.filter import Kind
from jaild.core.text import printable
from jaild.service.limit import Limit


def run(options: Namespace) -> int:
    """Test a filter as the command line says; returns the exit status."""
    chosen = choose(tree(options), options.filter)
    limit = Limit()
    trial = Trial(chosen.filter, limit, time.perf_counter_ns, complain)
    source = Source(options, chosen.match)
    view = _view(options, chosen, source, trial, limit)
    status: int = Exit.DONE
    limit.start()
    try:
        with interruptible(), closing(_shown(source, options)) as entries:
            trial.run(entries, view.see)
    except KeyboardInterrupt:
        complain("interrupted; the numbers are of the entries so far")
        status = Exit.INTERRUPTED
    finally:
        limit.stop()
        source.close()
        view.flush()
    view.conclude()
    if not trial.entries and source.matched:
        complain("the filter's journal match chooses none of the entries; --all-entries takes all")
    return status


def _view(
    options: Namespace, chosen: Chosen, source: Source, trial: Trial, limit: Limit
) -> "Objects | Text":
    explainer = Explainer(chosen.filter, trial, limit) if options.explain else None
    if options.json:
        return Objects(trial, explainer, at_once=options.stdin)
    return Text(trial, explainer, _tested(options.filter, chosen, source), options.missed)


class Text:
    """A report; the explanations or the missed messages go before it, if asked for."""

    def __init__(
        self,
        trial: Trial,
        explainer: Explainer | None,
        tested: Iterable[tuple[str, str]],
        missed: bool,  # noqa: FBT001 - as it comes from the command line
    ) -> None:
        """Take what is tested, with labels; ``missed`` is whether to show every missed message."""
        self._trial = trial
        self._explainer = explainer
        self._tested = tested
        self._missed = missed
        self._samples = Samples()

    def see(self, entry: Entry, found: Detection) -> None:
        """Take in one entry."""
        self._samples.see(entry, found)
        if self._explainer is not None:
            show_lines([*self._explainer.lines(entry, found), []])
        elif self._missed and found.kind is Kind.MISS:
            say(printable(entry.message))

    def flush(self) -> None:
        """Write what has not been written yet."""
        sys.stdout.flush()

    def conclude(self) -> None:
        """Write the report."""
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
        report = Report(self._trial, self._samples, width)
        if self._missed and self._trial.kinds[Kind.MISS]:
            show_lines([[]])
        show_lines(report.lines(self._tested, misses=not self._missed))


def _tested(name: str, chosen: Chosen, source: Source) -> Iterable[tuple[str, str]]:
    match = str(chosen.match or "")
    if not match:
        match = (
            f"none; a jail would look at {chosen.instead}"
            if chosen.instead
            else "none; a jail needs one"
        )
    return (
        ("Filter", f"{name} ({chosen.filter.path})"),
        ("Match", match if source.matched or not chosen.match else f"not applied: {match}"),
        ("Journal", source.told),
    )


def _shown(source: Source, options: Namespace) -> Generator[Entry, None, None]:
    """Return the entries, with a bar at a terminal unless something else is written there."""
    streams = options.json or options.explain or options.missed
    if source.span is None or not sys.stderr.isatty() or (streams and sys.stdout.isatty()):
        return (entry for entry in source)
    return watched(source, source.span)
