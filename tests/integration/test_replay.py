# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""``jailctl replay`` on real journals: what it prints, and what it does not need."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from systemd import journal

import jaild
from jaild.journal import source
from tests.verbs import SECOND, SHIPPED, START, entry, write_journal

pytestmark = pytest.mark.integration

SOURCE = str(Path(jaild.__file__).parents[1])
PEER = "192.0.2.7"


def jailctl(*words):
    command = [sys.executable, "-m", "jaild.jailctl", "replay", *words, "--shipped", str(SHIPPED)]
    env = {**os.environ, "PYTHONPATH": SOURCE, "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"}
    return subprocess.run(command, check=False, capture_output=True, env=env, timeout=120)


def replayed(*words):
    done = jailctl(*words, "--json")
    assert (done.returncode, done.stderr) == (0, b""), done.stderr
    return json.loads(done.stdout)


def attack(*moments, peer=PEER):
    message = f"Failed password for root from {peer} port 5 ssh2"
    return [entry(message, at=at, pid=500 + number) for number, at in enumerate(moments)]


@pytest.fixture
def etc(tmp_path):
    (tmp_path / "etc/jail.d").mkdir(parents=True)
    (tmp_path / "etc/jail.local").write_text("[sshd]\nmaxretry = 2\nbantime = 10m\n")
    return tmp_path / "etc"


@pytest.fixture
def folder(tmp_path):
    rows = [*attack(0, 1, 700, 701), *attack(800, 801, peer="2001:db8::9")]
    forged = attack(810, 811, peer="198.51.100.66")
    rows += [each._replace(fields={**each.fields, "_UID": b"1000"}) for each in forged]
    return write_journal(tmp_path / "journal", rows)


def seconds(found):
    return [(ban["address"], (ban["at"] - START) // SECOND) for ban in found["bans"]]


def test_the_object(etc, folder):
    found = replayed("--config", str(etc), "--directory", str(folder))
    assert list(found) == ["entries", "failures", "bans", "seconds"]
    assert (found["entries"], found["failures"]) == (6, 6)
    assert seconds(found) == [(PEER, 1), (PEER, 701), ("2001:db8::/64", 801)]
    ban = found["bans"][0]
    assert list(ban) == ["jail", "address", "at", "until", "failures", "evidence"]
    assert (ban["jail"], ban["failures"]) == ("sshd", 2)
    assert ban["until"] - ban["at"] == 600 * SECOND
    with journal.Reader(path=str(folder)) as reader:
        messages = []
        for cursor in ban["evidence"]:
            reader.seek_cursor(cursor)
            messages.append((reader.get_next()["_PID"], reader.test_cursor(cursor)))
    assert messages == [(500, True), (501, True)]


def test_a_ban_for_ever_ends_at_null(etc, folder):
    (etc / "jail.local").write_text("[sshd]\nmaxretry = 2\nbantime = -1\n")
    found = replayed("--config", str(etc), "--directory", str(folder))
    assert [ban["until"] for ban in found["bans"]] == [None, None]


def test_a_span_of_files(etc, folder):
    file = str(folder / "test.journal")
    since, until = (f"@{START // SECOND + at}" for at in (1, 800))
    words = ("--config", str(etc), "--since", since, "--until", until, "--file", file)
    found = replayed("sshd", *words)
    assert (found["entries"], seconds(found)) == (4, [(PEER, 701)])


def test_the_report(etc, folder):
    done = jailctl("--config", str(etc), "--directory", str(folder))
    out = done.stdout.decode()
    assert (done.returncode, done.stderr) == (0, b"")
    assert out.startswith(f"Config    {etc}\nJails     sshd\nJournal   {folder}\n\nBans\n")
    assert "192.0.2.0/24\n" in out
    assert out.endswith("\nFailures  6 of 2 addresses\nBans      3 of 2 addresses\n")


def test_two_configurations(etc, folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "jail.local").write_text("[sshd]\nmaxretry = 2\nignoreip = 2001:db8::/32\n")
    words = ("--config", str(other), "--against", str(etc), "--directory", str(folder))
    found = replayed(*words)
    assert list(found)[-2:] == ["gained", "lost"]
    assert seconds(found) == [(PEER, 1), (PEER, 701)]
    assert (found["gained"], [ban["address"] for ban in found["lost"]]) == ([], ["2001:db8::/64"])
    told = jailctl(*words).stdout.decode()
    assert "\nLost\n" in told
    assert told.endswith(f"2 of 1 address; 0 gained and 1 lost against {etc}\n")


def test_a_jail_that_only_one_configuration_has(etc, folder, tmp_path):
    (etc / "jail.local").write_text("[door]\nfilter = sshd\nport = ssh\nmaxretry = 2\n")
    other = tmp_path / "other"
    other.mkdir()
    words = ("--against", str(other), "--directory", str(folder))
    found = replayed("door", "--config", str(etc), *words)
    assert found["gained"] == found["bans"] != []


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("sshdd",), 3, "there is no jail 'sshdd' in the configuration (did you mean sshd?)"),
        (("postfix",), 78, "jail.local:2: bantime of [postfix] is 'soon'"),
        (("--file", "{0}/none.journal"), 1, "none.journal does not exist"),
        (("--directory", "{0}/none"), 1, "there are no journal files in"),
        (("--directory", "{0}", "--file", "x"), 2, "takes one of --file and --directory"),
        (("--since", "never"), 2, "'never' is not a time"),
        (("--against", "{0}/none"), 2, "there is no directory"),
        (("recidive", "--directory", "{0}/journal"), 78, "bantime of [postfix]"),
    ],
)
def test_what_cannot_be_replayed_is_one_sentence(etc, folder, tmp_path, words, status, says):
    (etc / "jail.local").write_text("[postfix]\nbantime = soon\n")
    if words[0] == "recidive":
        (etc / "jail.local").write_text("[postfix]\nenabled = true\nbantime = soon\n")
    done = jailctl(*(word.format(tmp_path) for word in words), "--config", str(etc))
    assert (done.returncode, done.stdout) == (status, b"")
    assert says in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1


