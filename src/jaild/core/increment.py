# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module makes bans longer for those who come again."""

import hashlib
from dataclasses import dataclass

from jaild.core.address import Address
from jaild.core.ban import FOREVER
from jaild.core.duration import LONGEST, SECOND
from jaild.core.formula import Formula

# From here on a weight is beyond every maxretry.
_STEEPEST = 20


@dataclass(frozen=True, slots=True)
class Increment:
    """How the length of a ban follows from how many an address has had before.

    ``multipliers`` stand in for the formula, unless there are none; ``maxtime``, ``rndtime`` and
    ``history`` are microseconds. Bans of the last ``history`` count, those of all jails with
    ``overalljails``. With ``weigh`` the failures of those who come again weigh more.
    """

    formula: Formula
    history: int
    factor: float = 1.0
    multipliers: tuple[int, ...] = ()
    maxtime: int = FOREVER
    rndtime: int = 0
    overalljails: bool = False
    weigh: bool = False

    def length(self, bantime: int, earlier: int, chance: float) -> int:
        """Return the microseconds of a ban where ``bantime`` is the jail's own.

        ``chance``, from 0 up to 1, is the part of ``rndtime`` that is added. The first ban lasts as
        long as bantime says, and one for ever stays so. Raises InvalidConfig where the formula
        comes to no number.
        """
        if not earlier or bantime == FOREVER:
            return bantime
        if self.multipliers:
            multiplier = self.multipliers[min(earlier, len(self.multipliers) - 1)]
            length = _usec(bantime / SECOND * self.factor * multiplier)
        else:
            # Whole seconds stay a whole number, which << and >> ask for.
            time = bantime / SECOND if bantime % SECOND else bantime // SECOND
            length = max(bantime, _usec(self.formula.evaluate(time, earlier, self.factor)))
        # What was meant for those who come again is never milder than what the first ban was.
        longest = max(self.maxtime, bantime)
        return min(length, longest) + int(self.rndtime * chance)

    def weight(self, earlier: int, maxretry: int) -> int:
        """Return how many times each failure counts: 1, with weigh then 2, 3, 5, 9 and so on."""
        if not self.weigh or not earlier:
            return 1
        return min((1 << min(earlier, _STEEPEST) - 1) + 1, maxretry)


def _usec(seconds: float) -> int:
    # A formula may grow beyond all numbers; a thousand years are as good as that.
    return max(1, round(max(0.0, min(seconds, LONGEST / SECOND)) * SECOND))


def chance(jail: str, address: Address, since: int) -> float:
    """Return a number from 0 up to 1 that is always the same for the same ban.

    Whoever reads the same entries, after a crash or in a replay, comes to the same bans. An
    attacker cannot foresee it: he does not know the microsecond at which journald wrote an entry.
    """
    digest = hashlib.blake2b(f"{jail}\0{address}\0{since}".encode(), digest_size=6).digest()
    return int.from_bytes(digest, "big") / 2**48
