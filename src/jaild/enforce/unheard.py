# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module lets changes be made that the drift watch of this process does not hear."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from jaild.core.rule import Rule
from jaild.enforce.engine import Condition, Engine, Result


class Unheard:
    """A way to change ufw with closed ears; ``deaf`` closes them for the length of a block."""

    def __init__(self, engine: Engine, deaf: Callable[[], AbstractContextManager[None]]) -> None:
        self._engine = engine
        self._deaf = deaf

    def apply(self, add: Sequence[Rule], drop: Sequence[Rule]) -> Result:
        """Add and drop rules; a rule in both stays."""
        with self._deaf():
            return self._engine.apply(add, drop)

    def sync(self, rules: Sequence[Rule]) -> Result:
        """Make jaild's rules exactly these."""
        with self._deaf():
            return self._engine.sync(rules)

    def present(self) -> list[Rule]:
        """Return jaild's rules as ufw has them now, sorted."""
        return self._engine.present()

    def flush(self) -> int:
        """Remove every rule of jaild's; return how many there were."""
        with self._deaf():
            return self._engine.flush()

    def look(self) -> Condition:
        """Look without changing anything; raises Busy at once when ufw is at work."""
        return self._engine.look()