def test_a_journal_without_such_entries(etc, folder):
    done = jailctl("postfix", "--config", str(etc), "--directory", str(folder))
    assert done.returncode == 0
    assert done.stderr == b"jailctl: the journal has no entries that these jails look at\n"


def test_a_jail_that_has_to_be_stopped_is_named(etc, tmp_path):
    (etc / "filter.d").mkdir()
    (etc / "filter.d/slow.conf").write_text("[Definition]\nfailregex = ^(a+)+ <ADDR>$\n")
    match = "journalmatch = _SYSTEMD_UNIT=ssh.service"
    (etc / "jail.local").write_text(f"[slow]\n{match}\nport = ssh\n")
    folder = write_journal(tmp_path / "journal", [entry("a" * 60 + " b")])
    done = jailctl("slow", "--config", str(etc), "--directory", str(folder), "--json")
    assert done.stderr.startswith(b"jailctl: jail 'slow' is stopped here, as the service would")
    assert json.loads(done.stdout)["entries"] == 1


def test_what_the_service_would_warn_of_is_said_once(etc, folder):
    formula = "bantime.increment = true\nbantime.formula = ban.Time / (ban.Time - 60)\n"
    (etc / "jail.local").write_text(f"[sshd]\nmaxretry = 2\nbantime = 60\n{formula}")
    done = jailctl("--config", str(etc), "--directory", str(folder), "--json")
    assert done.stderr.startswith(b"jailctl: jail sshd: bantime.formula: ")
    assert (done.stderr.count(b"\n"), len(json.loads(done.stdout)["bans"])) == (1, 3)


def test_neither_a_bus_nor_root_is_needed(etc, folder):
    script = (
        "import sys; from jaild.cli.main import run; status = run(sys.argv[1:], None); "
        "sys.exit(status or any(name in sys.modules for name in ('gi', 'pydbus')))"
    )
    words = ("replay", "--config", str(etc), "--shipped", str(SHIPPED), "--directory", str(folder))
    command = [sys.executable, "-c", script, *words]
    env = {**os.environ, "PYTHONPATH": SOURCE}
    assert subprocess.run(command, stdout=subprocess.DEVNULL, env=env, check=False).returncode == 0


def test_entries_that_are_damaged_are_passed_over(folder, monkeypatch):
    def present(reader, single):
        found = sound(reader, single)
        if found.time == START + SECOND:
            raise UnicodeDecodeError("utf-8", b"", 0, 1, "a field has no proper name")
        return found

    sound = source.present
    monkeypatch.setattr(source, "present", present)
    history = source.History(source.Place(directory=folder))
    assert (len(list(history)), history.damaged) == (7, 1)
