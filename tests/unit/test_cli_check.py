# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""jailctl check: what it prints, and that it needs neither a service nor a well-meant file."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaild.cli import configuration_check
from jaild.cli.main import run
from jaild.config.check import Finding, Kind, check
from jaild.config.tree import IN_SOURCE, Tree

UNKNOWN = "'bantme' in [sshd] is not an option of jaild (did you mean bantime?)"


def no_bus():
    raise AssertionError("this verb needs no service")


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    folder = tmp_path / "etc"
    folder.mkdir()
    return folder


@pytest.fixture
def jailctl(etc, capsys):
    def command(*words):
        status = run([*words, "--config", str(etc), "--shipped", str(IN_SOURCE)], no_bus)
        out, err = capsys.readouterr()
        return status, out.replace(f"{etc}/", ""), err

    return command


def test_no_mistake(jailctl):
    assert jailctl("check") == (0, "no mistakes; 1 jail would run: sshd\n", "")


def test_a_mistake_as_compilers_print_it(jailctl, etc):
    (etc / "jail.local").write_text("[sshd]\n\tbantme\t= 10m\n")
    status, out, err = jailctl("check")
    assert (status, err) == (78, "")
    assert out.splitlines() == [
        f"jail.local:2:2: error: {UNKNOWN}",
        "\tbantme\t= 10m",
        "\t^~~~~~",
        "1 mistake in 1 file; no jails would run; 1 jail would not: sshd",
    ]


def test_the_caret_is_under_a_value(jailctl, etc):
    (etc / "jail.local").write_text("[DEFAULT]\nignoreip = 192.0.2.0/24 192.0.2.300  ; mine\n")
    lines = jailctl("check")[1].splitlines()
    assert lines[0].startswith("jail.local:2:25: error: ")
    assert lines[1:3] == [
        "ignoreip = 192.0.2.0/24 192.0.2.300  ; mine",
        "                        ^~~~~~~~~~~",
    ]
    assert lines[-1] == "1 mistake in 1 file; jaild would not take this configuration"


def test_notes_come_after_mistakes_and_can_be_left_out(jailctl, etc):
    (etc / "jail.local").write_text("[sshd]\nlogpath = %(sshd_log)s\n[app]\nenabled = treu\n")
    status, out, _ = jailctl("check")
    kinds = [line.split(": ")[1] for line in out.splitlines() if line.startswith("jail.local")]
    assert (status, kinds) == (78, ["error", "note"])
    assert out.endswith("1 jail would run: sshd; 1 jail would not: app\n")
    assert "note" not in jailctl("check", "--quiet")[1]


def test_warnings_do_not_count_as_mistakes(jailctl, etc):
    (etc / "filter.d").mkdir()
    (etc / "filter.d/app.conf").write_text(
        "[Definition]\nfailregex = ^bad <HOST>$\njournalmatch = SYSLOG_IDENTIFIER=app\n"
    )
    (etc / "jail.local").write_text("[app]\nenabled = true\n")
    status, out, _ = jailctl("check", "--quiet")
    assert status == 0
    assert ": warning: " in out
    assert out.splitlines()[-1] == "no mistakes, 1 warning; 2 jails would run: sshd, app"


def test_json(jailctl, etc):
    (etc / "jail.local").write_text("[sshd]\nlogpath = x\n[app]\nenabled = true\nbantme = 1h\n")
    status, out, err = jailctl("check", "--json")
    assert (status, err) == (78, "")
    found = json.loads(out)
    assert [(one["line"], one["column"], one["text"]) for one in found["mistakes"]][-1] == (
        5,
        1,
        "bantme",
    )
    assert set(found["mistakes"][0]) == {"path", "line", "column", "message", "hint", "text"}
    assert [one["line"] for one in found["notes"]] == [2]
    (jail,) = found["jails"]
    assert (jail["name"], jail["filter"], jail["forgeable"]) == ("sshd", "sshd", False)
    assert "_SYSTEMD_UNIT=ssh.service" in jail["journal_match"]
    assert found["broken"] == ["app"]


