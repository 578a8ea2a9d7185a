# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

from pathlib import Path

import pytest

from jaild.config.load import examine
from jaild.config.model import Examination
from jaild.config.tree import IN_SOURCE, Tree

FILTER = "[Definition]\nfailregex = ^bad <HOST>$\njournalmatch = _SYSTEMD_UNIT=x.service\n"


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    tree = Tree(tmp_path / "etc", tmp_path / "shipped")
    (tree.shipped / "filter.d").mkdir(parents=True)
    for folder in ("jail.d", "filter.d", "action.d"):
        (tree.etc / folder).mkdir(parents=True)
    for name in ("jail.conf", "jaild.conf"):
        (tree.shipped / name).write_text((IN_SOURCE / name).read_text())
    (tree.shipped / "filter.d/sshd.conf").write_text(FILTER)
    return tree


def put(tree: Tree, text: str, name: str = "jail.local") -> Examination:
    (tree.etc / name).write_text(text)
    return examine(tree)


def told(tree: Tree, found: Examination) -> list[str]:
    return [str(mistake).replace(f"{tree.etc}/", "") for mistake in found.mistakes]


def test_nothing_to_say_of_what_is_shipped(tree: Tree) -> None:
    found = examine(tree)
    assert (found.mistakes, found.notes) == ((), ())
    assert found.config
    assert [jail.name for jail in found.config.jails] == ["sshd"]


def test_all_mistakes_of_all_files_in_their_order(tree: Tree) -> None:
    (tree.etc / "jaild.local").write_text(
        "[Definition]\nloglevl = INFO\nloglevel = LOUD\n[Thred]\n"
    )
    (tree.etc / "jail.d/b.local").write_text("[sshd]\nport = shh\nnonsense\n")
    (tree.etc / "filter.d/sshd.local").write_text("[Definition]\nfailregx = a\n")
    found = put(
        tree,
        "[DEFAULT]\nbantme = 1\nbantime = 10x\nbanaction = nftabels\n"
        "[sshd]\nmaxretry = five\n  \nfindtime = -1\nusedns = maybe\n"
        "bantime.formula = ban.Tim\nignoreip = ::1\n    my_home\n",
    )
    assert found.config is None
    assert [
        (line.split(": ")[0], mistake.text)
        for line, mistake in zip(told(tree, found), found.mistakes, strict=True)
    ] == [
        ("jaild.local:2", "loglevl"),
        ("jaild.local:3", "LOUD"),
        ("jaild.local:4", "Thred"),
        ("jail.local:2", "bantme"),
        ("jail.local:3", "10x"),
        ("jail.local:4", "nftabels"),
        ("jail.local:6", "five"),
        ("jail.local:8", "-1"),
        ("jail.local:9", "maybe"),
        ("jail.local:10", "ban.Tim"),
        ("jail.local:12", "my_home"),
        ("jail.d/b.local:2", "shh"),
        ("jail.d/b.local:3", "nonsense"),
        ("filter.d/sshd.local:2", "failregx"),
    ]


def test_what_rests_on_a_mistake_is_no_further_mistake(tree: Tree) -> None:
    found = put(tree, "[sshd]\nmaxretry = x\nprotocol = icmp\nbanaction = mail\n")
    assert [mistake.line for mistake in found.mistakes] == [2, 3, 4]


def test_mistake_that_many_jails_inherit_is_told_once(tree: Tree) -> None:
    (tree.etc / "jail.d/a.conf").write_text("[a]\nenabled = true\nfilter = sshd\n")
    found = put(tree, "[DEFAULT]\nbantime = %(mine)s\nmine = soon\n")
    (sentence,) = told(tree, found)
    assert sentence.startswith("jail.local:3: bantime of [DEFAULT] is 'soon': 'soon' is not a dur")


def test_mistakes_of_a_jail_that_is_not_enabled(tree: Tree) -> None:
    (tree.shipped / "jail.conf").write_text("[sshd]\nfindtime = x\nbantime = x\n")
    found = put(tree, "[sshd]\nbantime = y\nport = 1\nfilter = shsd\nbantme = 1\n")
    assert [mistake.text for mistake in found.mistakes] == ["y", "shsd", "bantme"]
    assert found.config


def test_bad_patterns_each_with_its_line(tree: Tree) -> None:
    (tree.etc / "filter.d/x.conf").write_text(
        "[Definition]\n_more = ^m <HOST>$\n# a comment\n        ^(n <HOST>$\nprefregex = ^)$\n"
        "failregex = ^(a <HOST>$\n            ^b <HOST>$\n            <_more>\n"
        "ignoreregex = [\njournalmatch = nothing\n"
    )
    found = put(tree, "[x]\nenabled = true\n")
    assert [mistake.line for mistake in found.mistakes] == [4, 5, 6, 9, 10]
    assert found.mistakes[0].text == "^(n <HOST>$"
    assert "failregex, pattern 4: " in found.mistakes[0].message


def test_bad_patterns_of_a_jail_have_its_lines(tree: Tree) -> None:
    found = put(tree, "[sshd]\nfailregex = %(known/failregex)s\n  ^fine <HOST>$\n  ^(<HOST>$\n")
    assert [mistake.line for mistake in found.mistakes] == [4]


def test_bad_lines_do_not_hide_others(tree: Tree) -> None:
    found = put(tree, "stray\nmore = 1\n[sshd]\nmaxretry 3\nport = ssh\n[sshd\nbantime = x\n")
    assert [(mistake.line, mistake.text) for mistake in found.mistakes] == [
        (1, "stray"),
        (4, "maxretry 3"),
        (6, "[sshd"),
        (7, "x"),
    ]


def test_warnings(tree: Tree) -> None:
    (tree.etc / "filter.d/x.conf").write_text(
        "[Definition]\nfailregex = ^a <F-ID>u:\\w+</F-ID>$\n            ^b <F-ID><ADDR></F-ID>$\n"
        "            ^c <F-ID>\\S+</F-ID>$\njournalmatch = _COMM=x\n"
    )
    found = put(tree, "[x]\nenabled = true\nlogpath = /x\n")
    assert found.mistakes == ()
    assert [(note.kind, note.line) for note in found.notes] == [
        ("note", 3),
        ("warning", 2),
        ("warning", 5),
    ]
    assert "never bans anyone" in found.notes[1].text
    assert "any local user can write: _COMM=x" in found.notes[2].text


def test_notes_are_told_in_spite_of_mistakes(tree: Tree) -> None:
    found = put(tree, "[DEFAULT]\nbackend = auto\nbantme = 1\n")
    assert found.config is None
    assert [note.line for note in found.notes] == [2]


def test_unreadable_file_is_one_mistake(tree: Tree) -> None:
    (tree.etc / "jail.d/a.conf").mkdir()
    (tree.etc / "jail.d/b.conf").write_bytes(b"[sshd]\nport = \xff\n")
    found = examine(tree)
    assert told(tree, found) == [
        "jail.d/a.conf: this file cannot be read: Is a directory",
        "jail.d/b.conf:2: this line is not UTF-8 text",
    ]
