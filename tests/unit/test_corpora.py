# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shipped filters against what the services write."""

import pytest

from jaild.config.filter import one_filter
from jaild.core import match
from tests.corpora import NAMES, SHIPPED, TREE, filter_of, rows

# No filters of their own: what others include, and what reads no journal.
FILTERS = sorted(
    path.stem
    for path in (SHIPPED / "filter.d").glob("*.conf")
    if path.stem not in ("recidive", "none") and not path.stem.endswith("common")
)


@pytest.mark.parametrize(
    "row",
    [row for name in NAMES for row in rows(name) if row.verdict != "decoy"],
    ids=lambda row: f"{row.call}:{row.line}",
)
def test_corpus(row):
    found = filter_of(row.call).judge(row.message)
    assert (str(found.kind), found.address) == (row.verdict, row.address)


@pytest.mark.parametrize("name", FILTERS)
def test_every_filter_has_hits_misses_and_decoys(name):
    verdicts = [row.verdict for row in rows(name)]
    assert verdicts.count("failure") >= 6 or name in ("sshd",)
    assert verdicts.count("miss") >= 4
    assert "decoy" in verdicts


@pytest.mark.parametrize("name", FILTERS)
def test_only_trusted_fields_choose_the_entries(name):
    assert not match.parse(one_filter(TREE, name).journalmatch).forgeable