@pytest.mark.parametrize("verb", ["check", "cat"])
def test_a_misspelled_directory_is_not_an_empty_one(verb, tmp_path, capsys):
    assert run([verb, "--config", str(tmp_path / "ect")], no_bus) == 2
    assert "no directory" in capsys.readouterr().err


def test_hostile_text_does_not_reach_the_terminal(jailctl, etc):
    (etc / "jail.local").write_text("[sshd]\nban\x1b[2Jtime = \u202e1\x07\n[a\x9bb]\n")
    for words in (["check"], ["check", "--json"], ["cat", "sshd"]):
        out = "".join(jailctl(*words)[1:])
        assert all(char.isprintable() or char in "\n\t" for char in out), words


def test_a_long_line_is_shown_around_the_piece():
    source = f"ignoreip = {'192.0.2.1 ' * 100}bad{' 192.0.2.2' * 100}"
    column = source.index("bad") + 1
    finding = Finding(Kind.MISTAKE, "x", 1, column, "no address", "", "bad", source)
    _, shown, caret = ("".join(t for _, t in line) for line in configuration_check.lines(finding))
    assert len(shown) < 2 + configuration_check.WIDEST + 1
    assert shown.startswith("…")
    assert shown[caret.index("^") :].startswith("bad")
    assert caret.strip() == "^~~"


def test_the_caret_stands_right_below_wide_characters():
    finding = Finding(Kind.MISTAKE, "x", 1, 3, "m", "", "bad", "日本bad")
    *_, caret = ("".join(t for _, t in line) for line in configuration_check.lines(finding))
    assert caret == "    ^~~"


def test_on_a_terminal_there_is_colour_and_the_same_text(jailctl, etc, monkeypatch):
    (etc / "jail.local").write_text("[sshd]\nbantme = [red]10m[/red]\n")
    plain = jailctl("check")[1]
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("FORCE_COLOR", "1")
    coloured = jailctl("check")[1]
    assert "\x1b[" in coloured
    assert "[red]10m[/red]" in coloured
    assert len(coloured.splitlines()) == len(plain.splitlines())


@pytest.mark.parametrize("verb", ["check", "cat", "import"])
def test_the_bus_is_not_even_loaded(verb, etc):
    code = (
        "import sys; from jaild.cli.main import run; status = run(sys.argv[1:], None);"
        "loaded = {name.partition('.')[0] for name in sys.modules};"
        "assert not loaded & {'gi', 'pydbus', 'systemd', 'ufw', 'rich'}, loaded;"
        "sys.exit(status)"
    )
    (etc / "jail.local").write_text("[sshd]\nmaxretry = 3\n")
    words = [verb, *([str(etc)] if verb == "import" else []), "--config", str(etc)]
    done = subprocess.run(
        [sys.executable, "-c", code, *words, "--shipped", str(IN_SOURCE)],
        env={"PYTHONPATH": str(IN_SOURCE.parent.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@settings(max_examples=settings().max_examples // 4)
@given(
    st.sampled_from(["jail.local", "jaild.local", "jail.d/x.conf", "filter.d/sshd.conf"]),
    st.binary(max_size=300)
    | st.lists(
        st.sampled_from(["[sshd]", "[DEFAULT]", "[INCLUDES]", "before = jail.local", "  <x>", "%"])
        | st.text(max_size=30),
        max_size=8,
    ).map(lambda lines: "\n".join(lines).encode("utf-8", "surrogatepass")),
)
def test_any_bytes_are_checked_and_shown(tmp_path_factory, name, content):
    folder = tmp_path_factory.mktemp("etc", numbered=True)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(content)
    report = check(Tree(folder, IN_SOURCE))
    for finding in report.findings:
        assert finding.message
        assert finding.source[max(finding.column - 1, 0) :].startswith(finding.text)
        for line in configuration_check.lines(finding):
            text = "".join(part for _, part in line)
            assert all(char.isprintable() or char == "\t" for char in text)
    assert configuration_check.summary(report)
