# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of longer bans."""

from dataclasses import replace

import pytest

from jaild.config.load import Tree, load
from jaild.core.ban import FOREVER
from jaild.core.increment import Increment
from tests.verbs import SECOND, SHIPPED, jail_config

DAY = 86_400 * SECOND


def test_bans_do_not_get_longer_unless_told_so(tmp_path):
    jail = jail_config(tmp_path, **{"bantime.maxtime": "4w"})
    assert jail.increment is None
    assert jail.history == 90 * DAY


def test_defaults(tmp_path):
    found = jail_config(tmp_path, **{"bantime.increment": "true"}).increment
    assert found is not None
    assert found == Increment(found.formula, 90 * DAY)
    assert (found.factor, found.maxtime, found.rndtime, found.weigh) == (1.0, FOREVER, 0, False)
    assert found.length(600 * SECOND, 3, 0.5) == 4800 * SECOND


def test_all_of_them(tmp_path):
    jail = jail_config(
        tmp_path,
        **{
            "bantime.increment": "yes",
            "bantime.factor": "2",
            "bantime.formula": "ban.Time << 2",
            "bantime.multipliers": "1 2,4",
            "bantime.maxtime": "4w",
            "bantime.rndtime": "30m",
            "bantime.overalljails": "on",
            "bantime.history": "1w",
            "bantime.weigh": "true",
        },
    )
    found = jail.increment
    assert found is not None
    assert found.formula.text == "ban.Time << 2"
    assert jail.history == 7 * DAY
    assert found == replace(
        Increment(found.formula, 7 * DAY, 2.0, (1, 2, 4), 28 * DAY, 1800 * SECOND),
        overalljails=True,
        weigh=True,
    )


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("increment", "maybe", "it has to be true or false"),
        ("factor", "0", "a number above zero"),
        ("formula", "1/ban.Count", "divides by nothing"),
        ("multipliers", "1 x", "whole numbers above zero"),
        ("maxtime", "0", "longer than nothing"),
        ("rndtime", "-1", "cannot be for ever"),
        ("history", "-1", "cannot be for ever"),
        ("weigh", "heavy", "it has to be true or false"),
    ],
)
def test_mistakes_also_where_bans_do_not_get_longer(tmp_path, option, value, sentence):
    (tmp_path / "jail.local").write_text(f"[sshd]\nbantime.{option} = {value}\n")
    (broken,) = load(Tree(tmp_path, SHIPPED)).broken
    assert broken.error.line == 2
    assert broken.error.message.startswith(f"bantime.{option} of [sshd] is '{value}': ")
    assert sentence in broken.error.message
