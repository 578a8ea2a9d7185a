# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What jaild expects of ufw's package, and what happens when it is not so."""

import importlib
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("ufw.common")

from jaild.core.errors import FirewallFailed
from jaild.enforce import choice, ufw
from jaild.enforce.choice import Choice
from jaild.enforce.quiet import quiet
from jaild.enforce.ufw_face import NEEDED, UfwUnexpected, check


def test_the_installed_package_is_as_expected():
    check({name: importlib.import_module(name) for name in NEEDED})


class Backend:
    def __init__(self, dryrun): ...
    def _read_rules(self): ...
    def _write_rules(self, v6=False): ...
    def initcaps(self): ...
    def is_enabled(self): ...
    def use_ipv6(self): ...


class Rule:
    def __init__(self, **anything): ...
    def set_v6(self, v6): ...


def parts(**changes):
    common = SimpleNamespace(UFWRule=Rule, UFWError=lambda value: value)
    backend = SimpleNamespace(UFWBackendIptables=type("Changed", (Backend,), changes))
    return {"ufw.common": common, "ufw.backend_iptables": backend}


def test_other_parameters_than_the_needed_ones_do_not_matter():
    check(parts(_write_rules=lambda self, v6, more=1: None))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"_write_rules": None}, "has no UFWBackendIptables._write_rules"),
        ({"_write_rules": lambda self: None}, r"_write_rules in ufw's package has no v6"),
        ({"initcaps": 7}, "has no UFWBackendIptables.initcaps"),
    ],
)
def test_what_is_missing_is_named(changes, why):
    with pytest.raises(UfwUnexpected, match=why):
        check(parts(**changes))


def test_an_unknown_package_means_the_command_line(monkeypatch, caplog):
    monkeypatch.setitem(NEEDED["ufw.common"], "UFWFuture", ())
    commands = []

    def run(argv):
        commands.append(argv[1:])
        return 0, "Status: inactive\n"

    monkeypatch.setattr(choice.Commands.__init__.__globals__["program"], "run", run)
    assert Choice(lambda: None).look().state == "inactive"
    assert commands == [["status"], ["show", "added"]]
    assert "uses ufw's command line instead" in caplog.text


def test_a_missing_ufw_is_told_until_it_is_there(monkeypatch, tmp_path):
    monkeypatch.setattr(ufw, "UFW", str(tmp_path / "ufw"))
    chosen = Choice(lambda: None)
    for _ in range(2):
        with pytest.raises(FirewallFailed, match="ufw is not installed"):
            chosen.sync([])


def say_and_exit():
    print("ERROR: bad\n things", file=sys.stderr)
    sys.exit(1)


@pytest.mark.parametrize(
    ("action", "sentence"),
    [
        (say_and_exit, "ERROR: bad things"),
        (lambda: ().index(7), "not in tuple"),
        (Path("/nowhere/at/all").read_text, "No such file"),
    ],
)
def test_however_ufw_ends_it_is_one_sentence(action, sentence):
    with (
        pytest.raises(FirewallFailed, match=f"^ufw cannot do it: .*{sentence}"),
        quiet("do it"),
    ):
        action()
