# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""jailctl check --reach: the ways of mail are tried, and nothing is sent."""

import json
import socket
import threading
import time
from contextlib import contextmanager, suppress

import pytest

from jaild.cli import configuration_reach as reach
from jaild.cli.main import run
from jaild.config.model import SmtpConfig
from jaild.config.tree import IN_SOURCE


class Server:
    """Says what it is told to on one connection, and keeps what it hears."""

    def __init__(self, answers):
        self.heard = []
        self._answers = answers
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        # The other side may go at any time.
        with suppress(OSError):
            self._talk()

    def _talk(self):
        connection, _ = self._socket.accept()
        with connection, connection.makefile("rb") as lines:
            connection.sendall(self._answers.get("", b"220 mx ESMTP\r\n"))
            for line in lines:
                word = line.split()[0].decode(errors="replace") if line.split() else ""
                self.heard.append(word)
                connection.sendall(self._answers.get(word, b"250 mx.example.org\r\n"))

    def end(self):
        # Closing alone would not wake who waits for a connection.
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(2)


@contextmanager
def serving(**answers):
    server = Server(answers)
    try:
        yield server
    finally:
        server.end()


def plain(server):
    return SmtpConfig("127.0.0.1", server.port, "none")


def test_a_server_is_greeted_and_left():
    with serving() as server:
        assert reach.greet(plain(server)) == (True, "it answers as mx.example.org")
    assert [word.upper() for word in server.heard] == ["EHLO", "QUIT"]


def test_a_server_that_does_not_encrypt():
    with serving() as server:
        found = reach.greet(SmtpConfig("127.0.0.1", server.port, "starttls"))
    assert found == (False, "it does not offer STARTTLS")


def test_a_server_that_refuses():
    with serving(**{"": b"554 go \x1b[2J away\r\n"}) as server:
        works, told = reach.greet(plain(server))
    assert (works, told) == (False, "it answers 554 go \x1b[2J away")
    with serving(ehlo=b"421 busy\r\n", helo=b"421 busy\r\n") as server:
        assert reach.greet(plain(server))[0] is False


def test_something_else_than_a_mail_server():
    with serving(**{"": b"SSH-2.0-OpenSSH_9.2\r\n"}) as server:
        assert reach.greet(plain(server))[0] is False
    with serving() as server:
        assert reach.greet(SmtpConfig("127.0.0.1", server.port, "tls"))[0] is False


def test_nobody_there():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    works, told = reach.greet(SmtpConfig("127.0.0.1", port, "none"))
    assert (works, told) == (False, "Connection refused")


def test_a_server_that_drips_is_not_waited_for():
    with serving(**{"": b""}) as server:
        started = time.monotonic()
        works, _ = reach.greet(plain(server), 0.3)
        assert not works
        assert time.monotonic() - started < 2


def test_usual_ports():
    ports = [reach.port_of(SmtpConfig("x", 0, way)) for way in ("starttls", "tls", "none")]
    assert ports == [587, 465, 25]
    assert reach.port_of(SmtpConfig("x", 2525)) == 2525


@pytest.fixture
def etc(tmp_path):
    folder = tmp_path / "etc"
    folder.mkdir()
    return folder


@pytest.fixture
def jailctl(etc, capsys):
    def command(*words):
        status = run([*words, "--config", str(etc), "--shipped", str(IN_SOURCE)], None)
        return status, capsys.readouterr().out

    return command


def put(etc, server):
    (etc / "jail.local").write_text(
        "[DEFAULT]\nmta = smtp\ndestemail = a@b.org\nsender = c@b.org\naction = %(action_mw)s\n"
        "[recidive]\nenabled = true\n"
    )
    (etc / "jaild.local").write_text(
        f"[Definition]\nsmtp.server = 127.0.0.1\nsmtp.port = {server.port}\nsmtp.security = none\n"
    )


def test_each_way_is_tried_once(jailctl, etc):
    with serving() as server:
        put(etc, server)
        status, out = jailctl("check", "--reach")
    way = f"mta = smtp: reached: 127.0.0.1 port {server.port}: it answers as mx.example.org"
    assert (status, out.splitlines()) == (
        0,
        [way, "no mistakes; 2 jails would run: sshd, recidive"],
    )


def test_a_closed_way_is_a_failure(jailctl, etc):
    with serving(**{"": b"554 \x1b[2J\r\n"}) as server:
        put(etc, server)
        status, out = jailctl("check", "--reach")
    assert status == 1
    assert "mta = smtp: not reached: 127.0.0.1" in out
    assert "\x1b" not in out


def test_json(jailctl, etc):
    with serving() as server:
        put(etc, server)
        status, out = jailctl("check", "--reach", "--json")
    (way,) = json.loads(out)["reach"]
    assert (status, way["mta"], way["works"]) == (0, "smtp", True)
    assert way["told"] == "it answers as mx.example.org"


def test_nothing_is_tried_unasked(jailctl, etc):
    with serving() as server:
        put(etc, server)
        assert jailctl("check")[0] == 0
        assert "reach" not in json.loads(jailctl("check", "--json")[1])
        assert jailctl("check", "--quiet")[0] == 0
    assert not server.heard


def test_no_mail_no_ways(jailctl, etc):
    assert jailctl("check", "--reach") == (0, "no mistakes; 1 jail would run: sshd\n")


def test_the_program_and_the_unset_server(jailctl, etc, tmp_path, monkeypatch):
    program = tmp_path / "sendmail"
    monkeypatch.setattr(reach, "SENDMAIL", program)
    monkeypatch.setattr(reach, "needs_rights", lambda: False)
    (etc / "jail.local").write_text(
        "[sshd]\naction = %(action_mwl)s\n[recidive]\nenabled = true\nmta = smtp\n"
        "action = %(action_mwl)s\n"
    )
    status, out = jailctl("check", "--reach", "--quiet")
    assert status == 1
    assert f"mta = sendmail: not reached: {program}: there is no such program" in out
    assert "mta = smtp: not reached: smtp.server: it is not set in jaild.conf" in out
    program.touch(mode=0o755)
    assert f"mta = sendmail: reached: {program}: it is there" in jailctl("check", "--reach")[1]


def test_a_program_that_cannot_work_is_not_asked(jailctl, etc, tmp_path, monkeypatch):
    program = tmp_path / "sendmail"
    program.touch(mode=0o755)
    monkeypatch.setattr(reach, "SENDMAIL", program)
    monkeypatch.setattr(reach, "needs_rights", lambda: True)
    (etc / "jail.local").write_text("[sshd]\naction = %(action_mwl)s\n")
    with serving() as server:
        monkeypatch.setattr(reach, "_THIS_HOST", plain(server))
        status, out = jailctl("check", "--reach", "--quiet")
        name = f"127.0.0.1 port {server.port}, in place of {program}"
    assert status == 0
    assert f"mta = sendmail: reached: {name}, which cannot work in a sandbox: it answers" in out
