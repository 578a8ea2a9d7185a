# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""jailctl notify test, against a caller that answers as org.jaild1.Notify does."""

import json

import pytest

pytest.importorskip("gi")

from jaild.api.client import Client
from jaild.cli.main import run
from jaild.core.errors import NoSuchJail, NotAuthorized
from jaild.dbus.errors import BusError, NoReply, ServiceUnavailable
from jaild.notify.bus_names import TIMEOUT_MS


class Bus:
    """Answers one call."""

    def __init__(self):
        self.calls = []
        self.answer = "mail to admin@example.org: taken\ndelivered"

    def call(self, call):
        self.calls.append(call)
        if isinstance(self.answer, Exception):
            raise self.answer
        return (self.answer,)


@pytest.fixture
def bus():
    return Bus()


@pytest.fixture
def jailctl(bus, capsys):
    def command(line):
        try:
            status = run(line.split(), lambda: Client(bus))
        except SystemExit as end:
            status = end.code
        out, err = capsys.readouterr()
        return status, out, err

    return command


def test_a_sample_is_sent(jailctl, bus):
    assert jailctl("notify test") == (0, "mail to admin@example.org: taken\ndelivered\n", "")
    assert jailctl("notify test sshd")[0] == 0
    made = [(call.dest, call.path, call.interface, call.method) for call in bus.calls]
    assert made == 2 * [("org.jaild1.Notify", "/org/jaild1/Notify", "org.jaild1.Notify", "Test")]
    # Several mail servers may be slow.
    assert {call.timeout_ms for call in bus.calls} == {TIMEOUT_MS}
    assert [(call.signature, call.args) for call in bus.calls] == [("s", ("",)), ("s", ("sshd",))]


def test_a_sample_that_is_not_taken(jailctl, bus):
    bus.answer = "mail to admin@example.org: 550 who\x1b[2J?\nfailed: 1 of the above"
    status, out, err = jailctl("notify test")
    assert (status, err) == (1, "")
    assert out.splitlines()[-1] == "failed: 1 of the above"
    assert all(char.isprintable() or char == "\n" for char in out)


def test_json(jailctl, bus):
    status, out, _ = jailctl("notify test sshd --json")
    assert (status, json.loads(out)) == (
        0,
        {
            "jail": "sshd",
            "delivered": True,
            "told": ["mail to admin@example.org: taken", "delivered"],
        },
    )
    bus.answer = "failed: 1 of the above"
    status, out, _ = jailctl("notify test --json")
    assert (status, json.loads(out)["jail"], json.loads(out)["delivered"]) == (1, None, False)


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (ServiceUnavailable("no"), 69, "start it with: systemctl start jaild-notify"),
        (NotAuthorized("Sender is not ..."), 4, "only root"),
        (NoSuchJail("there is no jail 'x'"), 3, "there is no jail 'x'"),
        (BusError("jail 'sshd' mails nobody"), 1, "jail 'sshd' mails nobody"),
        (NoReply("no answer"), 1, "journalctl -u jaild-notify"),
    ],
)
def test_errors_are_one_sentence(jailctl, bus, error, status, sentence):
    bus.answer = error
    found, out, err = jailctl("notify test")
    assert (found, out) == (status, "")
    assert sentence in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("line", ["notify", "notify send", "notify test a b"])
def test_wrong_usage(jailctl, bus, line):
    assert jailctl(line)[0] == 2
    assert not bus.calls
