# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

from pathlib import Path

import pytest

from jaild.config import layers
from jaild.config.tree import Tree
from jaild.core.errors import InvalidConfig


def write(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path / "etc", tmp_path / "shipped")


def names(tree: Tree, base: str = "jail") -> list[str]:
    return [str(path.relative_to(tree.etc.parent)) for path in tree.layers(base)]


def test_nothing_at_all(tree: Tree) -> None:
    assert tree.layers("jail") == []
    assert tree.filter_names() == []


def test_order(tree: Tree) -> None:
    for name in ("jail.conf", "jail.local", "jail.d/b.conf", "jail.d/a.conf", "jail.d/c.local"):
        write(tree.etc / name)
    write(tree.etc / "jail.d/.hidden.conf")
    write(tree.etc / "jail.d/README")
    write(tree.shipped / "jail.conf")
    assert names(tree) == [
        "etc/jail.conf",
        "etc/jail.d/a.conf",
        "etc/jail.d/b.conf",
        "etc/jail.local",
        "etc/jail.d/c.local",
    ]
    (tree.etc / "jail.conf").unlink()
    assert names(tree)[0] == "shipped/jail.conf"


def test_filters(tree: Tree) -> None:
    write(tree.shipped / "filter.d/sshd.conf")
    write(tree.shipped / "filter.d/nginx.conf")
    write(tree.etc / "filter.d/sshd.local")
    write(tree.etc / "filter.d/nginx.conf")
    assert names(tree, "filter.d/sshd") == ["shipped/filter.d/sshd.conf", "etc/filter.d/sshd.local"]
    assert names(tree, "filter.d/nginx") == ["etc/filter.d/nginx.conf"]
    assert tree.filter_names() == ["nginx", "sshd"]
    assert tree.filter_layers("../jail") == []


def test_unreadable_folder_is_no_missing_folder(tree: Tree) -> None:
    write(tree.etc).parent.joinpath("jail.d").unlink(missing_ok=True)
    assert tree.layers("jail") == []
    tree.etc.unlink()
    tree.etc.symlink_to(tree.etc)
    with pytest.raises(InvalidConfig, match="cannot be read"):
        tree.layers("jail")


def merged(tree: Tree) -> str:
    value = layers.stack(tree, tree.layers("jail")).get("a", "x")
    assert value
    return value.text


def test_includes_before_and_after(tree: Tree) -> None:
    write(tree.shipped / "first.conf", "[a]\nx = first\ny = first")
    write(tree.shipped / "last.conf", "[a]\ny = last")
    includes = "[INCLUDES]\nbefore = first.conf missing.conf\nafter = last.conf\n"
    write(tree.shipped / "jail.conf", f"{includes}[a]\nx = main\ny = main")
    stack = layers.stack(tree, tree.layers("jail"))
    assert {name: value.text for name, value in stack.options("a").items()} == {
        "x": "main",
        "y": "last",
    }
    assert stack.sections == ("a",)
    earlier = stack.before(1, "a", "x")
    assert earlier
    assert earlier.text == "first"


def test_includes_are_looked_up_in_etc_first_and_bring_their_local(tree: Tree) -> None:
    write(tree.etc / "jail.conf", "[INCLUDES]\nbefore = common.conf\n")
    write(tree.shipped / "common.conf", "[a]\nx = shipped")
    assert merged(tree) == "shipped"
    write(tree.etc / "common.conf", "[a]\nx = etc")
    assert merged(tree) == "etc"
    write(tree.etc / "common.local", "[a]\nx = local")
    assert merged(tree) == "local"


def test_loop_of_includes_ends(tree: Tree) -> None:
    write(tree.etc / "jail.conf", "[INCLUDES]\nbefore = b.conf\n[a]\nx = 1")
    write(tree.etc / "b.conf", "[INCLUDES]\nbefore = jail.conf b.conf\n[a]\nx = 2")
    assert merged(tree) == "1"


def test_includes_are_bounded(tree: Tree) -> None:
    for number in range(layers.MAX_FILES + 1):
        text = f"[INCLUDES]\nbefore = {number + 1}.conf\n"
        write(tree.etc / f"{number}.conf", text)
    write(tree.etc / "jail.conf", "[INCLUDES]\nbefore = 0.conf\n")
    with pytest.raises(InvalidConfig, match="more than 200 files"):
        layers.stack(tree, tree.layers("jail"))


def test_misspelled_include_option(tree: Tree) -> None:
    path = write(tree.etc / "jail.conf", "[INCLUDES]\nbefor = b.conf\n")
    with pytest.raises(InvalidConfig, match=f"^{path}:2: 'befor' is not an option"):
        layers.stack(tree, tree.layers("jail"))


def test_a_shipped_file_includes_shipped_files(tmp_path):
    tree = Tree(etc=tmp_path / "etc", shipped=tmp_path / "shipped")
    for root in (tree.etc, tree.shipped):
        (root / "filter.d").mkdir(parents=True)
        (root / "filter.d/door-common.conf").write_text("")
    (tree.etc / "filter.d/door-common.local").write_text("")
    shipped = tree.shipped / "filter.d"
    local = tree.etc / "filter.d/door-common.local"
    assert tree.included(shipped / "door.conf", "door-common.conf") == [
        shipped / "door-common.conf",
        local,
    ]
    own = tree.etc / "filter.d"
    assert tree.included(own / "door.conf", "door-common.conf") == [own / "door-common.conf", local]
