# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The process jaild-enforcer: its options and its exit statuses."""

import logging
import os

import pytest

pytest.importorskip("gi")
pytest.importorskip("systemd")

from jaild import enforcer
from jaild.core.errors import FirewallFailed
from jaild.enforce.ufw import UfwMissing


@pytest.fixture(autouse=True)
def root(monkeypatch):
    """Look like root, and leave the log as it was."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    logger = logging.getLogger()
    handlers = logger.handlers[:]
    level = logger.level
    yield
    logger.handlers[:] = handlers
    logger.setLevel(level)


class Chosen:
    answer = 3

    def __init__(self, _pulse):
        pass

    def flush(self):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (3, 0, "3 rules of jaild removed from ufw"),
        (UfwMissing("ufw is not installed"), 0, "ufw is not installed: there are no rules"),
        (FirewallFailed("ufw is broken"), 1, "ufw is broken"),
        (ZeroDivisionError("oh"), 1, "unexpected: ZeroDivisionError: oh"),
    ],
)
def test_flush(monkeypatch, capsys, answer, status, words):
    monkeypatch.setattr(Chosen, "answer", answer)
    monkeypatch.setattr(enforcer, "Choice", Chosen)
    assert enforcer.main(["--flush"]) == status
    output = capsys.readouterr()
    assert words in output.out + output.err
    assert "Traceback" not in output.err


def test_without_a_bus_it_is_unavailable(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/none")
    assert enforcer.main(["--config", str(tmp_path)]) == 69
    assert "bus cannot be reached" in capsys.readouterr().err


def test_only_root(monkeypatch, capsys):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert enforcer.main([]) == 4
    assert "must run as root" in capsys.readouterr().err


def test_version(capsys):
    with pytest.raises(SystemExit) as caught:
        enforcer.main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith("jaild-enforcer ")


def test_a_broken_configuration_keeps_what_was_known(tmp_path, caplog):
    (tmp_path / "jail.local").write_text("[DEFAULT]\nignoreip = 192.0.2.0/24\n")
    tree = enforcer.Tree(etc=tmp_path)
    assert [str(network) for network in enforcer._configure(tree).ignored] == ["192.0.2.0/24"]
    (tmp_path / "jail.local").write_text("[DEFAULT\n")
    assert enforcer._configure(tree) is None
    assert "last good configuration" in caplog.text
