# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os
from pathlib import Path

import pytest

from jaild.config import read
from jaild.core.errors import InvalidConfig


def parse(text: str) -> list[tuple[str, str, str, int]]:
    source = read.parse(text.encode(), "x.conf")
    return [(item.section, item.option, item.text, item.line) for item in source.assignments]


def mistake(content: str | bytes) -> InvalidConfig:
    with pytest.raises(InvalidConfig) as caught:
        read.parse(content if isinstance(content, bytes) else content.encode(), "x.conf")
    return caught.value


def test_every_option_knows_its_line() -> None:
    text = "# c\n[a]\n\nx = 1\ny: 2\n\n[ b ] ; why\n  z = 3\n"
    assert parse(text) == [("a", "x", "1", 4), ("a", "y", "2", 5), ("b", "z", "3", 8)]


def test_comments() -> None:
    text = "[a]\n# one = 1\n; two = 2\nx = a;b ; inline\ny = a # b\n"
    assert parse(text) == [("a", "x", "a;b", 4), ("a", "y", "a # b", 5)]


def test_indented_lines_continue_a_value() -> None:
    text = "[a]\nx = one\n    two = 2\n  # comment\n\n  [three]\ny =\n  1\n"
    assert parse(text) == [("a", "x", "one\ntwo = 2\n\n[three]", 2), ("a", "y", "\n1", 7)]


def test_options_and_sections_may_come_again() -> None:
    text = "[a]\nx = 1\n[DEFAULT]\nx = 2\n[a]\nX = 3\n"
    assert parse(text) == [("a", "x", "1", 2), ("a", "x", "3", 6), ("DEFAULT", "x", "2", 4)]


def test_windows_line_ends_and_byte_order_mark() -> None:
    assert parse("\ufeff[a]\r\nx = 1\r\n") == [("a", "x", "1", 2)]


def test_headers_know_their_lines() -> None:
    headers = read.parse(b"[a]\n[b]\n[a]\n[c] ; x\n", "x.conf").headers
    assert headers == {"a": 1, "b": 2, "c": 4}


def test_option_before_any_section() -> None:
    error = mistake("# c\nx = 1\n")
    assert str(error) == "x.conf:2: this line stands before the first [section] header"


@pytest.mark.parametrize("line", ["[a", "[a] b", "x", "= 1", "[]"])
def test_line_of_no_syntax(line: str) -> None:
    error = mistake(f"[a]\ny = 1\n{line}\n")
    assert (error.path, error.line) == ("x.conf", 3)
    assert "no [section], no 'option = value'" in error.message


def test_bytes_that_are_no_text() -> None:
    assert str(mistake(b"[a]\nx = \xff\n")) == "x.conf:2: this line is not UTF-8 text"
    assert "NUL" in str(mistake(b"[a]\nx = \0\n"))


def test_slow_lines_are_not_slow() -> None:
    mistake("[a]\n" + "x" + " " * 500_000 + "y\n")
    mistake("[" * 500_000)


@pytest.mark.parametrize("kind", ["large", "folder", "pipe", "missing"])
def test_unreadable_files(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.conf"
    if kind == "large":
        path.write_bytes(b"#" * (read.MAX_FILE + 1))
    elif kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    with pytest.raises(InvalidConfig) as caught:
        read.read(path)
    assert caught.value.path == str(path)


def test_link_to_dev_null_is_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "x.conf"
    path.symlink_to("/dev/null")
    assert read.read(path).assignments == ()


def test_all_mistakes_are_told_and_the_rest_is_read() -> None:
    found: list[InvalidConfig] = []
    text = "stray\nx = 1\n[a] ; header\nb\nc = 1\n   d\n# e\n[f\n\n[g]\nh = 2\n"
    source = read.parse(text.encode(), "x.conf", found.append)
    assert [(mistake.line, mistake.text) for mistake in found] == [
        (1, "stray"),
        (4, "b"),
        (8, "[f"),
    ]
    assert [(item.section, item.option, item.text) for item in source.assignments] == [
        ("a", "c", "1\nd"),
        ("g", "h", "2"),
    ]


def test_lines_of_a_value_know_their_places() -> None:
    text = "[a]\nx = one\n  # two\n\n  two\n  one\ny =\n  three ; four\n"
    found = read.parse(text.encode(), "x.conf").assignments
    assert [(item.text, item.lines) for item in found] == [
        ("one\n\ntwo\none", (2, 3, 5, 6)),
        ("\nthree", (7, 8)),
    ]
