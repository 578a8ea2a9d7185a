# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""``jailctl test`` on real journals: files, folders, what journalctl exports, the host's own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from systemd import journal

import jaild
from jaild.core.entry import Entry
from jaild.core.match import parse
from jaild.journal.source import History, Place, UnreadableJournal
from tests.verbs import SECOND, SHIPPED, START, entry, write_journal

pytestmark = pytest.mark.integration

SOURCE = str(Path(jaild.__file__).parents[1])
ROWS = (
    ("Invalid user eve from 192.0.2.7 port 4", "failure"),
    ("Failed password for invalid user eve from 192.0.2.7 port 4 ssh2", "helper"),
    ("Failed password for invalid user eve from 192.0.2.7 port 4 ssh2", "failure"),
    ("Server listening on 0.0.0.0 port 22.", "miss"),
)
OUTSIDE = "Failed password for mallory from 198.51.100.66 port 1 ssh2"


@pytest.fixture
def folder(tmp_path):
    rows = [entry(message, at=n) for n, (message, _) in enumerate(ROWS)]
    rows.append(entry(OUTSIDE, at=9, unit="other.service", uid=1000))
    return write_journal(tmp_path / "journal", rows)


def jailctl(*words, stdin=b""):
    command = [sys.executable, "-m", "jaild.jailctl", "test", *words, "--shipped", str(SHIPPED)]
    env = {**os.environ, "PYTHONPATH": SOURCE, "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"}
    return subprocess.run(
        command, check=False, input=stdin, capture_output=True, env=env, timeout=60
    )


def verdicts(*words, stdin=b""):
    done = jailctl(*words, "--json", stdin=stdin)
    assert not done.returncode, done.stderr
    *entries, last = [json.loads(line) for line in done.stdout.splitlines()]
    assert last["summary"]["entries"] == len(entries)
    return [(entry["message"], entry["verdict"]) for entry in entries]


def test_a_folder(folder):
    assert verdicts("sshd", "--directory", str(folder)) == list(ROWS)


def test_files_whose_names_the_shell_expands(folder):
    write_journal(folder, [entry("Invalid user x from 192.0.2.8 port 5", at=60, pid=7)], "later")
    files = sorted(str(path) for path in folder.glob("*.journal"))
    assert len(files) == 2
    found = verdicts("sshd", "--file", *files)
    assert found[: len(ROWS)] == list(ROWS)
    assert found[-1] == ("Invalid user x from 192.0.2.8 port 5", "failure")


def test_entries_outside_the_match_of_the_filter(folder):
    found = verdicts("sshd", "--directory", str(folder), "--all-entries")
    assert found[-1] == (OUTSIDE, "failure")


def test_a_span_of_time(folder):
    since, until = (f"@{(START // SECOND) + second}" for second in (1, 2))
    found = verdicts("sshd", "--directory", str(folder), "--since", since, "--until", until)
    assert [message for message, _ in found] == [message for message, _ in ROWS[1:3]]


def test_what_journalctl_exports(folder):
    journalctl = shutil.which("journalctl")
    if journalctl is None:
        pytest.skip("there is no journalctl")
    command = [journalctl, "--directory", str(folder), "-o", "export"]
    stream = subprocess.run(command, check=True, capture_output=True).stdout
    assert verdicts("sshd", "--stdin", stdin=stream) == list(ROWS)
    assert len(verdicts("sshd", "--stdin", "--all-entries", stdin=stream)) == len(ROWS) + 1


def test_the_report_of_a_folder(folder):
    done = jailctl("sshd", "--directory", str(folder))
    out = done.stdout.decode()
    assert (done.returncode, done.stderr) == (0, b"")
    assert f"Journal   {folder}\n" in out
    assert "Verdicts  2 failures, 1 helper, 0 ignored, 1 missed\n" in out


def test_nothing_found_is_no_failure(folder):
    done = jailctl("postfix", "--directory", str(folder))
    assert (done.returncode, b"--all-entries takes all" in done.stderr) == (0, True)


