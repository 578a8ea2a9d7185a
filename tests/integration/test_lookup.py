# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The process jaild-lookup on a private bus, with real commands, and jaild's side of it."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("gi")

from jaild.core.address import Address
from jaild.core.errors import InvalidAddress, NoSuchJail
from jaild.dbus.bus import Bus
from jaild.dbus.loop import Loop
from jaild.lookup.client import Client
from jaild.lookup.port import LookupFailed
from tests.integration.bus_private import NEEDS_BUS, NOBODY, PYTHON, PrivateBus, private_bus

pytestmark = NEEDS_BUS

NAME = "org.jaild1.Lookup"
DOOR = (NAME, "/org/jaild1/Lookup", NAME)
FILTER = "[Definition]\nfailregex = ^bad <HOST>$\njournalmatch = _SYSTEMD_UNIT=x.service\n"
SCRIPT = """\
#!/bin/sh
case $1 in
    192.0.2.1) exit 0;;
    192.0.2.2) exec sleep 30;;
    192.0.2.3) kill $$;;
    192.0.2.4) sleep 0.4;;
    192.0.2.5) test "$*" = "192.0.2.5 inet4 sshd";;
    *) exit 1;;
esac
"""
# Collected connections and GLib's thread can stop each other for ever: see test_bus.py.
KEPT = []


@pytest.fixture(scope="module")
def private() -> Iterator[PrivateBus]:
    with private_bus() as bus:
        yield bus


class House:
    """A configuration, and the process that answers from it."""

    def __init__(self, root: Path, bus: PrivateBus) -> None:
        self.etc, self.shipped, self.bus = root / "etc", root / "shipped", bus
        self.script = root / "spare"
        self.script.write_text(SCRIPT)
        self.script.chmod(0o755)
        (self.shipped / "filter.d").mkdir(parents=True)
        (self.shipped / "jaild.conf").write_text("[Definition]\nloglevel = INFO\n")
        (self.shipped / "jail.conf").write_text("[DEFAULT]\nbanaction = ufw\n")
        (self.shipped / "filter.d/sshd.conf").write_text(FILTER)
        self.configure(f"ignorecommand = {self.script} <ip> <family> <jail>")

    def configure(self, *lines: str, jail: str = "sshd") -> None:
        self.etc.mkdir(exist_ok=True)
        body = "\n".join(("enabled = true", "filter = sshd", "port = 22", *lines))
        (self.etc / "jail.local").write_text(f"[{jail}]\n{body}\n")

    @contextmanager
    def running(self, *options: str) -> Iterator[subprocess.Popen[str]]:
        places = ("--config", str(self.etc), "--shipped", str(self.shipped))
        command = (PYTHON, "-m", "jaild.looker", *places, *options)
        with subprocess.Popen(
            command, env=self.bus.environment, stderr=subprocess.PIPE, text=True
        ) as process:
            try:
                until(lambda: self.bus.busctl("status", NAME).returncode == 0)
                yield process
            finally:
                process.kill()

    def ask(self, *question: str, uid: int = 0) -> subprocess.CompletedProcess[str]:
        return self.bus.busctl("call", *DOOR, *question, uid=uid)

    def spares(self, address: str, jail: str = "sshd") -> str:
        done = self.ask("Spares", "ss", jail, address)
        return done.stdout.strip() or done.stderr.strip()


def until(condition) -> None:
    limit = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < limit, "it did not come about"
        time.sleep(0.05)


@pytest.fixture
def house(tmp_path: Path, private: PrivateBus) -> House:
    return House(tmp_path, private)


