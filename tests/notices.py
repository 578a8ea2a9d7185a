# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of the notifier have in common: notices, jaild's records, a mail server."""

import email
import email.policy
import socketserver
import threading
from contextlib import suppress

from jaild.config.model import MailConfig
from jaild.core.address import Address
from jaild.core.ban import Ban, Evidence
from jaild.core.entry import Entry
from jaild.journal.record import Recorder
from jaild.notify.model import Notice

MAIL = MailConfig(("admin@example.org",), "jaild@example.org", "jaild", "mail", False, False)
SECOND = 1_000_000
START = 1_760_000_000 * SECOND


def notice(number=0, jail="sshd", since=START):
    address = Address(f"198.51.{100 + number // 250}.{1 + number % 250}")
    evidence = (Evidence(since - 1, f"s=a;i={number:x};t={since - 1:x}", "Failed password"),)
    until = since + 600 * SECOND
    return Notice(jail, address, since, until, 5, "5 failures", evidence, "host", f"c={number}")


def record(number=0, jail="sshd", at=0.0, unit="jaild.service", **more):
    """Return the entry that jaild writes of a ban, ``at`` seconds after START."""
    time = START + int(at * SECOND)
    one = notice(number, jail, time)
    written = []
    ban = Ban(one.jail, one.address, one.since, one.until, 5, one.reason, one.evidence)
    Recorder(lambda text, fields: written.append({"MESSAGE": text, **fields})).banned(ban)
    fields = {
        **written[0],
        "_SYSTEMD_UNIT": unit,
        "_HOSTNAME": "host",
        "_BOOT_ID": "b" * 32,
        **more,
    }
    return _entry(time, fields)


def change(decide, at=0.0, unit="jaild.service", **more):
    """Return the entry of what ``decide`` has a recorder write, ``at`` seconds after START."""
    written = []
    decide(Recorder(lambda text, fields: written.append({"MESSAGE": text, **fields})))
    trusted = {"_SYSTEMD_UNIT": unit, "_HOSTNAME": "host", "_BOOT_ID": "b" * 32}
    return _entry(START + int(at * SECOND), {**written[0], **trusted, **more})


def _entry(time, fields):
    raw = {name: value.encode() for name, value in fields.items() if value is not None}
    return Entry(time, fields["MESSAGE"], raw)


class MailServer:
    """An SMTP server on this host that keeps what it gets; ``refuse`` is said to each recipient.

    ``taken`` is called with each mail before the server says that it has it.
    """

    def __init__(self, port=0):
        self.mails = []
        self.refuse = ""
        self.taken = lambda _mail: None
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.house = self
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def ids(self):
        return [mail["Message-ID"] for mail in self.mails]


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


class _Handler(socketserver.StreamRequestHandler):
    def handle(self):
        self.say("220 test")
        for line in self.rfile:
            word = line[:4].upper()
            if word == b"DATA":
                self.say("354 go on")
                self.take(b"".join(iter(self.rfile.readline, b".\r\n")))
            elif word == b"RCPT" and self.server.house.refuse:
                self.say(self.server.house.refuse)
            else:
                self.say("221 bye" if word == b"QUIT" else "250 ok")

    def take(self, data):
        mail = email.message_from_bytes(
            data.replace(b"\r\n..", b"\r\n."), policy=email.policy.default
        )
        self.server.house.mails.append(mail)
        self.server.house.taken(mail)
        self.say("250 taken")

    def say(self, text):
        with suppress(OSError):
            self.wfile.write(f"{text}\r\n".encode())
