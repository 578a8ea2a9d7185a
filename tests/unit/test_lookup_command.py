# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real commands under jaild-lookup's rules, and its side of the bus without a bus."""

import logging
import time
from pathlib import Path

import pytest

pytest.importorskip("gi")

from jaild.core.address import Address
from jaild.core.errors import InvalidAddress, NoSuchJail, NotAuthorized
from jaild.dbus.loop import Loop
from jaild.dbus.publish import Caller
from jaild.lookup import client, command, lane, names, server
from jaild.lookup.command import Command, environment, fill
from jaild.lookup.idle import Idle
from jaild.lookup.port import LookupFailed
from jaild.lookup.server import Looker

# What a shell puts into its environment itself, or finds.
SHELLS = {"PATH", "PWD", "_", "SHLVL"}
V4, V6 = Address("192.0.2.7"), Address("2001:db8::/64")


@pytest.fixture
def loop():
    made = Loop()
    limit = made.after(8000, lambda: pytest.fail("nothing ended the loop"))
    yield made
    limit.cancel()


def run(loop, *argv, timeout_ms=3000):
    answers = []

    def done(answer):
        answers.append(answer)
        loop.quit()

    Command(loop, argv, environment("sshd", V4), done, timeout_ms)
    assert answers == []
    loop.run()
    (answer,) = answers
    return answer


def sh(loop, script, **options):
    return run(loop, "/bin/sh", "-c", script, **options)


def is_alive(pid: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


def until(condition) -> None:
    limit = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < limit, "it did not come about"
        time.sleep(0.01)


def test_only_these_tags_are_filled():
    argv = ("/x", "<ip>", "a<jail>/<name>b", "<family>", "<fid>", "<host>", "<F-USER>", "$ip")
    assert fill(argv, "sshd", V4) == [
        "/x", "192.0.2.7", "asshd/sshdb", "inet4", "192.0.2.7", "<host>", "<F-USER>", "$ip",
    ]  # fmt: skip
    assert fill(("<ip> <family>",), "<ip>", V6) == ["2001:db8::/64 inet6"]
    # What was put in is not looked at again.
    assert fill(("<jail>",), "<ip>", V6) == ["<ip>"]


@pytest.mark.parametrize(("status", "spared"), [(0, True), (1, False), (2, False), (125, False)])
def test_exit_status_is_the_answer(loop, status, spared):
    assert sh(loop, f"exit {status}") is spared


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("exit 126", "/bin/sh cannot be run: exit status 126, not executable"),
        ("exit 127", "/bin/sh cannot be run: exit status 127, command not found"),
        ("exit 255", "/bin/sh failed: exit status 255"),
        ("kill -TERM $$", "/bin/sh was ended by signal 15"),
    ],
)
def test_any_other_end_is_a_failure(loop, script, sentence):
    answer = sh(loop, script)
    assert isinstance(answer, LookupFailed)
    assert str(answer) == sentence


@pytest.mark.parametrize(
    ("content", "mode", "sentence"),
    [
        (None, 0, "cannot be started: No such file or directory"),
        ("#!/bin/sh\n", 0o644, "cannot be started: Permission denied"),
        ("exit 0\n", 0o755, "cannot be started: Exec format error"),
        ("#!/no/such/program\n", 0o755, "cannot be started: No such file or directory"),
    ],
)
def test_what_cannot_be_started(loop, tmp_path, content, mode, sentence):
    path = tmp_path / "command"
    if content is not None:
        path.write_text(content)
        path.chmod(mode)
    answer = run(loop, str(path))
    assert isinstance(answer, LookupFailed)
    assert str(answer) == f"{path} {sentence}"


def test_a_word_with_a_nul_is_no_argument(loop):
    assert "cannot be started: embedded null byte" in str(run(loop, "/bin/true", "a\0b"))


