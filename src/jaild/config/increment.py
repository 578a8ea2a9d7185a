# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module has the rows of the options of longer bans, and reads them for one jail."""

from jaild.config import values
from jaild.config.option import Option
from jaild.config.section import Section
from jaild.core.increment import Increment

ENABLED = Option(
    "bantime.increment",
    values.boolean,
    "false",
    "Whether bans get longer for those who have been banned before.",
)
FACTOR = Option(
    "bantime.factor", values.factor, "1", "What the formula or the multiplier is multiplied with."
)
FORMULA = Option(
    "bantime.formula",
    values.bantime_formula,
    "ban.Time * (1<<(ban.Count if ban.Count<20 else 20)) * banFactor",
    "The seconds of a longer ban: arithmetic over ban.Time, ban.Count and banFactor.",
    "seconds",
)
MULTIPLIERS = Option(
    "bantime.multipliers",
    values.multipliers,
    "",
    "The multipliers of longer bans, in place of the formula, separated by blanks.",
)
MAXTIME = Option(
    "bantime.maxtime", values.longest, "", "The longest that bans can get; empty: any.", "duration"
)
RNDTIME = Option(
    "bantime.rndtime",
    values.addition,
    "",
    "The most that is added to a longer ban at random.",
    "duration",
)
OVERALLJAILS = Option(
    "bantime.overalljails",
    values.boolean,
    "false",
    "Whether the bans of all jails count for longer ones.",
)
HISTORY = Option(
    "bantime.history", values.span, "90d", "How long bans count for longer ones.", "duration"
)
WEIGH = Option(
    "bantime.weigh",
    values.boolean,
    "false",
    "Whether failures of those who have been banned before count more than once.",
)

OPTIONS: tuple[Option[object], ...] = (
    ENABLED,
    FACTOR,
    FORMULA,
    MULTIPLIERS,
    MAXTIME,
    RNDTIME,
    OVERALLJAILS,
    HISTORY,
    WEIGH,
)


def read(section: Section) -> Increment | None:
    """Return how a jail makes bans longer, None if it does not; raises InvalidConfig."""
    increment = Increment(
        formula=section.read(FORMULA),
        history=section.read(HISTORY),
        factor=section.read(FACTOR),
        multipliers=section.read(MULTIPLIERS),
        maxtime=section.read(MAXTIME),
        rndtime=section.read(RNDTIME),
        overalljails=section.read(OVERALLJAILS),
        weigh=section.read(WEIGH),
    )
    return increment if section.read(ENABLED) else None
