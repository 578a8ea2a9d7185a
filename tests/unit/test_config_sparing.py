# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is never banned, and who always is."""

import os
import pwd
from ipaddress import ip_network
from pathlib import Path
from types import SimpleNamespace

import pytest

from jaild.config import listed, program, read, sparing
from jaild.config.check import Kind, check
from jaild.config.listed import Listed
from jaild.config.load import load
from jaild.config.model import Config, IgnoreCache, JailConfig
from jaild.config.tree import IN_SOURCE, Tree
from jaild.core.ban import FOREVER
from jaild.core.errors import InvalidConfig, JaildError
from tests.verbs import SECOND

DENY = "[deny]\nenabled = true\n"
ALSO = "[pam-generic]\nenabled = true\n"


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    (tmp_path / "etc").mkdir()
    return Tree(tmp_path / "etc", IN_SOURCE)


def put(tree: Tree, text: str, **lists: str) -> Config:
    (tree.etc / "jail.local").write_text(text)
    for name, content in lists.items():
        (tree.etc / name).write_text(content)
    return load(tree)


def only(config: Config) -> JailConfig:
    assert not config.broken, config.broken
    (jail,) = config.jails
    return jail


def networks(*texts: str) -> tuple[object, ...]:
    return tuple(ip_network(text) for text in texts)


def test_a_list_has_networks_names_and_files():
    found = sparing.IGNOREIP.parse(
        "127.0.0.1/8, ::1\n192.0.2.0/255.255.255.0 ::1 ::ffff:198.51.100.0/120\n"
        "Office.Example.ORG router file:/etc/friends office.example.org. file:/etc/friends"
    )
    assert found == Listed(
        networks("127.0.0.0/8", "::1", "192.0.2.0/24", "198.51.100.0/24"),
        ("office.example.org", "router"),
        ("file:/etc/friends",),
    )
    assert sparing.IGNOREIP.parse("") == Listed()


@pytest.mark.parametrize(
    "name", ["a", "localhost", "a.b", "1a.example", "x-1.example", "3com", "xn--bcher-kva.example"]
)
def test_host_names(name):
    assert listed.spared(name) == name


@pytest.mark.parametrize(
    "text",
    [
        *("192.0.2.256", "192.0.2", "1.2.3.4.5", "192.0.2.1/33", "192.0.2.1.", "10/8", "1"),
        *("fe80:::1", "2001:db8::/129", "::g", "abcd:", "host:22", "host/24", "dead::beef::1"),
        *("a_b.example", "-a.example", "a-.example", "a..b", ".", "*.example", "a.example/24"),
        *("192.168.1.1O.1", "office.1", "0x7f000001", "1.0x7f", "a" * 64, "a." * 130 + "a"),
        *("bücher.example", "a\0b", "fe80::1%eth0", "010.0.0.1", "\uff11.2.3.4"),
    ],
)
def test_what_is_neither_address_nor_name(text):
    with pytest.raises(JaildError, match=r"is not an address|has a scope id"):
        listed.spared(text)


@pytest.mark.parametrize("text", ["192.0.2.256", "192.0.2", "fe80:::1", "dead::beef::1"])
def test_a_mistyped_address_is_no_name(text):
    with pytest.raises(JaildError) as caught:
        listed.spared(text)
    assert str(caught.value) == f"'{text}' is not an address or network"


def test_too_much_of_it():
    for text, sentence in (
        ("::1 " * 10_001, "more than 10000 entries"),
        (" ".join(f"host{number}" for number in range(101)), "more than 100 host names"),
        (" ".join(f"file:{number}" for number in range(11)), "more than 10 files"),
    ):
        with pytest.raises(InvalidConfig, match=sentence):
            sparing.IGNOREIP.parse(text)


def test_names_and_networks_of_a_jail(tree):
    jail = only(put(tree, "[sshd]\nignoreip = 192.0.2.1 Home.example\n"))
    assert jail.ignoreip == networks("192.0.2.1")
    assert jail.ignorenames == ("home.example",)


def test_a_list_file(tree):
    text = (
        "\ufeff# friends\n\n192.0.2.1 192.0.2.2, 2001:db8::/32 ; the office\r\n"
        "  home.example#mine\n192.0.2.1\n;\n"
    )
    config = put(tree, "[DEFAULT]\nignoreip = 192.0.2.2 file:friends\n", friends=text)
    jail = only(config)
    assert jail.ignoreip == networks("192.0.2.2", "192.0.2.1", "2001:db8::/32")
    assert jail.ignorenames == ("home.example",)
    assert config.ignored == jail.ignoreip
    assert config.files == (tree.etc / "friends",)


