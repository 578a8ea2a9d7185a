# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an answer repeats of a URL is not shown, however it is written."""

import pytest

from jaild.notify.discretion import blank

PATH = "/services/T0ABCDEF/s%2Fcr%20et-1?token=a%2Bb%3Dc-99&n=1&key=Q9x%C3%A9z7&w=one+word"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"no such hook {PATH} here", "no such hook … here"),
        ("no team T0ABCDEF", "no team …"),
        ("no team t0abcdef", "no team …"),
        ("no hook s%2Fcr%20et-1", "no hook …"),
        ("no hook s%2fcr%20et-1", "no hook …"),
        ("no hook s/cr et-1", "no hook …"),
        ("bad token a+b=c-99, a%2Bb%3Dc-99", "bad token …, …"),
        ("one+word, one word", "…, …"),
        ("bad key Q9x\u00e9z7", "bad key …"),
        ("n is 1, of services", "n is 1, of …"),
        ("no_service", "no_service"),
    ],
)
def test_no_part_of_it_is_left(text, shown):
    assert blank(text, PATH, 200) == shown


def test_a_cut_leaves_no_part_of_it():
    text = "x" * 195 + "T0ABCDEF" + " and more"
    assert blank(text, PATH, 200) == "x" * 195 + "…"


@pytest.mark.parametrize("path", ["/", "", "/a/b?c=d", "/?", "/%", "/%zz%"])
def test_short_ones_hide_nothing(path):
    assert blank("an answer of the server", path, 9) == "an answer"
