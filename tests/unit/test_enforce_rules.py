# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tags, the command line's words, the rules file, ufw's lock."""

import fcntl
import os

import pytest

from jaild.core.address import Address
from jaild.core.errors import FirewallFailed
from jaild.core.rule import Rule
from jaild.enforce import command, lock, tag
from jaild.enforce.rules_file import RulesFile

RULES = "*filter\n### RULES ###\n\n### tuple ### deny any any 0.0.0.0/0 any 192.0.2.1 in\nCOMMIT\n"


@pytest.mark.parametrize(
    ("comment", "jail"),
    [
        ("jaild:sshd", "sshd"),
        ("jaild:nginx-http-auth", "nginx-http-auth"),
        ("jaild:", ""),
        ("jaild", ""),
        ("xjaild:sshd", ""),
        ("jaild:sshd x", ""),
        ("jaild:sshd\n", ""),
        ("jaild:" + "a" * 65, ""),
        ("jaild:-x", ""),
    ],
)
def test_only_the_exact_tag_counts(comment, jail):
    assert tag.jail_of(comment) == jail
    assert tag.decode(tag.encode(comment)) == jail


@pytest.mark.parametrize("encoded", ["", "zz", "6a61696c6", "ff", "6a61696c643aff"])
def test_what_is_not_hexadecimal_text_is_nobodys_tag(encoded):
    assert tag.decode(encoded) == ""


@pytest.mark.parametrize(
    "rule",
    [
        Rule("sshd", Address("192.0.2.1"), "22", "tcp"),
        Rule("dns", Address("2001:db8::/64"), "53,6000:6010", "udp", "deny"),
        Rule("recidive", Address("192.0.2.0/24")),
    ],
)
def test_words_of_the_command_line_are_read_back(rule):
    words = command.words_of(rule)
    assert command.parse(" ".join(["ufw", *words])) == rule


@pytest.mark.parametrize(
    "line",
    [
        "Added user rules (see 'ufw status' for running firewall):",
        "ufw allow 22/tcp",
        "ufw allow from 192.0.2.1 comment 'jaild:sshd'",
        "ufw deny out to 192.0.2.1 comment 'jaild:sshd'",
        "ufw deny in on eth0 from 192.0.2.1 comment 'jaild:sshd'",
        "ufw deny from 192.0.2.1 to 192.0.2.2 comment 'jaild:sshd'",
        "ufw deny from 192.0.2.1 port 22 proto tcp comment 'jaild:sshd' app x",
        "ufw deny from 192.0.2.1 comment 'jaild:sshd",
        "ufw deny from 192.0.2.1 comment 'somebody else'",
        "ufw deny 22/tcp comment 'jaild:sshd'",
        "ufw",
        "",
    ],
)
def test_other_lines_are_not_jailds(line):
    assert command.parse(line) is None


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "user.rules"
    path.write_text(RULES)
    path.chmod(0o640)
    return RulesFile(str(path))


def test_a_file_is_replaced_as_a_whole(file):
    file.check(1)
    file.stage()
    assert file.was_interrupted()
    file.staged.write_text(RULES + "\n")
    file.check_staged(1)
    assert file.path.read_text() == RULES
    file.commit()
    assert file.path.read_text() == RULES + "\n"
    assert file.path.stat().st_mode & 0o777 == 0o640
    assert not file.was_interrupted()


def test_a_commit_can_be_taken_back(file):
    file.check(1)
    file.stage()
    file.staged.write_text("*filter\nCOMMIT\n")
    file.commit()
    file.revert()
    assert file.path.read_text() == RULES
    assert not file.was_interrupted()


def test_a_stale_staged_file_is_no_obstacle(file):
    file.staged.symlink_to("/etc/passwd")
    assert file.was_interrupted()
    file.stage()
    assert not file.staged.is_symlink()
    file.discard()
    file.discard()


@pytest.mark.parametrize(
    ("text", "understood", "why"),
    [
        ("", 0, "does not end with COMMIT"),
        (RULES.removesuffix("COMMIT\n"), 1, "does not end with COMMIT"),
        (RULES + "COMMI", 1, "does not end with COMMIT"),
        (RULES, 0, "understands 0 of its 1 rules"),
    ],
)
def test_a_damaged_file_is_refused(file, text, understood, why):
    file.path.write_text(text)
    with pytest.raises(FirewallFailed, match=why):
        file.check(understood)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(FirewallFailed, match="cannot be read"):
        RulesFile(str(tmp_path / "none")).check(0)
    with pytest.raises(FirewallFailed, match="cannot be written"):
        RulesFile(str(tmp_path / "none")).stage()


def test_the_lock_excludes_another_process_and_is_freed(tmp_path):
    path = str(tmp_path / "ufw.lock")
    with lock.held(path, 0):
        assert _lock_elsewhere(path) == 1
    assert _lock_elsewhere(path) == 0


def test_a_missing_place_for_the_lock_is_a_failure():
    with pytest.raises(FirewallFailed, match="cannot be opened"), lock.held("/nowhere/at/all", 0):
        pass


def _lock_elsewhere(path: str) -> int:
    child = os.fork()
    if not child:
        try:
            with lock.held(path, 0.05):
                os._exit(0)
        except lock.Busy:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_ufws_own_way_of_locking_is_the_same(tmp_path):
    path = tmp_path / "ufw.lock"
    with path.open("w") as own:
        fcntl.lockf(own, fcntl.LOCK_EX)
        assert _lock_elsewhere(str(path)) == 1