def test_paths_of_list_files(tree, tmp_path):
    (tmp_path / "one").write_text("192.0.2.1")
    (tree.etc / "lists").mkdir()
    (tree.etc / "lists/two").write_text("192.0.2.2")
    (tree.etc / "null").symlink_to("/dev/null")
    text = f"file:{tmp_path}/one file://{tmp_path}/one file:lists/two file:null"
    config = put(tree, f"[sshd]\nignoreip = {text}\n")
    assert only(config).ignoreip == networks("192.0.2.1", "192.0.2.2")
    assert config.files == (tmp_path / "one", tree.etc / "lists/two", tree.etc / "null")


def test_jails_that_inherit_a_list_share_it(tree):
    config = put(tree, f"[DEFAULT]\nignoreip = file:friends\n{ALSO}", friends="192.0.2.1\n")
    one, other = config.jails
    assert one.ignoreip is other.ignoreip


def test_a_broken_list_breaks_its_jail_only(tree):
    text = f"[sshd]\nignoreip = 192.0.2.1 file:bad file:good file:none\n{ALSO}"
    config = put(tree, text, bad="192.0.2.2\n192.0.2.300\n", good="192.0.2.3\n")
    assert [jail.name for jail in config.jails] == ["pam-generic"]
    (broken,) = config.broken
    assert (broken.error.path, broken.error.line) == (str(tree.etc / "bad"), 2)
    assert broken.error.message == "'192.0.2.300' is not an address or network"
    assert config.ignored == networks("192.0.2.1", "192.0.2.3")
    assert config.files == tuple(tree.etc / name for name in ("bad", "good", "none"))


def test_files_of_a_jail_that_is_broken_otherwise(tree):
    text = "[sshd]\nport = shh\nignoreip = file:friends\ndenyip = file:foes\n"
    config = put(tree, text, friends="192.0.2.3\n")
    assert config.ignored == networks("192.0.2.3")
    assert set(config.files) == {tree.etc / "friends", tree.etc / "foes"}


def test_files_of_jails_that_do_not_run_are_not_read(tree):
    assert put(tree, "[pam-generic]\nignoreip = file:none\n").files == ()


@pytest.mark.parametrize(
    ("process", "user"), [("alice", "jaild"), ("jaild", "jaild"), ("jaild-lookup", "jaild-lookup")]
)
def test_a_list_that_may_not_be_read(tree, monkeypatch, process, user):
    usual = read.content
    monkeypatch.setattr(pwd, "getpwuid", lambda _uid: SimpleNamespace(pw_name=process))

    def refuse(path: Path, most: int = read.MAX_FILE) -> bytes:
        if path.name == "secret":
            raise PermissionError(13, "Permission denied", str(path))
        return usual(path, most)

    monkeypatch.setattr(read, "content", refuse)
    (broken,) = put(tree, "[sshd]\nignoreip = ::1\n    file:secret\n").broken
    assert broken.error.line == 3
    assert "'file:secret' cannot be read: Permission denied" in broken.error.message
    assert f"user {user} has to be able to read it" in broken.error.message


def test_a_pipe_is_refused_at_once(tree):
    os.mkfifo(tree.etc / "pipe")
    (broken,) = put(tree, "[sshd]\nignoreip = file:pipe\n").broken
    assert "'file:pipe' cannot be used: this is not a regular file" in broken.error.message


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("::1\n" * 100_001, "more than 100000 entries"),
        ("\n".join(f"host{number}" for number in range(101)), "more than 100 host names"),
        ("#" * (8 * 1024**2 + 1), "larger than 8 MiB"),
    ],
    ids=["entries", "names", "size"],
)
def test_a_list_with_too_much(tree, text, sentence):
    (broken,) = put(tree, "[sshd]\nignoreip = file:list\n", list=text).broken
    assert (broken.error.path, broken.error.line) == (str(tree.etc / "jail.local"), 2)
    assert f"'file:list' cannot be used: {sentence}" in broken.error.message.replace(
        "this file has ", ""
    ).replace("this file is ", "").replace("it has ", "")


def test_names_of_several_lists_count_together(tree):
    one, two = ("\n".join(f"{start}{number}" for number in range(60)) for start in "ab")
    (broken,) = put(tree, "[sshd]\nignoreip = file:one file:two\n", one=one, two=two).broken
    assert "more than 100 host names" in broken.error.message


def test_junk_is_told_shortly(tree):
    (tree.etc / "list").write_bytes(b"\xff\xfe\n192.0.2.1\n" + b"a" * 100_000 + b"\n")
    (tree.etc / "jail.local").write_text("[sshd]\nignoreip = file:list\n")
    found = check(tree).of(Kind.MISTAKE)
    assert [one.line for one in found] == [1, 3]
    assert len(found[1].message) < 120


