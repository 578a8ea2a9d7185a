# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of what is counted and banned as one."""

import pytest

from jaild.config.load import Tree, load
from jaild.core.prefix import Aggregate, Prefixes
from tests.verbs import SHIPPED, jail_config


def test_usual(tmp_path):
    jail = jail_config(tmp_path)
    assert jail.prefixes == Prefixes(32, 64)
    assert jail.aggregate is None


def test_all_of_them(tmp_path):
    jail = jail_config(
        tmp_path,
        **{
            "ban.prefix4": "28",
            "ban.prefix6": "56",
            "ban.aggregate": "3",
            "ban.aggregate4": "20",
            "ban.aggregate6": "40",
        },
    )
    assert jail.prefixes == Prefixes(28, 56)
    assert jail.aggregate == Aggregate(3, 20, 40)


def test_aggregates_have_usual_networks(tmp_path):
    assert jail_config(tmp_path, **{"ban.aggregate": "2"}).aggregate == Aggregate(2, 24, 48)


def test_wide_prefixes_need_no_aggregate(tmp_path):
    found = jail_config(tmp_path, **{"ban.prefix4": "8", "ban.prefix6": "32"})
    assert found.prefixes == Prefixes(8, 32)


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        ("ban.prefix4 = 7\n", 2, "ban.prefix4 of [sshd] is '7': it has to be a whole number"),
        ("ban.aggregate = 1001\n", 2, "it has to be a whole number from 2 to 1000, or 0 for never"),
        ("ban.aggregate4 = 32\n", 2, "it has to be a whole number from 16 to 31"),
        (
            "ban.aggregate = 3\nban.aggregate6 = 48\nban.prefix6 = 48\n",
            3,
            "ban.aggregate6 of [sshd] is '48': it has to be less than ban.prefix6, which is 48",
        ),
        (
            "ban.prefix4 = 20\nban.aggregate = 3\n",
            2,
            "ban.prefix4 of [sshd] is '20': it has to be more than ban.aggregate4, which is 24",
        ),
    ],
)
def test_refused(tmp_path, text, line, sentence):
    (tmp_path / "jail.local").write_text(f"[sshd]\n{text}")
    (broken,) = load(Tree(tmp_path, SHIPPED)).broken
    assert sentence in broken.error.message
    assert broken.error.line == line
