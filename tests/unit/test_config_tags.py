# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from jaild.config.tags import MAX_TEXT, substitute
from jaild.core.errors import InvalidConfig


@pytest.mark.parametrize(
    ("text", "options", "result"),
    [
        ("<a> <b>", {"a": "1", "b": "<a>2"}, "1 12"),
        ("<mdre-<mode>>", {"mode": "normal", "mdre-normal": "x"}, "x"),
        ("<lt_<type>/prefix>", {"type": "journal", "lt_journal/prefix": "p"}, "p"),
        ("<HOST> <F-USER>.*</F-USER> <F-ID/>", {"host": "x"}, "<HOST> <F-USER>.*</F-USER> <F-ID/>"),
        ("(?P<a>.)(?<=<a>)", {"a": "1"}, "(?P<a>.)(?<=1)"),
        ("a < b > c", {"b": "x"}, "a < b > c"),
        ("<a>", {"a": ""}, ""),
        ("<a>", {"a": "<a>"}, "<a>"),
    ],
)
def test_substitution(text: str, options: dict[str, str], result: str) -> None:
    assert substitute(text, options.get) == result


@pytest.mark.parametrize("options", [{"a": "x<a>"}, {"a": "<b>", "b": "<a>"}])
def test_circle_is_refused(options: dict[str, str]) -> None:
    with pytest.raises(InvalidConfig, match="circle"):
        substitute("<a>", options.get)


def test_bombs_are_refused() -> None:
    options = {f"a{n}": f"<a{n + 1}>" * 10 for n in range(20)}
    with pytest.raises(InvalidConfig, match="64 KiB"):
        substitute("<a0>", options.get)
    with pytest.raises(InvalidConfig, match="64 KiB"):
        substitute("x" * (MAX_TEXT + 1), options.get)
