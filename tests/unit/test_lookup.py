# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What jaild-lookup decides by itself: whose turn it is, what is a name, what the files say."""

import pytest

pytest.importorskip("gi")

from jaild.config.load import Tree
from jaild.config.model import BrokenJail, Config, DaemonConfig, FilterConfig, JailConfig
from jaild.core.address import Address
from jaild.core.errors import (
    InvalidAddress,
    InvalidConfig,
    JaildError,
    NoSuchJail,
    NotAuthorized,
)
from jaild.core.match import Match
from jaild.dbus.errors import NoReply, ServiceUnavailable
from jaild.lookup import lane, settings
from jaild.lookup.client import Client
from jaild.lookup.lane import Lane
from jaild.lookup.memory import Memory
from jaild.lookup.names import is_name, read
from jaild.lookup.port import LookupFailed
from jaild.lookup.settings import Settings

V4, V6 = Address("192.0.2.7"), Address("2001:db8::7")


def texts(answers):
    return [str(answer) if isinstance(answer, Exception) else answer for answer in answers]


class Turns:
    """A lane of two, a clock, and who was started."""

    def __init__(self):
        self.time = 0.0
        self.lane = Lane(2, lambda: self.time)
        self.started = {}
        self.answers = []

    def add(self, name):
        def start(ended):
            self.started[name] = ended

        self.lane.add(start, lambda answer: self.answers.append((name, answer)))


def test_two_at_once_the_rest_in_order():
    turns = Turns()
    for name in "abcd":
        turns.add(name)
    assert list(turns.started) == ["a", "b"]
    turns.started["b"](True)
    assert list(turns.started) == ["a", "b", "c"]
    turns.started["a"](LookupFailed("broken"))
    turns.started["d"](False)
    assert texts(answer for _, answer in turns.answers) == [True, "broken", False]
    assert [name for name, _ in turns.answers] == ["b", "a", "d"]


def test_nobody_is_served_who_has_gone_and_the_queue_ends(monkeypatch):
    monkeypatch.setattr(lane, "MOST_WAITING", 3)
    turns = Turns()
    for name in "abcdef":
        turns.add(name)
    ((name, full),) = turns.answers
    assert name == "f"
    assert isinstance(full, LookupFailed)
    assert "too many" in str(full)
    turns.time = lane.PATIENCE_SECONDS
    turns.answers.clear()
    turns.started["a"](True)
    assert [name for name, _ in turns.answers] == ["a", "c", "d", "e"]
    assert all("waited too long" in str(answer) for _, answer in turns.answers[1:])
    turns.add("g")
    assert list(turns.started) == ["a", "b", "g"]


@pytest.mark.parametrize("name", ["example.org", "localhost", "a-b.c_d.example", "xn--p1ai", "a."])
def test_host_names(name):
    assert is_name(name)


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "-x", "x-", "a..b", "a b", "a\nb", "a.\n", "a;b", "$(x)", "a/b", "é.org"),
        *("::1", "fe80::1%eth0", "a" * 64, "a." * 127 + "aa"),
    ],
)
def test_what_no_host_is_called(name):
    assert not is_name(name)


def test_addresses_of_a_name_each_once_and_none_that_no_host_comes_from():
    output = """\
192.0.2.7       STREAM host.example
192.0.2.7       DGRAM
::ffff:192.0.2.8 STREAM
2001:db8::7     STREAM

127.0.0.1       STREAM
::1             STREAM
0.0.0.0         STREAM
::              STREAM
169.254.1.1     STREAM
fe80::1         STREAM
fe80::1%eth0    STREAM
224.0.0.1       STREAM
ff02::1         STREAM
nonsense
"""
    assert read(output) == ("192.0.2.7", "192.0.2.8", "2001:db8::7")


def test_a_name_with_very_many_addresses():
    assert len(read("".join(f"198.51.{n >> 8}.{n & 255} STREAM\n" for n in range(1000)))) == 64


# --- the configuration


def jail(name, command=(), names=()):
    filter_ = FilterConfig("sshd", "sshd.conf", ("^<HOST>$",))
    return JailConfig(
        name, filter_, Match(()), 5, 1, 1, (), True, "", "any", "reject", 20, (),
        ignorecommand=command, ignorenames=names,
    )  # fmt: skip


class Files:
    """A configuration in files that are only counted, and what they are said to say."""

    def __init__(self, root, monkeypatch):
        self.tree = Tree(etc=root / "etc")
        (self.tree.etc / "jail.d").mkdir(parents=True)
        self.listed = root / "list"
        self.loads = 0
        self.loaded = []
        self.answer = self.config(jail("sshd", ("/x", "<ip>"), ("home.example",)), jail("web"))
        monkeypatch.setattr(settings, "load", self.load)
        self.settings = Settings(self.tree, self.loaded.append)

    def config(self, *jails):
        broken = (BrokenJail("mta", InvalidConfig("a mistake", "/etc/jaild/jail.local", 7)),)
        return Config(DaemonConfig(), jails, broken, (), (), files=(self.listed,))

    def load(self, _tree):
        self.loads += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def files(tmp_path, monkeypatch):
    return Files(tmp_path, monkeypatch)