def test_all_mistakes_of_a_list_are_told_once(tree):
    text = f"[DEFAULT]\nignoreip = file:list\n{ALSO}"
    (tree.etc / "list").write_text("192.0.2.300\n::1\n10.0.0.0/99\n")
    (tree.etc / "jail.local").write_text(text)
    found = check(tree).of(Kind.MISTAKE)
    assert [(one.path, one.line, one.column) for one in found] == [
        (str(tree.etc / "list"), line, 1) for line in (1, 3)
    ]


def test_a_list_that_all_jails_inherit_refuses_the_whole(tree):
    with pytest.raises(InvalidConfig) as caught:
        put(tree, "[DEFAULT]\nignoreip = file:list\n", list="::1\n192.0.2.300\n")
    assert (caught.value.path, caught.value.line) == (str(tree.etc / "list"), 2)


def test_the_deny_list(tree):
    config = put(
        tree, f"{DENY}denyip = 192.0.2.0/24 file:foes\n", foes="2001:db8::/48\n192.0.2.7\n"
    )
    jail = config.jails[-1]
    assert jail.denyip == networks("192.0.2.0/24", "2001:db8::/48", "192.0.2.7")
    assert (jail.filter.source, jail.match.groups, jail.bantime) == ("none", (), FOREVER)
    assert (jail.ports, jail.protocol) == ("", "any")
    assert config.ignored == ()
    assert config.files == (tree.etc / "foes",)


def test_without_a_list_nobody_is_denied(tree):
    assert [jail.denyip for jail in put(tree, DENY).jails] == [(), ()]


def test_the_same_file_can_be_both(tree):
    text = f"[sshd]\nignoreip = file:list\n{DENY}denyip = file:list\n"
    config = put(tree, text, list="home.example\n")
    assert config.jails[0].ignorenames == ("home.example",)
    assert "names are never banned" in config.broken[0].error.message


@pytest.mark.parametrize("text", ["0.0.0.0/0", "10.0.0.0/7", "2000::/3", "::/0"])
def test_nobody_denies_a_continent(text):
    with pytest.raises(JaildError, match="is wider than"):
        listed.denied(text)


def test_a_deny_list_for_all_jails_is_answered_with_a_note(tree):
    (tree.etc / "jail.local").write_text("[DEFAULT]\ndenyip = 192.0.2.1\n")
    (note,) = check(tree).of(Kind.NOTE)
    assert note.line == 2
    assert "meant for one jail, such as [deny]" in note.message


@pytest.mark.parametrize(
    ("denied", "sentence"),
    [
        ("127.0.0.1", "127.0.0.1 is in 127.0.0.0/8, which is never banned"),
        ("198.51.100.9", "198.51.100.9 is in 198.51.100.0/24, and ignoreip wins"),
        ("198.51.0.0/16", "198.51.0.0/16 holds 198.51.100.0/24, and ignoreip wins"),
        (
            "2001:db8::/32 ::1",
            "::1 is in ::1, which is never banned; 1 more overlaps",
        ),
    ],
)
def test_a_deny_list_that_cannot_be_is_warned_of(tree, denied, sentence):
    text = f"{DENY}denyip = 203.0.113.1 {denied}\nignoreip = 198.51.100.0/24 2001:db8::1\n"
    (tree.etc / "jail.local").write_text(text)
    (warning,) = check(tree).of(Kind.WARNING)
    assert warning.line == 3
    assert sentence in warning.message


def test_what_does_not_overlap_is_not_warned_of(tree):
    text = f"{DENY}denyip = 203.0.113.0/24 2001:db8::/48\nignoreip = 203.0.114.1 2001:db9::/32\n"
    (tree.etc / "jail.local").write_text(text)
    assert check(tree).findings == ()


