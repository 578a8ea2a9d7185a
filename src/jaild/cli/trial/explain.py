# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module explains, step by step, how a filter comes to its verdict on one entry."""

from collections.abc import Iterator

from jaild.cli.lines import Line
from jaild.cli.trial.near import Nearest
from jaild.cli.trial.run import Trial
from jaild.config.model import FilterConfig
from jaild.core.connection import Connection
from jaild.core.detector import Detection
from jaild.core.entry import Entry
from jaild.core.errors import TooSlow
from jaild.core.filter import Kind
from jaild.core.text import printable
from jaild.core.trace import LITERAL, MATCHED, Step
from jaild.service.limit import Limit

STYLES = {Kind.FAILURE: "bold red", Kind.HELPER: "cyan", Kind.IGNORED: "yellow", Kind.MISS: ""}
_LABEL = 16
# Enough of a pattern or a message to recognise it by.
_LONGEST = 300


class Explainer:
    """Explains the last entry that a trial has judged; needs to see every one."""

    def __init__(self, config: FilterConfig, trial: Trial, limit: Limit) -> None:
        self._prefixed = config.prefixed
        self._trial = trial
        self._gates = Nearest([config.prefregex], limit)
        self._patterns = Nearest(config.failregex, limit)
        self._known: dict[str, Connection | None] = {}

    def lines(self, entry: Entry, found: Detection) -> Iterator[Line]:
        """Yield the explanation, a line for each step."""
        steps = self._trial.steps()
        prefix = entry.prefix() if self._trial.filter.wants_prefix else ""
        yield [("bold", f"entry {self._trial.entries}: "), ("", _shown(entry.message))]
        if prefix:
            yield _line("prefix", prefix)
        for step in steps:
            yield from self._step(step)
        if found.kind is Kind.MISS:
            yield from self._near(entry, prefix, steps)
        else:
            yield from self._connection()
        if found.said:
            yield _line("but" if found.kind is Kind.FAILURE else "because", found.said)
        yield _line("verdict", _verdict(found), STYLES[found.kind])

    def _near(self, entry: Entry, prefix: str, steps: tuple[Step, ...]) -> Iterator[Line]:
        text = entry.message.replace("\n", "\\n")
        text = prefix + text if self._prefixed else text
        gate = next((step for step in steps if step.option == "prefregex"), None)
        if gate and gate.outcome == MATCHED:
            text = gate.parts.get("F-CONTENT") or text
        refused = gate is not None and gate.outcome != MATCHED
        try:
            near = (self._gates if refused else self._patterns).find(text)
        except TooSlow:
            near = None
        if not steps:
            yield _line("closest", "a pattern takes too long on this message")
        elif near is None:
            yield _line("closest", "no pattern gets anywhere with this message")
        else:
            name = "prefregex" if refused else f"failregex {near.place + 1}"
            yield _line("closest", f"{name} matches as far as | and then wants the rest of it:")
            yield _line("", f"{_end_of(near.matched)} | {_shown(near.wanted)}")
            yield _line("", f"{_end_of(text[: near.read])} | {_shown(text[near.read :])}")

    def _connection(self) -> Iterator[Line]:
        """Tell what its connection had told before this entry, and remember what it has since."""
        learnt = list(self._trial.learnt().items()) if self._trial.correlates else []
        for place, (key, now) in enumerate(learnt):
            before = self._known.pop(key, None)
            if now is not None:
                self._known[key] = now
            # What comes after the first is old connections that make room.
            if not place:
                yield _line("connection", _told(before) if before else "nothing was known of it")
                yield _line("", f"from now on: {_told(now)}" if now else "it is over")

    def _step(self, step: Step) -> Iterator[Line]:
        name = step.option if step.option == "prefregex" else f"{step.option} {step.place + 1}"
        if step.outcome == LITERAL:
            yield _line(name, f"not tried: the message lacks '{self._literal(step)}'", "dim")
        elif step.outcome != MATCHED:
            yield _line(name, f"no match: {_shown(step.text)}", "dim")
        else:
            yield _line(name, f"matches: {_shown(step.text)}", "green")
            for part, text in step.parts.items():
                yield _line("", f"<{part}> is '{_shown(text)}'")

    def _literal(self, step: Step) -> str:
        traced = self._trial.filter
        if step.option == "prefregex":
            return traced.gate.literal if traced.gate else ""
        patterns = traced.patterns if step.option == "failregex" else traced.ignored
        return patterns[step.place].literal


def _told(known: Connection) -> str:
    facts = [f"address {known.address}" if known.address else "no address"]
    facts += [f"port {known.port}"] if known.port else []
    facts += [f"{known.counted} counted"] if known.counted else []
    facts += ["a failure waits for its address"] if known.pending else []
    return ", ".join(facts)


def _verdict(found: Detection) -> str:
    user = f", user '{_shown(found.user)}'" if found.user else ""
    if found.kind is Kind.FAILURE:
        return f"a failure of {found.address or 'nobody'}{user}"
    if found.kind is Kind.HELPER:
        of = f" of {found.address}" if found.address else ""
        return f"a helper{of}{user}: nothing is counted"
    return "ignored" if found.kind is Kind.IGNORED else "a miss: no pattern matches"


def _line(label: str, text: str, style: str = "") -> Line:
    return [("bold", f"  {label:{_LABEL}}"), (style, printable(text))]


def _shown(text: str) -> str:
    text = printable(text)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _end_of(text: str) -> str:
    text = printable(text)
    return text if len(text) <= _LONGEST else "…" + text[-_LONGEST:]