def test_what_the_configuration_lets_be_asked(files):
    assert files.settings.command("sshd") == ("/x", "<ip>")
    assert files.settings.name("Home.EXAMPLE") == "home.example"
    with pytest.raises(NoSuchJail, match="there is no jail 'ssh'"):
        files.settings.command("ssh")
    with pytest.raises(InvalidConfig, match=r"jail\.local:7: a mistake"):
        files.settings.command("mta")
    with pytest.raises(LookupFailed, match="has no ignorecommand"):
        files.settings.command("web")
    with pytest.raises(LookupFailed, match="no jail lists"):
        files.settings.name("other.example")
    with pytest.raises(LookupFailed, match="no host name"):
        files.settings.name("x;y\n")
    assert files.loads == 1
    assert files.loaded == [files.answer]


@pytest.mark.parametrize("change", ["new", "drop-in", "list", "gone"])
def test_a_changed_file_is_read_before_the_answer(files, change):
    old = files.tree.etc / "jail.local"
    old.write_text("old")
    files.settings.command("sshd")
    before = files.loads
    files.answer = files.config(jail("mail", ("/y",)))
    if change == "new":
        (files.tree.etc / "jail.conf").write_text("")
    elif change == "drop-in":
        (files.tree.etc / "jail.d/x.local").write_text("")
    elif change == "list":
        files.listed.write_text("192.0.2.1\n")
    else:
        old.unlink()
    assert files.settings.command("mail") == ("/y",)
    with pytest.raises(NoSuchJail):
        files.settings.command("sshd")
    assert files.loads == before + 1


def test_a_broken_configuration_keeps_what_was_known(files, caplog):
    files.answer = InvalidConfig("oh", "/etc/jaild/jail.local", 3)
    files.settings.reload()
    assert files.settings.command("sshd") == ("/x", "<ip>")
    assert "jail.local:3: oh" in caplog.text


def test_from_the_start_it_is_the_answer(files):
    files.answer = InvalidConfig("oh", "/etc/jaild/jail.local", 3)
    broken = Settings(files.tree, files.loaded.append)
    with pytest.raises(InvalidConfig, match="oh"):
        broken.command("sshd")
    files.answer = files.config(jail("sshd", ("/x",)))
    (files.tree.etc / "jail.local").write_text("mended")
    assert broken.command("sshd") == ("/x",)


# --- the asking side


class Bus:
    def __init__(self):
        self.calls = []
        self.answer = None

    def call(self, call, done, *, timeout_ms):
        assert timeout_ms == 20_000
        assert call.body() is not None
        self.calls.append(call)
        done(self.answer)


@pytest.mark.parametrize("spared", [True, False])
def test_the_client_asks_about_an_address(spared):
    bus, heard = Bus(), []
    bus.answer = (spared,)
    Client(bus).spares("sshd", V6, heard.append)
    assert heard == [spared]
    assert (bus.calls[0].method, bus.calls[0].args) == ("Spares", ("sshd", V6))


@pytest.mark.parametrize(
    ("texts_", "expected"),
    [
        (["192.0.2.7", "2001:DB8::7"], (V4, V6)),
        (["192.0.2.7", "nonsense"], "jaild-lookup.service answers with a bad address"),
        ([], "'h' has no address"),
        ([f"192.0.2.{n}" for n in range(100)], tuple(f"192.0.2.{n}" for n in range(64))),
    ],
)
def test_the_client_asks_about_a_name(texts_, expected):
    bus, heard = Bus(), []
    bus.answer = (texts_,)
    Client(bus).resolve("h", heard.append)
    assert (bus.calls[0].method, bus.calls[0].args) == ("Resolve", ("h",))
    if isinstance(expected, str):
        assert isinstance(heard[0], LookupFailed)
        assert expected in str(heard[0])
    else:
        assert heard == [expected]


@pytest.mark.parametrize(
    ("error", "kind", "sentence"),
    [
        (LookupFailed("/x was killed"), LookupFailed, "/x was killed"),
        (NoSuchJail("no jail"), NoSuchJail, "no jail"),
        (InvalidAddress("no address"), InvalidAddress, "no address"),
        (InvalidConfig("a mistake"), InvalidConfig, "a mistake"),
        (NotAuthorized("no"), NotAuthorized, "no"),
        (NoReply("too late"), LookupFailed, "jaild-lookup.service does not answer: too late"),
        (ServiceUnavailable("gone"), LookupFailed, "does not answer: gone"),
    ],
)
def test_failure_is_a_sentence(error, kind, sentence):
    bus, heard = Bus(), []
    bus.answer = error
    Client(bus).spares("sshd", V4, heard.append)
    Client(bus).resolve("h", heard.append)
    for answer in heard:
        assert type(answer) is kind
        assert sentence in str(answer)


def test_memory_answers_at_once_or_when_it_is_told():
    memory, heard = Memory(), []
    memory.spared["sshd", V4] = True
    memory.spared["web", V4] = LookupFailed("broken")
    memory.names["h"] = (V4, V6)
    memory.spares("sshd", V4, heard.append)
    memory.spares("sshd", V6, heard.append)
    memory.holds = True
    memory.spares("web", V4, heard.append)
    memory.resolve("h", heard.append)
    memory.resolve("i", heard.append)
    assert heard == [True, False]
    memory.release()
    assert texts(heard[2:]) == ["broken", (V4, V6), "the host name 'i' cannot be resolved"]
    assert isinstance(heard[-1], JaildError)
    assert memory.asked == [("sshd", V4), ("sshd", V6), ("web", V4), ("h",), ("i",)]