def test_patterns_of_a_jail_that_looks_at_nothing(tree):
    text = f"{DENY}failregex = ^<HOST>$\njournalmatch = _UID=0\nlogpath = /x\n"
    found = put(tree, text)
    assert sorted(note.line for note in found.notes) == [3, 4, 5]
    assert all("looks at nothing" in note.text for note in found.notes)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ()),
        ("/bin/spare", ("/bin/spare",)),
        ("/bin/spare <ip> '<fid> <jail>'", ("/bin/spare", "<ip>", "<fid> <jail>")),
        ("/bin/spare '--name=<name>|x' \"a;b\"", ("/bin/spare", "--name=<name>|x", "a;b")),
        ("/bin/spare '$(x)' \\| 5$", ("/bin/spare", "$(x)", "|", "5$")),
        ("'/opt/my tools/spare' \"it's\"", ("/opt/my tools/spare", "it's")),
    ],
)  # fmt: skip
def test_commands(text, words):
    assert program.command(text) == words


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("spare <ip>", "absolute path of a program"),
        ("./spare", "absolute path of a program"),
        ("~/spare", "absolute path of a program"),
        ("FOO=1 /bin/x", "absolute path of a program"),
        ("/bin/<jail> <ip>", "absolute path of a program"),
        ("/bin/x <ip> && exit 1", "'&' would be for a shell"),
        ("/bin/x <ip>; exit", "';' would be for a shell"),
        ("! (/bin/x)", "'(' would be for a shell"),
        ("/bin/x < /etc/x", "'<' would be for a shell"),
        ("/bin/x `id`", "'`' would be for a shell"),
        ('/bin/x "`id`"', "'`' would be for a shell"),
        ('/bin/x "$HOME"', "'$H' would be for a shell"),
        ("/bin/x ${x}", "'${' would be for a shell"),
        ("/bin/x\n<ip>", "it has several lines"),
        ("/bin/x <F-USER>", "'<F-USER>' is not one of its tags"),
        ("/bin/x 'a", "unclosed quote"),
        ("/bin/x " + "a " * 100, "more than 100 words"),
    ],
)
def test_commands_refused(text, sentence):
    with pytest.raises(InvalidConfig) as caught:
        program.command(text)
    assert sentence in caught.value.message


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", IgnoreCache("<ip>", 1000, 300 * SECOND)),
        ('key="<ip>", max-count=100, max-time=1h', IgnoreCache("<ip>", 100, 3600 * SECOND)),
        ("key=<jail>-<family>", IgnoreCache("<jail>-<family>")),
    ],
)
def test_caches(text, wanted):
    assert program.cache(text) == wanted


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("kee=<ip>", "no parameter 'kee'"),
        ("key", "is not option=value"),
        ("key=", "its key is empty"),
        ("key=<F-USER>", "'<F-USER>' is not one of its tags"),
        ("max-count=0", "max-count: it has to be a whole number"),
        ("max-time=0", "longer than nothing"),
        ("max-time=-1", "for ever"),
    ],
)
def test_caches_refused(text, sentence):
    with pytest.raises(JaildError) as caught:
        program.cache(text)
    assert sentence in str(caught.value)


def test_a_jail_that_asks_a_program(tree):
    text = "[sshd]\nignorecommand = /bin/true <ip>\nignorecache = max-time=1h\n"
    jail = only(put(tree, text))
    assert jail.ignorecommand == ("/bin/true", "<ip>")
    assert jail.ignorecache.age == 3600 * SECOND
    assert jail.notes == ()
    assert check(tree).findings == ()


def test_a_program_that_is_missing_is_warned_of(tree):
    (tree.etc / "jail.local").write_text("[sshd]\nignorecommand = /nowhere/spare <ip>\n")
    (warning,) = check(tree).of(Kind.WARNING)
    assert (warning.line, warning.message) == (
        2,
        "ignorecommand of [sshd]: /nowhere/spare is no program that can be run",
    )


def test_all_jails_together_deny_so_many_and_no_more(tree, monkeypatch):
    monkeypatch.setattr(sparing, "MOST_DENIED", 3)
    text = f"{DENY}denyip = file:foes\n{ALSO}maxretry = 3\ndenyip = 192.0.2.3 192.0.2.4\n"
    found = put(tree, text, foes="192.0.2.1\n192.0.2.2\n")
    (broken,) = found.broken
    assert str(broken.error) == (
        f"{tree.etc}/jail.local:3: denyip of [deny] is 'file:foes': "
        "with it all enabled jails list 4 entries, and jaild takes 3"
    )
    (mistake,) = check(tree).of(Kind.MISTAKE)
    assert mistake.line == 3
    assert not put(tree, text, foes="192.0.2.1\n").broken


@pytest.mark.parametrize(("key", "warned"), [("<ip>", 0), ("<jail>/<fid>", 0), ("<family>", 1)])
def test_a_key_without_the_address_is_warned_of(tree, key, warned):
    text = f'[sshd]\nignorecommand = /bin/true <ip>\nignorecache = key="{key}"\n'
    (tree.etc / "jail.local").write_text(text)
    found = check(tree).of(Kind.WARNING)
    assert [warning.line for warning in found] == [3] * warned
    assert all("is the same for many addresses" in warning.message for warning in found)


@pytest.mark.parametrize(("mode", "warned"), [(0o755, 0), (0o775, 3), (0o757, 3)])
def test_files_that_others_may_write_to_are_warned_of(tree, mode, warned):
    for name in ("friends", "foes", "program"):
        (tree.etc / name).write_text("")
        (tree.etc / name).chmod(mode)
    (tree.etc / "jail.local").write_text(
        "[sshd]\nignoreip = 192.0.2.1\n  file:friends\n"
        f"denyip = file:foes\nignorecommand = {tree.etc}/program <ip>\n"
    )
    found = check(tree).of(Kind.WARNING)
    assert [warning.line for warning in found] == [3, 4, 5][:warned]
    assert all("others than its owner may write to" in warning.message for warning in found)
