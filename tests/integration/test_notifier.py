# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""jaild-notify as a process: a journal in files, a mail server of this host, a private bus."""

import random
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

pytest.importorskip("gi")

from jaild.core.position import Position
from jaild.notify.queue import Queue
from tests.integration.bus_private import NEEDS_BUS, NOBODY, PYTHON, PrivateBus, private_bus
from tests.notices import START, MailServer, change, notice, record
from tests.verbs import write_journal

pytestmark = NEEDS_BUS

NAME = "org.jaild1.Notify"
DOOR = (NAME, "/org/jaild1/Notify", NAME)
FILTER = "[Definition]\nfailregex = ^bad <HOST>$\njournalmatch = _SYSTEMD_UNIT=x.service\n"


@pytest.fixture(scope="module")
def private() -> Iterator[PrivateBus]:
    with private_bus() as bus:
        yield bus


class House:
    """A configuration, a journal, a mail server, and the process that ties them together."""

    def __init__(self, root: Path, bus: PrivateBus) -> None:
        self.root, self.bus = root, bus
        self.etc, self.shipped, self.journal = root / "etc", root / "shipped", root / "journal"
        self.server = MailServer()
        shutil.copytree(Path(__file__).parents[2] / "src/jaild/data", self.shipped)
        (self.shipped / "filter.d/sshd.conf").write_text(FILTER)
        self.etc.mkdir()
        self.configure()
        self.written = 0
        # As if it had run before: what comes at START or later is told.
        queue = Queue(self.state)
        queue.take([], Position("", START - 1, START), START)
        queue.close()
        self.write([])

    @property
    def state(self) -> Path:
        return self.root / "queue.sqlite3"

    def configure(self, *jail: str, limit: int = 500) -> None:
        (self.etc / "jaild.local").write_text(
            f"[Definition]\nmail.limit = {limit}\nsmtp.server = 127.0.0.1\n"
            f"smtp.port = {self.server.port}\nsmtp.security = none\n"
        )
        lines = jail or ("action = %(action_mw)s", f"mail.limit = {limit}")
        (self.etc / "jail.local").write_text(
            "[DEFAULT]\nmta = smtp\ndestemail = admin@example.org\nsender = jaild@example.org\n"
            "[sshd]\nenabled = true\nfilter = sshd\n" + "\n".join(lines) + "\n"
        )

    def write(self, numbers) -> None:
        entries = [record(number, at=number) for number in numbers]
        # A journal needs an entry to be one.
        other = record(0, unit="other.service", at=0)
        self.put(entries or [other])

    def put(self, entries) -> None:
        write_journal(self.journal, entries, f"part{self.written}")
        self.written += 1

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[str]]:
        places = ("--config", self.etc, "--shipped", self.shipped, "--journal", self.journal)
        command = (PYTHON, "-m", "jaild.notifier", *places, "--state", self.state)
        with subprocess.Popen(
            [str(word) for word in command], env=self.bus.environment,
            stderr=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            try:
                yield process
            finally:
                process.kill()

    def told(self) -> list[set[int]]:
        """The numbers of the bans that each mail tells."""
        wanted = {notice(number).address: number for number in range(6000)}
        pattern = re.compile(r"198\.51\.\d+\.\d+")
        return [
            {wanted[text] for text in pattern.findall(mail.get_content() + mail["Subject"])}
            for mail in self.server.mails
        ]

    def call(self, *question: str, uid: int = 0) -> subprocess.CompletedProcess[str]:
        return self.bus.busctl("call", *DOOR, *question, uid=uid)


@pytest.fixture
def house(tmp_path: Path, private: PrivateBus) -> Iterator[House]:
    made = House(tmp_path, private)
    yield made
    made.server.close()


def until(condition, seconds=20) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "it did not come about"
        time.sleep(0.05)


def test_bans_are_told_as_they_come(house):
    house.write([1, 2])
    with house.running() as process:
        until(lambda: len(house.server.mails) == 2)
        house.write([3])
        until(lambda: len(house.server.mails) == 3)
        # Another configuration is seen by itself.
        house.configure("action = %(action_)s")
        time.sleep(1)
        house.write([4])
        time.sleep(1)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=10)
    assert process.returncode == 0
    assert said == ""
    assert house.told() == [{1}, {2}, {3}]
    assert len(set(house.server.ids())) == 3
    assert {mail["To"] for mail in house.server.mails} == {"admin@example.org"}


