# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

from pathlib import Path

import pytest

from jaild.config.load import load
from jaild.config.model import FilterConfig
from jaild.config.tree import Tree

MATCH = "journalmatch = _SYSTEMD_UNIT=x.service\n"


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    tree = Tree(tmp_path / "etc", tmp_path / "shipped")
    (tree.shipped / "filter.d").mkdir(parents=True)
    (tree.etc / "filter.d").mkdir(parents=True)
    return tree


def use(tree: Tree, definition: str, jail: str = "") -> FilterConfig:
    (tree.etc / "jail.conf").write_text(f"[x]\nenabled = true\n{jail}\n")
    (tree.shipped / "filter.d/x.conf").write_text(definition)
    config = load(tree)
    assert not config.broken, config.broken
    return config.jails[0].filter


def mistake(tree: Tree, definition: str, jail: str = "") -> str:
    (tree.etc / "jail.conf").write_text(f"[x]\nenabled = true\n{jail}\n")
    (tree.shipped / "filter.d/x.conf").write_text(definition)
    return str(load(tree).broken[0].error).replace(f"{tree.etc.parent}/", "")


def test_plain_filter(tree: Tree) -> None:
    text = (
        "[Definition]\nfailregex = ^bad <HOST>$\n            ^worse <F-USER>.*</F-USER>%%$\n"
        "ignoreregex =\nprefregex = ^<F-CONTENT>.*</F-CONTENT>$\n" + MATCH
    )
    assert use(tree, text) == FilterConfig(
        "x",
        f"{tree.shipped}/filter.d/x.conf",
        ("^bad <HOST>$", "^worse <F-USER>.*</F-USER>%$"),
        (),
        "^<F-CONTENT>.*</F-CONTENT>$",
        "_SYSTEMD_UNIT=x.service",
    )


MODES = (
    "[INCLUDES]\nbefore = common.conf\n[Definition]\nfailregex = ^<prefix><mode-<mode>>$\n"
    "mode-normal = n\nmode-extra = <mode-normal>|e%(tail)s\ntail = %%\n"
    "[Init]\nmode = normal\n" + MATCH
)


def test_modes_parameters_and_includes(tree: Tree) -> None:
    (tree.shipped / "filter.d/common.conf").write_text("[DEFAULT]\nprefix = p\n")
    assert use(tree, MODES).failregex == ("^pn$",)
    assert use(tree, MODES, "mode = extra").failregex == ("^pn|e%$",)
    assert use(tree, MODES, "filter = x[mode=extra][prefix='a, ]b']").failregex == ("^a, ]bn|e%$",)
    assert use(tree, MODES, "filter = x[prefix='<known/prefix>2']").failregex == ("^p2n$",)
    (tree.etc / "filter.d/common.local").write_text("[DEFAULT]\nprefix = q\n")
    assert use(tree, MODES, "filter = x").failregex == ("^qn$",)


def test_other_sections(tree: Tree) -> None:
    text = "[lt_journal]\np = J\n[lt_file]\np = F\n[Definition]\nfailregex = <lt_<logtype>/p>\n"
    text += MATCH
    assert use(tree, text).failregex == ("J",)


def test_local_files_are_laid_over(tree: Tree) -> None:
    local = "[Definition]\nfailregex = %(known/failregex)s\n  ^b <HOST>$\n"
    (tree.etc / "filter.d/x.local").write_text(local)
    assert use(tree, f"[Definition]\nfailregex = ^a <HOST>$\n{MATCH}").failregex == (
        "^a <HOST>$",
        "^b <HOST>$",
    )


def test_jail_overrides_its_filter(tree: Tree) -> None:
    text = f"[Definition]\nfailregex = ^<word> <HOST>$\nword = a\n{MATCH}"
    found = use(
        tree,
        text,
        "failregex = %(known/failregex)s\n  ^b <word>$\nignoreregex = i\n"
        "prefregex = p\njournalmatch = _UID=0",
    )
    assert found.failregex == ("^a <HOST>$", "^b a$")
    assert (found.ignoreregex, found.prefregex, found.journalmatch) == (("i",), "p", "_UID=0")


def test_etc_replaces_the_shipped_filter(tree: Tree) -> None:
    (tree.etc / "filter.d/x.conf").write_text(f"[Definition]\nfailregex = mine\n{MATCH}")
    found = use(tree, f"[Definition]\nfailregex = shipped\nprefregex = p\n{MATCH}")
    assert (found.failregex, found.prefregex) == (("mine",), "")
    assert found.path == f"{tree.etc}/filter.d/x.conf"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[Definition]\n", "x.conf: the filter of jail 'x' has no failregex"),
        (
            "[Definition]\nfailregex = a<b>\nb = <failregex>\n",
            "x.conf:2: failregex: the options named in <…>",
        ),
        ("[Definition]\n\nfailregex = 5%\n", "x.conf:3: a percent sign is written %%"),
        ("[Definition]\nfailregex\n", "x.conf:2: this line is no [section]"),
        ("[Defintion]\nfailregex = a\n", "x.conf: this filter has no section [Definition]"),
        (
            "[Definition]\nfailregex = a\njournalmatch = b\n",
            "x.conf:3: journalmatch of this filter",
        ),
    ],
)
def test_mistakes_are_found_in_the_file(tree: Tree, text: str, sentence: str) -> None:
    assert mistake(tree, text).startswith(f"shipped/filter.d/{sentence}")


def test_mistake_in_an_override_is_found_in_the_jail(tree: Tree) -> None:
    text = f"[Definition]\nfailregex = a\n{MATCH}"
    assert mistake(tree, text, "failregex = <a>\n  <failregex>x").startswith(
        "etc/jail.conf:3: failreg"
    )
