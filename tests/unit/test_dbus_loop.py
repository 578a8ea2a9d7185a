# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os
import signal
import subprocess
import sys
import time

import pytest

pytest.importorskip("gi")

from jaild.dbus.loop import Loop
from tests.verbs import HERE


@pytest.fixture
def loop():
    made = Loop()
    limit = made.after(5000, lambda: pytest.fail("nothing ended the loop"))
    yield made
    limit.cancel()


def run_child(loop, argv, **options):
    results = []

    def done(status, output):
        results.append((status, output))
        loop.quit()

    loop.spawn(argv, done, **{"timeout_ms": 3000, **options})
    loop.run()
    return results[0]


def test_soon_and_after_come_once_in_order(loop):
    seen = []
    loop.after(20, lambda: (seen.append("after"), loop.quit()))
    loop.soon(lambda: seen.append("soon"))
    loop.run()
    assert seen == ["soon", "after"]


def test_every_goes_on_until_cancelled(loop):
    seen = []

    def tick():
        seen.append(1)
        if len(seen) == 3:
            handle.cancel()
            loop.after(30, loop.quit)

    handle = loop.every(2, tick)
    loop.run()
    assert len(seen) == 3


def test_cancel_is_harmless_when_repeated_or_late(loop):
    cancelled = loop.soon(lambda: pytest.fail("was cancelled"))
    cancelled.cancel()
    cancelled.cancel()
    ran = loop.soon(lambda: None)
    loop.after(10, loop.quit)
    loop.run()
    ran.cancel()


def test_watch_fd_calls_while_there_is_something_to_read(loop):
    readable, writable = os.pipe()
    seen = []

    def ready():
        seen.append(os.read(readable, 1))
        if len(seen) == 2:
            handle.cancel()
            loop.quit()

    handle = loop.watch_fd(readable, ready)
    os.write(writable, b"ab")
    loop.run()
    os.close(readable)
    os.close(writable)
    assert seen == [b"a", b"b"]


def test_on_signal_comes_in_the_loop(loop):
    handle = loop.on_signal(signal.SIGUSR1, loop.quit)
    loop.soon(lambda: os.kill(os.getpid(), signal.SIGUSR1))
    loop.run()
    handle.cancel()


@pytest.mark.parametrize("kind", ["soon", "every", "signal"])
def test_what_a_callback_lets_through_is_raised_by_run(loop, kind):
    def fail():
        raise ZeroDivisionError

    if kind == "soon":
        loop.soon(fail)
    elif kind == "every":
        loop.every(1, fail)
    else:
        loop.on_signal(signal.SIGUSR1, fail)
        loop.soon(lambda: os.kill(os.getpid(), signal.SIGUSR1))
    with pytest.raises(ZeroDivisionError):
        loop.run()


def test_watch_file_joins_a_burst_into_one_call(loop, tmp_path):
    path = tmp_path / "user.rules"
    path.write_text("one")
    seen = []
    handle = loop.watch_file(str(path), lambda: seen.append(1), settle_ms=40)
    for text in ("two", "three", "four"):
        path.write_text(text)
    loop.after(200, loop.quit)
    loop.run()
    assert len(seen) == 1
    handle.cancel()


@pytest.mark.parametrize("change", ["replace", "delete", "create"])
def test_watch_file_sees_replacement_deletion_and_creation(loop, tmp_path, change):
    path = tmp_path / "user.rules"
    if change != "create":
        path.write_text("one")
    handle = loop.watch_file(str(path), loop.quit, settle_ms=10)

    def act():
        if change == "delete":
            path.unlink()
        elif change == "create":
            path.write_text("new")
        else:
            (tmp_path / "new").write_text("two")
            (tmp_path / "new").replace(path)

    loop.soon(act)
    loop.run()
    handle.cancel()


def test_watch_file_of_a_directory_sees_its_entries(loop, tmp_path):
    handle = loop.watch_file(str(tmp_path), loop.quit, settle_ms=10)
    loop.soon(lambda: (tmp_path / "jail.local").write_text(""))
    loop.run()
    handle.cancel()


def test_spawn_tells_status_and_both_outputs(loop):
    status, output = run_child(loop, ["/bin/sh", "-c", "echo out; echo err >&2; exit 3"])
    assert status == 3
    assert sorted(output.split()) == ["err", "out"]


def test_spawn_kills_what_takes_too_long_with_its_pipe_held_open(loop):
    started = time.monotonic()
    status, _ = run_child(loop, ["/bin/sh", "-c", "sleep 3 & exec sleep 3"], timeout_ms=100)
    assert status == -signal.SIGKILL
    assert time.monotonic() - started < 1


def test_spawn_cuts_the_output_without_stopping_the_child(loop):
    status, output = run_child(
        loop, ["/bin/sh", "-c", "head -c 300000 /dev/zero | tr '\\0' x"], limit=1000
    )
    assert status == 0
    assert output == "x" * 1000


def test_spawn_of_a_missing_program_is_127(loop):
    status, output = run_child(loop, ["/nonexistent/ufw"])
    assert status == 127
    assert "/nonexistent/ufw" in output


def test_a_cancelled_child_does_not_answer(loop):
    handle = loop.spawn(
        ["/bin/sleep", "3"], lambda *_: pytest.fail("was cancelled"), timeout_ms=3000
    )
    loop.soon(handle.cancel)
    loop.after(60, loop.quit)
    loop.run()


def test_a_process_is_left_with_its_status_and_its_last_words():
    program = (
        "import atexit, sys; from jaild.dbus.loop import leave; "
        "atexit.register(print, 'taken apart'); sys.stdout.write('last words'); leave(78)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(HERE.parent / "src")},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout) == (78, "last words")
