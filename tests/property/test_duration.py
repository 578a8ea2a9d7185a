# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

from hypothesis import given
from hypothesis import strategies as st

from jaild.core import duration
from jaild.core.ban import FOREVER
from jaild.core.errors import InvalidDuration

USEC = st.integers(0, duration.LONGEST) | st.just(FOREVER)
ALPHABET = "0123456789.-+* ymowdhsinutesecondsfrv\t\né٣"


@given(USEC)
def test_what_is_shown_can_be_written(usec: int) -> None:
    assert duration.parse(duration.format(usec)) == usec


@given(st.text(ALPHABET, max_size=120) | st.text(max_size=120))
def test_any_text_is_a_bounded_duration_or_refused(text: str) -> None:
    try:
        usec = duration.parse(text)
    except InvalidDuration:
        return
    assert usec == FOREVER or 0 <= usec <= duration.LONGEST


@given(st.lists(st.tuples(st.integers(0, 999), st.sampled_from(["s", "m", "h", "d", "w"]))))
def test_terms_add(terms: list[tuple[int, str]]) -> None:
    terms = terms[:15] or [(0, "s")]
    spaced = " ".join(f"{count}{unit}" for count, unit in terms)
    assert duration.parse(spaced) == sum(duration.parse(f"{n}{unit}") for n, unit in terms)
