# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os

import pytest

pytest.importorskip("gi")

from jaild.cli import session
from jaild.core.errors import InvalidAddress
from jaild.dbus.errors import NoSuchMember


@pytest.fixture(autouse=True)
def no_session(monkeypatch):
    for name in ("SSH_CONNECTION", "SSH_CLIENT"):
        monkeypatch.delenv(name, raising=False)


class Login:
    """systemd-logind: knows processes and sessions, and where they come from."""

    def __init__(self, **hosts):
        self.hosts = hosts

    def call(self, call):
        if call.method == "Get":
            return (self.hosts[call.path.removeprefix("/")],)
        known = {"GetSessionByPID": "process", "GetSession": "session"}[call.method]
        if known not in self.hosts:
            raise NoSuchMember("there is no such session")
        return (f"/{known}",)


def find(proc, **hosts):
    return session.find(Login(**hosts), proc)


def process(proc, pid, parent, environment=b""):
    (proc / str(pid)).mkdir()
    (proc / str(pid) / "stat").write_text(f"{pid} (a ) 1 odd name) S {parent} 1 1")
    (proc / str(pid) / "environ").write_bytes(environment)


def test_the_environment_names_the_client(monkeypatch, tmp_path):
    monkeypatch.setenv("SSH_CONNECTION", "2001:DB8::7 50022 2001:db8::1 22")
    assert find(tmp_path).clients == {"2001:db8::7"}


def test_behind_sudo_a_parent_names_the_client(tmp_path):
    parent = os.getppid()
    process(tmp_path, parent, 700000, b"LANG=C\0nothing\0")
    process(tmp_path, 700000, 700001)
    process(tmp_path, 700001, 1, b"SSH_CLIENT=192.0.2.7 50022 22\0PATH=/bin\0")
    assert find(tmp_path).clients == {"192.0.2.7"}


def test_parents_that_cannot_be_read_or_go_in_a_circle_do_no_harm(tmp_path):
    parent = os.getppid()
    process(tmp_path, parent, 700000)
    (tmp_path / str(parent) / "environ").unlink()
    process(tmp_path, 700000, 700000, b"SSH_CLIENT=not an address\0")
    assert find(tmp_path) == session.Own(frozenset(), is_known=False)


@pytest.mark.parametrize(
    ("hosts", "own"),
    [
        ({"process": "192.0.2.7"}, session.Own(frozenset({"192.0.2.7"}))),
        ({"session": "fe80::7%eth0"}, session.Own(frozenset({"fe80::7"}))),
        ({"process": ""}, session.Own(frozenset())),
        ({"process": "client.example.org"}, session.Own(frozenset(), is_known=False)),
        ({}, session.Own(frozenset(), is_known=False)),
    ],
)
def test_logind_may_know_what_no_parent_tells(tmp_path, hosts, own):
    process(tmp_path, os.getppid(), 1)
    (tmp_path / str(os.getppid()) / "environ").unlink()
    (tmp_path / "self").mkdir()
    (tmp_path / "self/sessionid").write_text("7")
    assert find(tmp_path, **hosts) == own


def test_nobody_comes_over_ssh_where_all_parents_say_so(tmp_path):
    process(tmp_path, os.getppid(), 1)
    assert find(tmp_path) == session.Own(frozenset())


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
