# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os

import pytest

from jaild.cli import session
from jaild.core.errors import InvalidAddress


@pytest.fixture(autouse=True)
def no_session(monkeypatch):
    for name in ("SSH_CONNECTION", "SSH_CLIENT"):
        monkeypatch.delenv(name, raising=False)


def process(proc, pid, parent, environment=b""):
    (proc / str(pid)).mkdir()
    (proc / str(pid) / "stat").write_text(f"{pid} (a ) 1 odd name) S {parent} 1 1")
    (proc / str(pid) / "environ").write_bytes(environment)


def test_the_environment_names_the_client(monkeypatch, tmp_path):
    monkeypatch.setenv("SSH_CONNECTION", "2001:DB8::7 50022 2001:db8::1 22")
    assert session.clients(tmp_path) == {"2001:db8::7"}


def test_behind_sudo_a_parent_names_the_client(tmp_path):
    parent = os.getppid()
    process(tmp_path, parent, 700000, b"LANG=C\0nothing\0")
    process(tmp_path, 700000, 700001)
    process(tmp_path, 700001, 1, b"SSH_CLIENT=192.0.2.7 50022 22\0PATH=/bin\0")
    assert session.clients(tmp_path) == {"192.0.2.7"}


def test_parents_that_cannot_be_read_or_go_in_a_circle_do_no_harm(tmp_path):
    parent = os.getppid()
    process(tmp_path, parent, 700000)
    (tmp_path / str(parent) / "environ").unlink()
    process(tmp_path, 700000, 700000, b"SSH_CLIENT=not an address\0")
    assert session.clients(tmp_path) == frozenset()


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.0/24", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("192.0.2.8", None),
        ("2001:db8::/64", None),
    ],
)
def test_a_ban_hits_a_client_that_it_covers(target, found):
    assert session.hit(target, frozenset({"192.0.2.7"})) == found


def test_a_bad_address_is_refused():
    with pytest.raises(InvalidAddress):
        session.hit("example.org", frozenset())
