# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module chooses the way to change ufw, as late as possible: ufw may be installed later."""

import logging
from collections.abc import Callable, Sequence

from jaild.core.rule import Rule
from jaild.enforce import ufw
from jaild.enforce.command import Commands
from jaild.enforce.engine import Condition, Engine, Result
from jaild.enforce.transaction import Transactions
from jaild.enforce.ufw_face import UfwUnexpected

logger = logging.getLogger(__name__)


class Choice:
    """Changes ufw through its package, or by its command line when the package is not as known.

    Every method raises FirewallFailed while ufw is missing, and works once it is there.
    """

    def __init__(self, pulse: Callable[[], object]) -> None:
        """Call ``pulse`` now and then during work that takes long."""
        self._pulse = pulse
        self._engine: Engine | None = None

    def apply(self, add: Sequence[Rule], drop: Sequence[Rule]) -> Result:
        """Add and drop rules; a rule in both stays."""
        return self._chosen().apply(add, drop)

    def sync(self, rules: Sequence[Rule]) -> Result:
        """Make jaild's rules exactly these."""
        return self._chosen().sync(rules)

    def present(self) -> list[Rule]:
        """Return jaild's rules as ufw has them now, sorted."""
        return self._chosen().present()

    def flush(self) -> int:
        """Remove every rule of jaild's; return how many there were."""
        return self._chosen().flush()

    def look(self) -> Condition:
        """Look without changing anything; raises Busy at once when ufw is at work."""
        return self._chosen().look()

    def _chosen(self) -> Engine:
        if self._engine is None:
            self._engine = self._choose()
        return self._engine

    def _choose(self) -> Engine:
        try:
            return Transactions(ufw.Package())
        except UfwUnexpected as error:
            logger.warning(
                "%s: jaild uses ufw's command line instead, which takes about 0.2 s a ban", error
            )
            return Commands(self._pulse)
