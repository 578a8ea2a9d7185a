# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module writes what a filter makes of entries as JSON, an object a line."""

import json
import sys
from json.encoder import encode_basestring_ascii as quoted

from jaild.cli.trial.explain import Explainer
from jaild.cli.trial.run import Trial, whole_message
from jaild.cli.verb import say
from jaild.core.detector import Detection
from jaild.core.entry import Entry

# Writing costs more than judging, so it is done for so many entries at once.
_PORTION = 500


class Objects:
    """The entries in their order, then the numbers."""

    def __init__(self, trial: Trial, explainer: Explainer | None, *, at_once: bool) -> None:
        """``at_once`` is for somebody who writes a message and waits for the answer."""
        self._trial = trial
        self._explainer = explainer
        self._portion = 1 if at_once else _PORTION
        self._lines: list[str] = []

    def see(self, entry: Entry, found: Detection) -> None:
        """Take in one entry."""
        address, user, place = found.address, found.user, found.place
        # Put together by hand: that is several times as fast, and there may be millions.
        self._lines.append(
            f'{{"message": {quoted(whole_message(entry))}, "verdict": "{found.kind}", '
            f'"host": {"null" if address is None else quoted(address)}, '
            f'"user": {"null" if user is None else quoted(user)}, '
            f'"pattern": {"null" if place is None else place}'
        )
        if self._explainer is not None:
            told = [
                "".join(text for _, text in line) for line in self._explainer.lines(entry, found)
            ]
            self._lines.append(f', "explanation": {json.dumps(told)}')
        self._lines.append("}\n")
        if len(self._lines) >= self._portion:
            self.flush()

    def flush(self) -> None:
        """Write what has not been written yet."""
        sys.stdout.write("".join(self._lines))
        sys.stdout.flush()
        self._lines.clear()

    def conclude(self) -> None:
        """Write the numbers."""
        say(json.dumps({"summary": self._trial.summary()}))
