# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""jailctl cat: every value with its place, in a form that can be used as a file again."""

import json
from pathlib import Path

import pytest

from jaild.cli.main import run
from jaild.config.load import load
from jaild.config.tree import IN_SOURCE, Tree

FILTER = (
    "[Definition]\n_who = user <F-USER>\\S+</F-USER>\n"
    "failregex = ^bad <_who> <HOST>$\n            ^worse 100%% <HOST>$\n"
    "ignoreregex = root\njournalmatch = _SYSTEMD_UNIT=app.service\n"
)
JAILS = (
    "[DEFAULT]\nbantime = 1h\nignoreip = 192.0.2.0/24\n           2001:db8::/32\n"
    "[app]\nenabled = true\nport = 8080,https\n"
    "[sshd]\nmaxretry = 3\n"
)


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    folder = tmp_path / "etc"
    (folder / "filter.d").mkdir(parents=True)
    (folder / "jail.d").mkdir()
    (folder / "filter.d/app.conf").write_text(FILTER)
    (folder / "jail.local").write_text(JAILS)
    (folder / "jail.d/ssh.local").write_text("[sshd]\n\nmaxretry = 4\nlogpath = %(sshd_log)s\n")
    return folder


@pytest.fixture
def jailctl(etc, capsys):
    def command(*words):
        status = run([*words, "--config", str(etc), "--shipped", str(IN_SOURCE)], None)
        out, err = capsys.readouterr()
        return status, out.replace(f"{etc}/", "").replace(f"{IN_SOURCE}/", "shipped/"), err

    return command


def line_of(out, option):
    (line,) = [line for line in out.splitlines() if line.partition("=")[0].strip() == option]
    return " ".join(line.split())


def test_values_come_with_their_place_and_what_they_replaced(jailctl):
    status, out, err = jailctl("cat", "sshd")
    assert (status, err) == (0, "")
    assert out.startswith("[sshd]\n")
    assert line_of(out, "maxretry") == (
        "maxretry = 4 ; jail.d/ssh.local:3, before: 3 (jail.local:9)"
    )
    assert line_of(out, "bantime").startswith("bantime = 1h ; jail.local:2, before: 10m (shipped/")
    assert line_of(out, "filter").startswith("filter = sshd[mode=normal] ; shipped/jail.conf:")
    assert line_of(out, "maxmatches").startswith("maxmatches = 4 ; shipped/jail.conf:")
    assert line_of(out, "logpath") == "logpath = journal ; jail.d/ssh.local:4"


def test_a_default_is_named_as_such(jailctl, etc, capsys):
    run(["cat", "app", "--config", str(etc), "--shipped", str(etc / "missing")], None)
    assert line_of(capsys.readouterr().out, "findtime") == "findtime = 10m ; default"


def test_the_filter_is_shown_with_everything_put_in(jailctl):
    lines = jailctl("cat", "app")[1].splitlines()
    shown = [line for line in lines if line.startswith("# ") and "not set" not in line]
    assert [line for line in shown if ": " in line] == [
        "# filter app: filter.d/app.conf",
        "# failregex 1: ^bad user <F-USER>\\S+</F-USER> <HOST>$",
        "# failregex 2: ^worse 100% <HOST>$",
        "# ignoreregex 1: root",
        "# looks at: _SYSTEMD_UNIT=app.service",
        "# bans from: tcp ports 443,8080, by reject",
        "# never bans: 2 networks",
    ]


def test_without_a_jail_all_that_is_in_effect_is_shown(jailctl):
    status, out, _ = jailctl("cat")
    assert status == 0
    headers = [line for line in out.splitlines() if line.startswith("[")]
    assert headers == ["[Definition]", "[DEFAULT]", "[sshd]", "[app]"]
    assert line_of(out, "loglevel").startswith("loglevel = INFO ; shipped/jaild.conf:")
    assert "\n# jaild.conf\n" in f"\n{out}"


def test_what_is_shown_means_the_same_when_read_again(jailctl, etc, tmp_path):
    before = {jail.name: jail for jail in load(Tree(etc, IN_SOURCE)).jails}
    again = tmp_path / "again"
    (again / "filter.d").mkdir(parents=True)
    (again / "filter.d/app.conf").write_text(FILTER)
    shown = jailctl("cat", "sshd")[1] + "\n" + jailctl("cat", "app")[1]
    (again / "jail.conf").write_text(shown)
    after = {jail.name: jail for jail in load(Tree(again, IN_SOURCE)).jails}
    assert set(before) == set(after)
    for name, jail in after.items():
        for field in ("match", "maxretry", "findtime", "bantime", "ignoreip", "ports", "protocol"):
            assert getattr(jail, field) == getattr(before[name], field)
        assert jail.actions == before[name].actions
        assert jail.filter.failregex == before[name].filter.failregex


def test_percent_signs_are_written_as_they_are_read(jailctl, etc):
    (etc / "jail.local").write_text(JAILS + "failregex = ^50%% <HOST>$\n")
    shown = jailctl("cat", "sshd")[1]
    assert "failregex" in shown
    assert "^50%% <HOST>$" in line_of(shown, "failregex")
    assert "# failregex 1: ^50% <HOST>$" in shown


def test_json(jailctl):
    jail = json.loads(jailctl("cat", "sshd", "--json")[1])
    options = {option["name"]: option for option in jail["options"]}
    assert (options["maxretry"]["value"], options["maxretry"]["line"]) == ("4", 3)
    assert [one["value"] for one in options["maxretry"]["before"]] == ["3", "5"]
    assert jail["filter"]["name"] == "sshd"
    assert jail["ports"] == "22"
    whole = json.loads(jailctl("cat", "--json")[1])
    assert [jail["name"] for jail in whole["jails"]] == ["sshd", "app"]
    assert {"daemon", "default"} < set(whole)


def test_a_jail_that_does_not_run_can_be_looked_at(jailctl, etc):
    (etc / "jail.local").write_text("[app]\nport = 8080\n")
    status, out, _ = jailctl("cat", "app")
    assert status == 0
    assert line_of(out, "enabled").startswith("enabled = false")


def test_an_unknown_jail_is_3_and_a_suggestion(jailctl):
    assert jailctl("cat", "sshdd") == (
        3,
        "",
        "jailctl: there is no jail 'sshdd' in the configuration (did you mean sshd?)\n",
    )


def test_a_mistake_is_told_and_the_rest_is_shown(jailctl, etc):
    (etc / "jail.d/ssh.local").write_text("[sshd]\nmaxretry = many\nfindtime = %(nothing)s\n")
    status, out, err = jailctl("cat", "sshd")
    assert status == 78
    assert line_of(out, "maxretry").startswith("maxretry = many ; jail.d/ssh.local:2")
    assert line_of(out, "findtime").startswith("findtime = %(nothing)s ; jail.d/ssh.local:3")
    assert "ssh.local:2" in err


def test_lines_that_are_no_syntax_do_not_hide_the_rest(jailctl, etc):
    (etc / "jail.local").write_text("[sshd]\nnonsense\nmaxretry = 2\n")
    status, out, err = jailctl("cat", "sshd")
    assert (status, "jail.local:2" in err) == (78, True)
    assert line_of(out, "maxretry").startswith("maxretry = 4")
