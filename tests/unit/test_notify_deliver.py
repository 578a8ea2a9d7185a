# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Handing mails over: to servers on loopback that answer as they are told, and to programs."""

import base64
import logging
import os
import signal
import socket
import threading
import time
from contextlib import suppress
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import pytest

from jaild.config.model import MailConfig, NotifyConfig, SmtpConfig
from jaild.journal.source import Place
from jaild.notify import deliver, sendmail, smtp
from jaild.notify.compose import POLICY
from jaild.notify.model import DeliveryFailed, PartlyDelivered, Report
from jaild.notify.sendmail import Sendmail
from jaild.notify.smtp import Smtp
from jaild.notify.world import RealParts
from tests import certificate
from tests.notices import START, notice

MAIL = MailConfig(
    to=("root@localhost", "admin@example.org"),
    sender="jaild",
    sendername="jaild",
    mta="mail",
    whois=False,
    lines=False,
)
DOTS = "hello\n.\n..dots\nFrom here\n"


class Server:
    """Speaks SMTP; ``answers`` by command are given in place of the usual ones."""

    def __init__(self, *, security="none", context=None, **answers):
        self.answers = answers
        self.said = []
        self.mail = b""
        self.host = "localhost"
        self.taking = 0
        self._context = context
        self._tls = security == "tls"
        self._listener = socket.create_server(("", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        # A mere close would let the thread go on waiting.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self):
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with suppress(OSError), connection:
                    if self._tls:
                        connection = self._context.wrap_socket(connection, server_side=True)
                    self._talk(connection)
                    connection.close()

    def _talk(self, connection):
        stream = connection.makefile("rwb")
        self._say(stream, self.answers.get("banner", "220 lab ESMTP"))
        while line := stream.readline():
            words = line.decode().strip()
            self.said.append(words)
            verb = words.split()[0].lower()
            if verb == "starttls" and verb not in self.answers:
                self._say(stream, "220 go")
                connection = self._context.wrap_socket(connection, server_side=True)
                stream = connection.makefile("rwb")
                continue
            self._say(stream, self._answer(verb, words))
            if verb == "data":
                self._data(stream)
            if verb == "quit":
                return

    def _data(self, stream):
        lines = iter(stream.readline, b".\r\n")
        self.mail = b"".join(line.removeprefix(b".") if line != b"" else line for line in lines)
        time.sleep(self.taking)
        self._say(stream, self.answers.get("end", "250 taken"))

    def _answer(self, verb, words):
        usual = {"ehlo": "250-lab\r\n250-AUTH PLAIN\r\n250 STARTTLS", "data": "354 go"}
        usual["auth"] = "235 in"
        answer = self.answers.get(verb, usual.get(verb, "250 ok"))
        return answer(words) if callable(answer) else answer

    @staticmethod
    def _say(stream, text):
        stream.write(text.encode() + b"\r\n")
        stream.flush()

    def commands(self, verb):
        return [line for line in self.said if line.lower().startswith(verb)]


@pytest.fixture
def serve():
    servers = []

    def start(**answers):
        servers.append(Server(**answers))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def trusted(tmp_path, monkeypatch):
    """The context of a server whose certificate clients believe."""
    context = certificate.context(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    return context


def message(text=DOTS):
    made = EmailMessage(POLICY)
    made["From"] = "jaild <jaild@localhost>"
    made["To"] = "victim@example.net"
    made["Bcc"] = "other@example.net"
    made["Subject"] = "test"
    made.set_content(text, cte="7bit")
    return made


def way(server, password="", mail=MAIL, seconds=5.0, **changed):
    given = {"server": server.host, "port": server.port, "security": "none", **changed}
    return Smtp(mail, SmtpConfig(**given), password, seconds=seconds)


def failure(made, text=DOTS):
    with pytest.raises(DeliveryFailed) as found:
        made.send(message(text))
    return found.value


def test_it_goes_to_whom_the_configuration_names(serve):
    server = serve()
    way(server).send(message())
    assert server.commands("mail") == ["mail FROM:<jaild@localhost>"]
    assert server.commands("rcpt") == ["rcpt TO:<root@localhost>", "rcpt TO:<admin@example.org>"]
    assert b"\r\nhello\r\n.\r\n..dots\r\nFrom here\r\n" in server.mail
    assert server.said[-1] == "quit"


def test_it_calls_itself_by_its_name_without_asking_for_it(serve, monkeypatch):
    monkeypatch.setattr(socket, "getfqdn", lambda: pytest.fail("asked"))
    server = serve()
    way(server).send(message())
    assert server.said[0] == f"ehlo {os.uname().nodename}"


@pytest.mark.parametrize(
    ("answers", "text", "permanent"),
    [
        ({"banner": "421 busy"}, "421 busy", False),
        ({"banner": "554 not you"}, "554 not you", False),
        ({"ehlo": "550 no", "helo": "550 no"}, "550 no", False),
        ({"mail": "451 later"}, "451 later", False),
        ({"mail": "553 bad sender"}, "553 bad sender", True),
        ({"mail": "530 log in first"}, "530 log in first", False),
        ({"rcpt": "450 grey"}, "refused root@localhost (450 grey), admin@", False),
        ({"rcpt": "550 nobody"}, "refused root@localhost (550 nobody), admin@", True),
        ({"data": "451 later"}, "451 later", False),
        ({"end": "552 too large"}, "552 too large", True),
        ({"end": "452 disk full"}, "452 disk full", False),
        ({"end": "550 \x1b[2Jevil"}, "550 \ufffd[2Jevil", True),
        ({"end": "nonsense"}, "what it answers is not SMTP", False),
    ],
)
def test_refusals(serve, answers, text, permanent):
    server = serve(**answers)
    error = failure(way(server))
    assert str(error).startswith(f"localhost port {server.port}")
    assert text in str(error)
    assert error.permanent is permanent


@pytest.mark.parametrize(
    ("answers", "content"),
    [
        ({"end": "550 spam"}, True),
        ({"end": "451 filter"}, True),
        ({"data": "554 no"}, True),
        ({"mail": "552 too large"}, True),
        ({"end": "452 disk full"}, False),
        ({"end": "421 goodbye"}, False),
        ({"mail": "550 not you"}, False),
        ({"rcpt": "550 nobody"}, False),
        ({"banner": "554 no"}, False),
    ],
)
def test_whether_it_may_be_the_content(serve, answers, content):
    assert failure(way(serve(**answers))).content is content


def test_refused_for_different_reasons_it_may_be_tried_again(serve):
    server = serve(rcpt=lambda line: "450 grey" if "admin" in line else "550 nobody")
    assert failure(way(server)).permanent is False


def test_some_refused_is_said_and_the_others_have_it(serve, caplog):
    server = serve(rcpt=lambda line: "250 ok" if "admin" in line else "550 nobody")
    way(server).send(message())
    assert b"hello" in server.mail
    assert "refused root@localhost (550 nobody); the others have the mail" in caplog.text


def test_some_refused_for_now_are_named(serve, caplog):
    answers = {"admin": "250 ok", "night": "451 grey", "nobody": "550 nobody", "root": "452 full"}
    server = serve(rcpt=lambda line: next(v for k, v in answers.items() if k in line))
    to = ("root", "admin@example.org", "night@example.org", "nobody@example.org")
    error = failure(way(server, mail=replace(MAIL, to=to)))
    assert isinstance(error, PartlyDelivered)
    assert error.rest == ("root", "night@example.org")
    assert str(error).endswith(
        "refused root@localhost (452 full), night@example.org (451 grey) for now;"
        " the others have the mail"
    )
    assert "refused nobody@example.org (550 nobody); the others" in caplog.text
    assert b"hello" in server.mail


def test_a_mail_that_was_taken_is_taken_whatever_comes_after(serve):
    way(serve(quit="500 what")).send(message())


def test_nobody_there():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    error = failure(Smtp(MAIL, SmtpConfig("127.0.0.1", port, "none")))
    assert "Connection refused" in str(error)
    assert error.permanent is False


def test_a_server_that_says_nothing():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        made = Smtp(MAIL, SmtpConfig("127.0.0.1", port, "none"), seconds=0.2)
        assert "did not answer in time" in str(failure(made))


@pytest.mark.parametrize("security", ["none", "starttls", "tls"])
def test_a_server_that_examines_a_mail_for_long_gets_it_once(serve, trusted, security):
    server = serve(security=security, context=trusted)
    server.taking = 1.0
    way(server, security=security, seconds=0.5).send(message())
    assert server.mail
    assert server.said[-1] == "quit"


def test_one_that_examines_it_for_ever(serve, monkeypatch):
    monkeypatch.setattr(smtp, "TAKING_SECONDS", 0.3)
    server = serve()
    server.taking = 2.0
    assert "did not answer in time" in str(failure(way(server)))


def test_one_that_goes_on_for_ever(serve, monkeypatch):
    monkeypatch.setattr(smtp, "CONVERSATION_SECONDS", 0.5)
    server = serve(banner="220-wait\r\n" * 10_000 + "220-and wait")
    begun = time.monotonic()
    error = failure(way(server, seconds=30))
    assert time.monotonic() - begun < 10
    assert error.permanent is False


def open_files():
    return len([*Path("/proc/self/fd").iterdir()])


def test_nothing_of_a_conversation_is_left(serve):
    server, other = serve(), serve(mail="550 no")
    before = open_files()
    for _ in range(20):
        way(server).send(message())
        failure(way(other))
    assert open_files() <= before + 4
    for timer in [one for one in threading.enumerate() if isinstance(one, threading.Timer)]:
        # Cancelled, and about to end.
        timer.join(5)
        assert not timer.is_alive()


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_encrypted_and_logged_in(serve, trusted, security):
    server = serve(security=security, context=trusted)
    way(server, "secret", security=security, user="me").send(message())
    assert b"hello" in server.mail
    (login,) = server.commands("auth")
    assert base64.b64decode(login.split()[2]) == b"\0me\0secret"
    if security == "starttls":
        assert server.said.index("STARTTLS") < server.said.index(login)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_of_nobodys(serve, tmp_path, security):
    server = serve(security=security, context=certificate.context(tmp_path))
    error = failure(way(server, "secret", security=security, user="me"))
    assert "its certificate is not trusted" in str(error)
    assert error.permanent is False
    assert not server.mail
    assert not server.commands("auth")


def test_a_certificate_of_another_host(serve, trusted):
    server = serve(security="tls", context=trusted)
    server.host = "127.0.0.2"
    error = failure(way(server, security="tls"))
    assert "its certificate is not trusted" in str(error)


def test_never_plain_where_encryption_was_asked_for(serve):
    server = serve(ehlo="250-lab\r\n250 AUTH PLAIN")
    error = failure(way(server, "secret", security="starttls", user="me"))
    assert "it offers no STARTTLS" in str(error)
    assert error.permanent is False
    assert not server.commands("auth")
    assert not server.mail


def test_starttls_refused(serve):
    server = serve(starttls="454 not now")
    error = failure(way(server, "secret", security="starttls", user="me"))
    assert "454 not now" in str(error)
    assert error.permanent is False
    assert not server.commands("mail")


@pytest.mark.parametrize(
    ("answers", "password", "text"),
    [
        ({"auth": "535 wrong"}, "secret", "535 wrong"),
        ({"ehlo": "250 lab"}, "secret", "not supported"),
        ({}, "geheim\xe4", "can only be ASCII"),
    ],
)
def test_a_login_that_fails_is_mended_by_the_administrator(serve, answers, password, text):
    server = serve(**answers)
    error = failure(way(server, password, user="me"))
    assert text in str(error)
    assert error.permanent is False
    assert "secret" not in str(error)
    assert not server.mail


def test_a_server_that_is_not_set():
    assert "smtp.server is not set" in str(failure(Smtp(MAIL, SmtpConfig())))


def test_those_who_are_left_get_the_same_mail_alone(serve):
    server = serve()
    config = NotifyConfig(SmtpConfig("localhost", server.port, "none"))
    parts = RealParts(config, lambda: None, Place(), lambda: False)
    mail = replace(MAIL, mta="smtp")
    report = Report(mail, (notice(),), since=START, message_id="<a@b>")
    parts.mail(report)
    whole, server.said[:] = server.mail, []
    parts.mail(replace(report, rest=("admin@example.org",)))
    assert server.commands("rcpt") == ["rcpt TO:<admin@example.org>"]
    assert server.mail == whole


# --- sendmail


@pytest.fixture
def program(tmp_path):
    """Makes a program of a shell script; what it was given lies beside it."""

    def make(script="exit 0"):
        path = tmp_path / "sendmail"
        path.write_text(
            f'#!/bin/sh\ncat > {tmp_path}/mail\necho "$@" > {tmp_path}/argv\n{script}\n'
        )
        path.chmod(0o755)
        return path

    return make


def test_a_program_gets_sender_and_recipients_as_arguments(program, tmp_path):
    Sendmail(MAIL, program()).send(message())
    argv = (tmp_path / "argv").read_text()
    assert argv == "-i -f jaild -- root@localhost admin@example.org\n"
    mail = (tmp_path / "mail").read_bytes()
    assert b"\r" not in mail
    assert mail.endswith(b"\n\nhello\n.\n..dots\nFrom here\n")


@pytest.mark.parametrize(
    ("script", "text", "permanent"),
    [
        ("echo full >&2; exit 75", "failed: exit status 75, full", False),
        ("exit 67", "failed: exit status 67", True),
        ("exit 78", "failed: exit status 78", False),
        ("printf '\\033[2J'; exit 1", "failed: exit status 1, \ufffd[2J", False),
        ("kill -9 $$", "failed: signal 9", False),
    ],
)
def test_a_program_that_fails(program, script, text, permanent):
    error = failure(Sendmail(MAIL, program(script)))
    assert str(error).endswith(text)
    assert error.permanent is permanent


def test_a_program_that_does_not_like_the_content(program):
    error = failure(Sendmail(MAIL, program("exit 65")))
    assert (error.permanent, error.content) == (True, True)
    assert failure(Sendmail(MAIL, program("exit 67"))).content is False


def test_a_program_that_hangs_is_killed_with_all_it_started(program, tmp_path):
    script = f"sleep 300 & echo $! > {tmp_path}/child; wait"
    error = failure(Sendmail(MAIL, program(script), seconds=0.5))
    assert "did not end within 0.5 s and was killed" in str(error)
    status = Path(f"/proc/{int((tmp_path / 'child').read_text())}/status")
    deadline = time.monotonic() + 5
    with suppress(FileNotFoundError):
        # Nobody may have waited for it yet.
        while "\nState:\tZ" not in status.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_a_program_that_may_not_be_killed_is_not_waited_for(program, monkeypatch):
    # As one of root's is, for whoever is not root.
    monkeypatch.setattr(sendmail, "KILLED_SECONDS", 0.2)
    refused = []

    def killpg(group, _signal):
        refused.append(group)
        raise PermissionError

    with monkeypatch.context() as patch:
        patch.setattr(os, "killpg", killpg)
        error = failure(Sendmail(MAIL, program("sleep 300"), seconds=0.2))
    assert str(error).endswith("did not end within 0.2 s and could not be killed")
    assert error.permanent is False
    os.killpg(refused[0], signal.SIGKILL)
    os.waitpid(refused[0], 0)


def test_what_goes_on_delivering_is_not_waited_for_and_not_killed(program, tmp_path):
    script = f"(sleep 0.5; touch {tmp_path}/delivered) & exit 0"
    begun = time.monotonic()
    Sendmail(MAIL, program(script), seconds=5).send(message())
    assert time.monotonic() - begun < 0.4
    deadline = time.monotonic() + 5
    while not (tmp_path / "delivered").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_program_that_is_not_there(tmp_path):
    error = failure(Sendmail(MAIL, tmp_path / "none"))
    assert str(error) == f"{tmp_path}/none cannot be run: No such file or directory"
    assert error.permanent is False


# --- which way


def test_set_id_programs_cannot_work_in_a_sandbox(monkeypatch):
    monkeypatch.setattr(sendmail, "needs_rights", lambda: True)
    assert "/usr/sbin/sendmail needs rights" in sendmail.hindrance(is_sandboxed=True)
    assert sendmail.hindrance(is_sandboxed=False) == ""
    monkeypatch.setattr(sendmail, "needs_rights", lambda: False)
    assert sendmail.hindrance(is_sandboxed=True) == ""


def test_the_way_that_is_configured(monkeypatch):
    monkeypatch.setattr(sendmail, "hindrance", lambda **_: "")
    server = SmtpConfig("mail.example.org")
    made = {mta: deliver.mailer(replace(MAIL, mta=mta), server) for mta in ("mail", "smtp")}
    assert made["mail"]._name == "localhost port 25"
    assert made["smtp"]._name == "mail.example.org port 587"
    assert isinstance(deliver.mailer(replace(MAIL, mta="sendmail"), server), Sendmail)


def test_in_place_of_a_program_that_cannot_work(monkeypatch, caplog, serve):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(sendmail, "hindrance", lambda **_: "it needs rights")
    monkeypatch.setattr(deliver.Instead, "_told", False)
    server = serve()
    monkeypatch.setattr(deliver, "LOCAL", SmtpConfig("localhost", server.port, "none"))
    for _ in range(2):
        deliver.mailer(replace(MAIL, mta="sendmail"), SmtpConfig()).send(message())
    assert b"hello" in server.mail
    assert caplog.text.count("it needs rights") == 1
    server.answers["mail"] = "550 no"
    error = failure(deliver.mailer(replace(MAIL, mta="sendmail"), SmtpConfig()))
    assert str(error).endswith("550 no; it needs rights")
    assert error.permanent is True
    server.answers = {"end": "550 spam"}
    assert failure(deliver.mailer(replace(MAIL, mta="sendmail"), SmtpConfig())).content is True
