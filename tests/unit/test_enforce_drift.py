# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""When the drift watch looks, and what it makes of what it sees."""

import os
import socket
from dataclasses import replace

import pytest

from jaild.core.errors import FirewallFailed
from jaild.enforce import drift
from jaild.enforce.drift import DriftWatch, difference
from jaild.enforce.engine import Condition, Result
from jaild.enforce.lock import Busy
from jaild.enforce.port import Outcome

CALM = Condition("active", 1)
DONE = Result(Outcome("active"), (), CALM, 7)


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (CALM, ""),
        (Condition("active", 2), "somebody changed jaild's rules in ufw's files"),
        (Condition("inactive", 1), "ufw has become inactive"),
        (Condition("active", 2, problem="damaged"), "damaged"),
        (Condition("active", 1, 3), "the kernel has lost 3 of jaild's rules"),
    ],
)
def test_difference(now, reason):
    assert difference(CALM, now) == reason


def test_what_is_whole_again_is_told():
    damaged = Condition("active", 1, problem="damaged")
    assert difference(damaged, damaged) == ""
    assert difference(damaged, Condition("active", 2)) == "ufw's files are whole again"


class Handle:
    def __init__(self, end):
        self.cancel = end


class Loop:
    """Timers run when told; nothing else happens."""

    def __init__(self):
        self.timers = []
        self.files = {}
        self.fds = []
        self.slow = None

    def after(self, milliseconds, callback):
        self.timers.append((milliseconds, callback))
        return Handle(self.timers.clear)

    def every(self, _milliseconds, callback):
        self.slow = callback
        return Handle(lambda: None)

    def watch_file(self, path, callback):
        if "refuse" in path:
            raise OSError("no more watches")
        self.files[path] = callback
        return Handle(lambda: self.files.pop(path))

    def watch_fd(self, fd, callback):
        self.fds.append(callback)
        return Handle(self.fds.clear)

    def fire(self):
        (_, callback) = self.timers.pop()
        callback()


class Room:
    def __init__(self, tmp_path, monkeypatch):
        ours, self.kernel = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        ours.setblocking(False)
        monkeypatch.setattr(drift.netlink, "listen", lambda *_: ours)
        self.loop = Loop()
        self.path = tmp_path / "user.rules"
        self.path.write_text("a")
        self.condition = CALM
        self.generation = 7
        self.looks = 0
        self.reasons = []
        self.watch = DriftWatch(
            self.loop,
            self.look,
            self.reasons.append,
            [str(self.path), "/refuse"],
            lambda: self.generation,
        )
        self.watch.start()

    def look(self):
        self.looks += 1
        if isinstance(self.condition, Exception):
            raise self.condition
        return self.condition

    def announce(self, data=b"xx ufw-user-input xx"):
        self.kernel.send(data)
        for callback in list(self.loop.fds):
            callback()


@pytest.fixture
def room(tmp_path, monkeypatch):
    made = Room(tmp_path, monkeypatch)
    yield made
    made.watch.close()
    made.kernel.close()


def test_nothing_is_drift_before_the_first_transaction(room):
    room.announce()
    room.loop.fire()
    assert room.looks == 0
    assert room.loop.fds


def test_changed_chains_are_looked_at_once_however_many_they_are(room):
    room.watch.settled(DONE)
    for _ in range(100):
        room.announce()
    assert len(room.loop.timers) == 1
    assert not room.loop.fds
    room.condition = Condition("active", 1, 2)
    room.loop.fire()
    assert room.looks == 1
    assert room.reasons == ["the kernel has lost 2 of jaild's rules"]
    assert room.loop.fds
    room.announce()
    (wait, _) = room.loop.timers[0]
    assert 1500 < wait <= 2000


def test_others_chains_are_not_looked_at(room):
    room.watch.settled(DONE)
    room.announce(b"DOCKER")
    assert not room.loop.timers


def test_echoes_of_our_own_transaction_are_dropped(room):
    room.kernel.send(b"ufw")
    room.path.write_text("changed by us")
    room.watch.settled(DONE)
    room.loop.files[str(room.path)]()
    for callback in room.loop.fds:
        callback()
    assert not room.loop.timers


@pytest.mark.parametrize("left", [None, 6])
def test_what_others_did_meanwhile_may_be_among_the_echoes(room, left):
    room.kernel.send(b"ufw")
    room.watch.settled(replace(DONE, generation=left))
    room.loop.fire()
    assert room.looks == 1
    assert room.reasons == []
    assert not room.loop.timers


@pytest.fixture
def groups(monkeypatch):
    """Which groups are left and joined, in order."""
    seen = []
    for name in ("leave", "join"):
        monkeypatch.setattr(drift.netlink, name, lambda _socket, _group, n=name: seen.append(n))
    return seen


def test_our_own_change_is_not_heard(room, groups):
    with room.watch.deaf():
        assert groups == ["leave"]
    assert groups == ["leave", "join"]
    assert not room.loop.timers


def test_after_a_change_that_failed_there_is_a_look(room, groups):
    with pytest.raises(FirewallFailed), room.watch.deaf():
        raise FirewallFailed("no")
    assert groups == ["leave", "join"]
    assert room.loop.timers


def test_who_cannot_be_deaf_hears_and_who_cannot_hear_says_so(room, monkeypatch, caplog):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(drift.netlink, "leave", refuse)
    monkeypatch.setattr(drift.netlink, "join", refuse)
    with room.watch.deaf():
        pass
    assert "cannot be heard" in caplog.text


def test_a_file_changed_by_somebody_else_is_looked_at(room):
    room.watch.settled(DONE)
    os.utime(room.path, (1, 1))
    room.loop.files[str(room.path)]()
    room.loop.fire()
    assert room.looks == 1
    assert room.reasons == []
    room.path.unlink()
    room.loop.files[str(room.path)]()
    assert room.loop.timers


def test_while_ufw_is_at_work_it_is_tried_again(room):
    room.watch.settled(DONE)
    room.announce()
    room.condition = Busy("at work")
    room.loop.fire()
    room.condition = Condition("inactive", 1)
    room.loop.fire()
    assert room.reasons == ["ufw has become inactive"]


def test_damage_is_told_once(room):
    room.watch.settled(DONE)
    room.condition = FirewallFailed("damaged")
    for _ in range(3):
        room.loop.slow()
        room.loop.fire()
    assert room.reasons == ["damaged"]
    room.condition = CALM
    room.loop.slow()
    room.loop.fire()
    assert room.looks == 4


def test_without_the_kernels_announcements_files_are_still_watched(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(drift.netlink, "listen", refuse)
    loop = Loop()
    watch = DriftWatch(loop, lambda: CALM, list, [str(tmp_path / "user.rules")])
    watch.start()
    watch.settled(DONE)
    assert loop.files
    with watch.deaf():
        pass
    watch.close()