def test_a_reader_who_stops_early_is_no_mistake(folder):
    command = [sys.executable, "-m", "jaild.jailctl", "test", "sshd", "--json",
               "--shipped", str(SHIPPED), "--directory", str(folder)]  # fmt: skip
    reading, writing = os.pipe()
    os.close(reading)
    env = {**os.environ, "PYTHONPATH": SOURCE}
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False, env=env)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--file", "{0}/none.journal"), "none.journal does not exist"),
        (("--file", "{0}/bad.journal"), "bad.journal is no journal file, or is damaged"),
        (("--file", "{0}/journal/test.journal", "{0}/bad.journal"), "bad.journal is no journal"),
        (("--file", "{0}/journal"), "is a folder; give it with --directory"),
        (("--directory", "{0}/none"), "there are no journal files in"),
        (("--directory", "{0}"), "bad.journal is no journal file, or is damaged"),
        (("--directory", "{0}/bad.journal"), "is no folder; give files with --file"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(folder, tmp_path, words, says):
    (tmp_path / "bad.journal").write_bytes(b"x" * 1000)
    done = jailctl("sshd", *(word.format(tmp_path) for word in words))
    assert (done.returncode, done.stdout) == (1, b"")
    assert says in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1


def test_a_file_that_has_to_be_left_out_is_named(folder):
    (folder / "bad.journal").write_bytes(b"x" * 1000)
    done = jailctl("sshd", "--directory", str(folder))
    assert done.returncode == 0
    assert b"1 of 2 journal files are left out: " in done.stderr
    assert b"Verdicts  2 failures" in done.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to be somebody else")
@pytest.mark.parametrize("way_is_open", [True, False])
def test_a_journal_of_somebody_else(folder, way_is_open):
    for path in folder.iterdir():
        path.chmod(0o600)
    if way_is_open:
        for parent in (folder, *(one for one in folder.parents if "pytest" in str(one))):
            parent.chmod(parent.stat().st_mode | 0o055)
    else:
        folder.parent.chmod(0o700)
    place = Place(directory=folder)
    os.seteuid(65534)
    try:
        with pytest.raises(UnreadableJournal, match=r"may not be read by you; .* systemd-journal"):
            History(place)
    finally:
        os.seteuid(0)


def test_a_damaged_file_ends_in_a_sentence(folder):
    path = folder / "test.journal"
    data = bytearray(path.read_bytes())
    for place in range(data.index(b"MESSAGE=") - 200, len(data) // 2, 300):
        data[place] ^= 0xFF
    path.write_bytes(data)
    try:
        for found in History(Place(files=(path,))):
            assert isinstance(found, Entry)
    except UnreadableJournal as error:
        assert str(error)  # noqa: PT017 - either is right, depending on what was hit


def test_a_history_knows_its_span(folder):
    history = History(Place(directory=folder), parse("_SYSTEMD_UNIT=ssh.service"))
    assert history.span() == (START, START + 3 * SECOND)
    assert [found.time for found in history] == [START + n * SECOND for n in range(4)]
    nothing = History(Place(directory=folder, since=START + 99 * SECOND))
    assert list(nothing) == []
    nothing.span()


def test_the_journal_of_this_host():
    with journal.Reader() as reader:
        live = reader._next()
    done = jailctl("sshd", "--since", "-1h", "--json")
    if live:
        assert done.returncode == 0, done.stderr
        assert b'"summary"' in done.stdout
    else:
        assert done.returncode == 1
        assert done.stderr.count(b"\n") == 1


def test_a_filter_without_a_match_sees_all_entries(folder, tmp_path):
    (tmp_path / "filter.d").mkdir()
    pattern = r"^Failed password .* from <HOST> port \d+ ssh2$"
    text = f"[Definition]\n_daemon = sshd\nfailregex = {pattern}\n"
    (tmp_path / "filter.d/mine.conf").write_text(text)
    words = ("mine", "--config", str(tmp_path), "--directory", str(folder))
    assert verdicts(*words)[-1] == (OUTSIDE, "failure")
    told = jailctl(*words).stdout.decode()
    assert "Match     none; a jail would look at _SYSTEMD_UNIT=" in told
