# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever a client writes into the lines of a service: its own address is blamed, or nobody."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.corpora import NAMES, fill, filter_of, rows, texts

# There are many filters, and a quick look at each is enough for every day.
EXAMPLES = settings().max_examples // 10


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_a_decoy_is_never_blamed(name, data):
    row = data.draw(st.sampled_from([row for row in rows(name) if row.verdict == "decoy"]))
    message = fill(row.message, data.draw(texts(name)))
    assert filter_of(row.call).judge(message).address in (None, row.address)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_any_message_gets_a_verdict(name, data):
    message = data.draw(texts(name) | st.text())
    for call in {row.call for row in rows(name)}:
        filter_of(call).judge(message)
