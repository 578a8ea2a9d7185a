# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A set of files that is watched, with GLib's real monitors."""

import pytest

from jaild.dbus.files import Files
from jaild.dbus.loop import Loop


@pytest.fixture
def loop():
    return Loop()


def run(loop, milliseconds=400):
    loop.after(milliseconds, loop.quit)
    loop.run()


def test_changes_replacement_and_creation_are_seen(loop, tmp_path):
    seen = []
    files = Files(loop, lambda: seen.append(1))
    (tmp_path / "a").write_text("1")
    files.follow([tmp_path / "a", tmp_path / "new", tmp_path / "none/here"])
    (tmp_path / "a").write_text("2")
    run(loop)
    assert len(seen) == 1
    (tmp_path / "other").write_text("3")
    run(loop)
    assert len(seen) == 1
    (tmp_path / "other").replace(tmp_path / "a")
    run(loop)
    assert len(seen) == 2
    (tmp_path / "new").write_text("4")
    run(loop)
    assert len(seen) == 3


def test_what_is_no_longer_followed_is_not_heard_of(loop, tmp_path):
    seen = []
    files = Files(loop, lambda: seen.append(1))
    (tmp_path / "a").write_text("1")
    files.follow([tmp_path / "a"])
    files.follow([])
    (tmp_path / "a").write_text("2")
    run(loop)
    assert not seen