def test_questions_from_a_command_line(house):
    with house.running() as process:
        assert house.spares("192.0.2.1") == "b true"
        assert house.spares("192.0.2.5") == "b true"
        assert house.spares("198.51.100.7") == "b false"
        assert house.spares("198.51.100.0/24") == "b false"
        assert "is not an IP address" in house.spares("; id")
        assert "there is no jail 'web'" in house.spares("192.0.2.1", "web")
        assert "was ended by signal 15" in house.spares("192.0.2.3")
        refused = house.ask("Spares", "ss", "sshd", "192.0.2.1", uid=NOBODY)
        assert "only jaild itself and root" in refused.stderr
        house.configure("ignorecommand = /bin/true")
        assert house.spares("198.51.100.7") == "b true"
        house.configure("maxretry = many")
        assert "jail.local:5:" in house.spares("198.51.100.7")
        house.configure("ignorecommand = /bin/true")
        assert house.spares("198.51.100.7") == "b true"
        (house.etc / "jail.local").write_text("[sshd")
        assert house.spares("198.51.100.7") == "b true"
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=10)
        assert process.returncode == 0
        assert "last good one" in said
        assert "Traceback" not in said


def test_the_names_in_ignoreip(house):
    house.configure("ignoreip = 192.0.2.0/24 LocalHost no-such-host.invalid")
    with house.running():
        for name, sentence in (
            ("localhost", "'localhost' cannot be resolved"),  # loopback alone is no answer
            ("no-such-host.invalid", "cannot be resolved"),
            ("example.org", "ignoreip of no jail lists"),
            ("-h", "no host name"),
        ):
            assert sentence in house.ask("Resolve", "s", "--", name).stderr


def test_it_ends_when_nobody_asks(house):
    with house.running("--idle", "0.5") as process:
        for _ in range(4):
            assert house.spares("192.0.2.4") == "b true"
        assert process.wait(timeout=5) == 0
        assert house.bus.busctl("status", NAME).returncode


def test_a_second_one_ends_at_once(house):
    with house.running():
        second = house.bus.run(PYTHON, "-m", "jaild.looker", "--config", str(house.etc))
        assert second.returncode == 69
        assert "is already on the bus" in second.stderr


def test_jaild_asks_without_waiting(house):
    loop, answers = Loop(), {}
    bus = Bus.at(house.bus.address)
    KEPT.append(bus)
    client = Client(bus)
    questions = [
        *(("sshd", f"192.0.2.{number}") for number in (2, 1)),
        *(("sshd", "2001:db8::1"), ("web", "192.0.2.1"), ("sshd", "x"), ("h",)),
    ]

    def ask(question):
        def done(answer):
            answers[question] = answer
            if len(answers) == len(questions):
                loop.quit()

        getattr(client, "spares" if question[1:] else "resolve")(*question, done)

    with house.running():
        limit = loop.after(15_000, loop.quit)
        began = time.monotonic()
        for question in questions:
            ask(question)
        loop.run()
        limit.cancel()
    assert 4 < time.monotonic() - began < 9
    assert "did not end within 5 s and was killed" in str(answers["sshd", "192.0.2.2"])
    kinds = [bool, bool, NoSuchJail, InvalidAddress, LookupFailed]
    assert [type(answers[question]) for question in questions[1:]] == kinds
    assert answers["sshd", "192.0.2.1"]
    assert not answers["sshd", "2001:db8::1"]


def test_a_process_that_dies_answers_all_that_was_asked(house):
    loop, answers = Loop(), []
    bus = Bus.at(house.bus.address)
    KEPT.append(bus)

    def done(answer):
        answers.append(answer)
        if len(answers) == 20:
            loop.quit()

    with house.running() as process:
        limit = loop.after(15_000, loop.quit)
        for _ in range(20):
            # More than are worked on at once.
            Client(bus).spares("sshd", Address("192.0.2.2"), done)
        loop.after(500, process.kill)
        began = time.monotonic()
        loop.run()
        limit.cancel()
    assert time.monotonic() - began < 3
    assert {type(answer) for answer in answers} == {LookupFailed}
    assert all("does not answer" in str(answer) for answer in answers)


def test_nobody_there_is_an_answer(private):
    loop, answers = Loop(), []
    bus = Bus.at(private.address)
    KEPT.append(bus)
    Client(bus).spares(
        "sshd", Address("192.0.2.1"), lambda said: (answers.append(said), loop.quit())
    )
    assert answers == []
    loop.run()
    assert isinstance(answers[0], LookupFailed)
    assert "jaild-lookup.service does not answer" in str(answers[0])