def test_a_commands_surroundings(loop, tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET", "x")
    told = tmp_path / "told"
    script = f"exec >{told}; env -0 | tr '\\0' '\\n'; pwd; readlink /proc/self/fd/0; ps -o pgid= $$"
    assert sh(loop, f"{script}; echo $$") is True
    *found, where, stdin, group, own = told.read_text().split("\n")[:-1]
    expected = {"JAILD_ADDRESS": "192.0.2.7", "JAILD_JAIL": "sshd", "LANG": "C.UTF-8"}
    seen = dict(line.split("=", 1) for line in found)
    assert seen["PATH"].split(":")[-1] == "/bin"
    assert len(seen.pop("JAILD_RUN")) == 16
    assert {k: v for k, v in seen.items() if k not in SHELLS} == expected
    assert (where, stdin, group.strip()) == ("/", "/dev/null", own)


def test_a_program_is_found_by_its_name(loop):
    assert run(loop, "true") is True


def test_nothing_is_printed_but_while_jaild_debugs(loop, capfd, caplog):
    script = "echo said; echo shouted >&2"
    assert sh(loop, script) is True
    assert capfd.readouterr() == ("", "")
    with caplog.at_level(logging.DEBUG):
        assert sh(loop, script) is True
    assert capfd.readouterr() == ("said\n", "shouted\n")


def test_a_command_that_hangs_is_killed_with_all_it_has_started(loop, tmp_path):
    pids = tmp_path / "pids"
    began = time.monotonic()
    answer = sh(
        loop, f"trap '' TERM; sleep 60 & echo $! $$ >{pids}; sleep 60; wait", timeout_ms=300
    )
    assert time.monotonic() - began < 3
    assert isinstance(answer, LookupFailed)
    assert str(answer) == "/bin/sh did not end within 0.3 s and was killed"
    loop.after(100, loop.quit)
    loop.run()
    until(lambda: not any(is_alive(int(pid)) for pid in pids.read_text().split()))


def test_what_a_command_leaves_behind_is_killed_too(loop, tmp_path):
    left = tmp_path / "left"
    assert sh(loop, f"sleep 60 & echo $! >{left}; exit 1") is False
    until(lambda: not is_alive(int(left.read_text())))


@pytest.mark.parametrize("end", ["sleep 60", "exit 1"])
def test_what_has_left_its_group_is_killed_too(loop, tmp_path, end):
    left = tmp_path / "left"
    start = f"setsid sh -c 'echo $$ >{left}; exec sleep 60' & while ! test -s {left}; do :; done"
    sh(loop, f"{start}; {end}", timeout_ms=700)
    until(lambda: not is_alive(int(left.read_text())))


def test_nobody_else_is_killed(loop, tmp_path):
    other = tmp_path / "other"
    answers = []
    script = f"echo $$ >{other}; sleep 1"
    argv = ("/bin/sh", "-c", script)
    Command(loop, argv, environment("sshd", V4), answers.append)
    sh(loop, f"while ! test -s {other}; do :; done")
    assert is_alive(int(other.read_text()))


def test_no_descriptor_is_left_open(loop):
    def count():
        return sum(1 for _ in Path("/proc/self/fd").iterdir())

    sh(loop, "exit 0")
    before = count()
    for _ in range(5):
        sh(loop, "exit 0")
        sh(loop, "sleep 5", timeout_ms=20)
        loop.after(50, loop.quit)
        loop.run()
    assert count() == before


# --- idle


def test_rest_comes_after_the_last_answer_only(loop):
    rested = []
    idle = Idle(loop, lambda: (rested.append(time.monotonic()), loop.quit()))
    idle.began()
    idle.arm(50)
    idle.began()
    idle.ended()
    loop.after(150, idle.ended)
    began = time.monotonic()
    loop.run()
    assert len(rested) == 1
    assert rested[0] - began >= 0.19


# --- the side of the bus


class Answer:
    """Takes the place of the bus's answer to a call."""

    def __init__(self, deferred, loop):
        self.sent = []
        self._loop = loop
        deferred.bind(self)

    def values(self, values):
        self.sent.append(values)
        self._loop.quit()

    def error(self, error):
        self.sent.append(error)
        self._loop.quit()


class Settings:
    def command(self, jail):
        if jail != "sshd":
            raise NoSuchJail(f"there is no jail '{jail}'")
        return ("/bin/sh", "-c", 'test "$1/$2" = 192.0.2.7/inet4', "-", "<ip>", "<family>")

    def name(self, text):
        if text == "bug":
            raise ZeroDivisionError
        return text


class Room:
    def __init__(self, loop):
        self.loop = loop
        self.idle = Idle(loop, lambda: None)
        self.looker = Looker(loop, Settings(), self.identify, {0, 110}, self.idle)

    def identify(self, sender, done):
        uids = {":1.1": 0, ":1.2": 110, ":1.3": 1000}
        done(uids.get(sender, NoSuchJail("gone")))

    def ask(self, method, *arguments, sender=":1.2"):
        deferred = getattr(self.looker, method)(*arguments, caller=Caller(sender))
        answer = Answer(deferred, self.loop)
        if not answer.sent:
            self.loop.run()
        (sent,) = answer.sent
        assert self.idle._open == 0
        return sent


@pytest.fixture
def room(loop):
    return Room(loop)


def test_a_question_about_an_address(room):
    assert room.ask("Spares", "sshd", "192.0.2.7") == (True,)
    assert room.ask("Spares", "sshd", "::ffff:192.0.2.7", sender=":1.1") == (True,)
    assert room.ask("Spares", "sshd", "192.0.2.0/24") == (False,)


@pytest.mark.parametrize("text", ["", "x", "192.0.2.7;id", "-x", "0.0.0.0/0", "<ip>", "fe80::1%e"])
def test_what_is_no_address_reaches_no_command(room, text, monkeypatch):
    monkeypatch.setattr(server, "Command", lambda *_: pytest.fail("it was run"))
    assert type(room.ask("Spares", "sshd", text)) is InvalidAddress


def test_an_unknown_jail(room):
    assert type(room.ask("Spares", "nobody", "192.0.2.7")) is NoSuchJail


@pytest.mark.parametrize("sender", [":1.3", ":1.9"])
def test_nobody_else_may_ask(room, sender):
    for question in (("Spares", "sshd", "192.0.2.7"), ("Resolve", "localhost")):
        assert type(room.ask(*question, sender=sender)) is NotAuthorized


def test_a_bug_is_an_answer_too(room):
    assert type(room.ask("Resolve", "bug")) is ZeroDivisionError


@pytest.fixture
def getent(tmp_path, monkeypatch):
    """A getent that a test writes."""
    path = tmp_path / "getent"
    monkeypatch.setattr(names, "_GETENT", str(path))

    def write(script):
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    return write


def test_a_question_about_a_name(room, getent):
    getent('test "$*" = "ahosts -- home.example" && echo "192.0.2.7 STREAM x"')
    assert room.ask("Resolve", "home.example") == (("192.0.2.7",),)


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("exit 2", "'h' cannot be resolved"),
        ("echo 127.0.0.1 STREAM", "'h' cannot be resolved"),
        ("exec sleep 20", "'h' was not resolved within"),
    ],
)
def test_a_name_without_an_address(room, getent, monkeypatch, script, sentence):
    monkeypatch.setattr(names, "TIMEOUT_MS", 300)
    getent(script)
    answer = room.ask("Resolve", "h")
    assert isinstance(answer, LookupFailed)
    assert sentence in str(answer)


def test_the_real_getent_takes_a_name_for_nothing_else(room):
    assert isinstance(room.ask("Resolve", "-h"), LookupFailed)


def test_no_more_than_some_at_once(room, monkeypatch):
    running = []
    monkeypatch.setattr(server, "Command", lambda *taken: running.append(taken[-1]))
    for _ in range(server.MOST_COMMANDS + 5):
        room.looker.Spares("sshd", "192.0.2.7", caller=Caller(":1.2"))
    assert len(running) == server.MOST_COMMANDS
    running[0](True)
    assert len(running) == server.MOST_COMMANDS + 1


def test_a_command_may_take_less_than_the_caller_waits():
    longest = max(command.TIMEOUT_MS, names.TIMEOUT_MS) / 1000
    assert longest + lane.PATIENCE_SECONDS < client.TIMEOUT_MS / 1000