def test_killed_again_and_again_every_ban_is_told(house):
    chance = random.Random(5)
    everything = {*range(1, 61)}
    house.write(everything)
    running: list[subprocess.Popen[str]] = []

    def taken(mail):
        # Between the mail and the server's word that it has it.
        if len(running) < 10 and chance.random() < 0.2:
            running[-1].kill()

    house.server.taken = taken
    while set().union(*house.told()) != everything or len(running) < 12:
        assert len(running) < 40
        with house.running() as process:
            running.append(process)
            # And at any other moment.
            with suppress(subprocess.TimeoutExpired):
                process.wait(chance.uniform(0.3, 1.5))
    told: dict[str, set[int]] = {}
    for name, numbers in zip(house.server.ids(), house.told(), strict=True):
        assert told.setdefault(name, numbers) == numbers
    assert Counter(number for numbers in told.values() for number in numbers) == Counter(everything)
    # At most one was under way at each kill.
    again = len(house.server.mails) - len(told)
    assert 0 < again <= len(running)


def test_five_thousand_bans(house):
    house.configure("action = %(action_mw)s", "mail.limit = 20", limit=500)
    house.write(range(1, 5001))
    with house.running():
        until(lambda: sum(map(len, house.told())) >= 5000, 60)
    assert len(house.server.mails) <= 20
    assert sorted(number for numbers in house.told() for number in numbers) == [*range(1, 5001)]


def test_a_server_that_is_away(house):
    house.server.close()
    house.write([1, 2])
    with house.running() as process:
        until(lambda: "connect" in (process.stderr.readline()).lower())
    house.server = MailServer(house.server.port)
    house.write([3])
    with house.running():
        until(lambda: len(house.server.mails) == 3)
    assert sorted(map(min, house.told())) == [1, 2, 3]


def test_a_jail_that_begins_and_one_that_is_gone(house):
    house.configure("action = %(action_mw)s", "mail.startstop = yes")
    house.put([change(lambda to: to.started(["sshd", "web"]), at=1)])
    with house.running():
        until(lambda: len(house.server.mails) == 1)
        jail = house.etc / "jail.local"
        jail.write_text(jail.read_text().replace("enabled = true", "enabled = false"))
        # It sees that by itself, before jaild is told.
        time.sleep(1)
        house.put([change(lambda to: to.reloaded(0, [], ["sshd"]), at=2)])
        until(lambda: len(house.server.mails) == 2)
    subjects = [mail["Subject"] for mail in house.server.mails]
    assert subjects == ["[jaild] sshd: watches on host", "[jaild] sshd: watches no more on host"]


def test_a_stop_does_not_wait_for_all_that_is_looked_up(house):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        house.configure("action = %(action_mw)s", "mail.digest = 1s")
        with (house.etc / "jaild.local").open("a") as file:
            file.write(f"whois.server = 127.0.0.1:{silent.getsockname()[1]}\n")
        house.write([1, 2, 3])
        with house.running() as process:
            silent.accept()
            begun = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=30) == 0
    assert time.monotonic() - begun < 8
    assert house.server.mails == []
    with house.running():
        until(lambda: house.told() == [{1, 2, 3}])


def test_a_stop_brings_a_mail_to_its_end(house):
    house.write([1])
    asked = threading.Event()

    def slow(_mail):
        asked.set()
        time.sleep(2)

    house.server.taken = slow
    with house.running() as process:
        assert asked.wait(10)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    with house.running() as process:
        until(lambda: house.bus.busctl("status", NAME).returncode == 0)
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    assert house.told() == [{1}]


def test_a_test_on_demand(house):
    with house.running() as process:
        until(lambda: house.bus.busctl("status", NAME).returncode == 0)
        said = house.call("Test", "s", "sshd")
        assert "handed over\\ndelivered" in said.stdout, said
        (mail,) = house.server.mails
        assert "192.0.2.1" in mail.get_content()
        assert "test" in mail["Subject"]
        assert "only root" in house.call("Test", "s", "sshd", uid=NOBODY).stderr
        assert "there is no jail 'web'" in house.call("Test", "s", "web").stderr
        house.server.refuse = "550 no such user"
        assert "failed: 1 of the above" in house.call("Test", "s", "").stdout
        (house.etc / "jail.local").write_text("[sshd")
        process.send_signal(signal.SIGHUP)
        until(lambda: "last good one" in process.stderr.readline())
        house.server.refuse = ""
        assert "delivered" in house.call("Test", "s", "").stdout
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0


def test_nobody_to_tell(house):
    house.configure("action = %(action_)s")
    with house.running():
        until(lambda: house.bus.busctl("status", NAME).returncode == 0)
        assert "no enabled jail mails anybody" in house.call("Test", "s", "").stderr
        second = house.bus.run(
            PYTHON, "-m", "jaild.notifier", "--config", str(house.etc),
            "--state", str(house.root / "other"),
        )  # fmt: skip
        assert second.returncode == 69
        assert "is already on the bus" in second.stderr
