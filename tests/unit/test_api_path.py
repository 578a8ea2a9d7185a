# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaild.api import path


@pytest.mark.parametrize(
    ("jail", "label"),
    [
        ("sshd", "sshd"),
        ("nginx-auth", "nginx_2dauth"),
        ("3proxy", "_33proxy"),
        ("a_b", "a_5fb"),
        ("é", "_c3_a9"),
        ("", "_"),
    ],
)
def test_names_are_written_as_systemd_does(jail, label):
    assert path.encode(jail) == "/org/jaild1/jail/" + label
    assert path.decode("/org/jaild1/jail/" + label) == jail


@given(st.text())
def test_every_name_comes_back(name):
    assert path.decode(path.encode(name)) == name


@pytest.mark.parametrize("other", ["/org/jaild1", "/org/jaild1/jail/", "/org/jaild1/jail/a/b"])
def test_other_paths_are_no_jails(other):
    with pytest.raises(ValueError, match="not the path of a jail"):
        path.decode(other)
