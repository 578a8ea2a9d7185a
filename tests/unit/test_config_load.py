# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

from ipaddress import ip_network
from pathlib import Path

import pytest

from jaild.config.load import load
from jaild.config.model import Config, JailConfig, MailConfig
from jaild.config.tree import IN_SOURCE, Tree
from jaild.core.ban import FOREVER
from jaild.core.errors import InvalidConfig

MINUTE = 60_000_000
FILTER = "[Definition]\nfailregex = ^bad <HOST>$\njournalmatch = _SYSTEMD_UNIT=x.service\n"


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """The shipped jail.conf and jaild.conf, and a filter sshd that does not change under us."""
    tree = Tree(tmp_path / "etc", tmp_path / "shipped")
    (tree.shipped / "filter.d").mkdir(parents=True)
    (tree.etc / "jail.d").mkdir(parents=True)
    for name in ("jail.conf", "jaild.conf"):
        (tree.shipped / name).write_text((IN_SOURCE / name).read_text())
    (tree.shipped / "filter.d/sshd.conf").write_text(FILTER)
    return tree


def put(tree: Tree, text: str, name: str = "jail.local") -> Config:
    (tree.etc / name).write_text(text)
    return load(tree)


def sshd(tree: Tree, text: str) -> JailConfig:
    config = put(tree, text)
    assert not config.broken, config.broken
    assert [jail.name for jail in config.jails] == ["sshd"]
    return config.jails[0]


def refused(tree: Tree, text: str, name: str = "jail.local") -> str:
    with pytest.raises(InvalidConfig) as caught:
        put(tree, text, name)
    return str(caught.value).replace(f"{tree.etc}/", "")


def broken(tree: Tree, text: str, jail: str = "sshd") -> str:
    config = put(tree, text)
    assert [found.name for found in config.broken] == [jail]
    return str(config.broken[0].error).replace(f"{tree.etc}/", "")


def test_shipped_configuration_protects_sshd(tmp_path: Path) -> None:
    config = load(Tree(tmp_path / "missing", IN_SOURCE))
    (jail,) = config.jails
    assert (jail.name, jail.ports, jail.protocol, jail.verdict) == ("sshd", "22", "tcp", "reject")
    assert (jail.maxretry, jail.findtime, jail.bantime) == (5, 10 * MINUTE, 10 * MINUTE)
    assert jail.ignoreself
    assert jail.match.groups
    assert (config.broken, config.notes, config.ignored) == ((), (), ())
    assert (config.daemon.loglevel, config.daemon.dbpurgeage) == ("INFO", 1440 * MINUTE)


def test_shipped_values_are_the_defaults_of_the_schema(tree: Tree) -> None:
    with_files = sshd(tree, "")
    (tree.shipped / "jail.conf").write_text("[sshd]\nenabled = true\nport = ssh\n")
    without = load(tree).jails[0]
    for name in JailConfig.__slots__:
        if name != "actions":
            assert getattr(with_files, name) == getattr(without, name), name


def test_no_files_at_all(tmp_path: Path) -> None:
    config = load(Tree(tmp_path / "a", tmp_path / "b"))
    assert (config.jails, config.broken) == ((), ())


def test_guide_works_to_the_letter(tree: Tree) -> None:
    (tree.etc / "jail.d/ssh.local").write_text(
        "[sshd]\n"
        "enabled = true\n"
        "banaction = ufw\n"
        "port = ssh\n"
        "filter = sshd\n"
        "logpath = %(sshd_log)s\n"
        "maxretry = 5\n"
    )
    jail = sshd(
        tree,
        "[DEFAULT]\n"
        "ignoreip = 127.0.0.1/8 192.168.1.0/24\n"
        "destemail = admin@example.org\n"
        "sender = jaild@example.org\n"
        "mta = mail\n"
        "action = %(action_mwl)s\n",
    )
    assert (jail.ports, jail.verdict, jail.maxretry, jail.filter.name) == (
        "22",
        "reject",
        5,
        "sshd",
    )
    assert jail.ignoreip == (ip_network("127.0.0.0/8"), ip_network("192.168.1.0/24"))
    assert jail.actions[1] == 'mail-whois-lines[name="sshd"]'
    assert jail.mail == MailConfig(
        ("admin@example.org",), "jaild@example.org", "jaild", "mail", whois=True, lines=True
    )
    config = load(tree)
    assert config.ignored == jail.ignoreip
    assert [str(note).replace(f"{tree.etc}/", "") for note in config.notes] == [
        (
            "jail.d/ssh.local:6: logpath is not used: jaild reads the journal, no log files; "
            "jail 'sshd' looks at _SYSTEMD_UNIT=x.service"
        ),
    ]


def test_jail_options(tree: Tree) -> None:
    jail = sshd(
        tree,
        "[sshd]\nMaxRetry: 3\nfindtime = 1h 30m\nbantime = -1 ; for ever\nmaxmatches = 2\n"
        "ignoreself = no\nignoreip = ::1\nport = http,https\nprotocol = udp\n"
        "banaction = ufw[blocktype=deny]\n",
    )
    assert (jail.maxretry, jail.findtime, jail.bantime) == (3, 90 * MINUTE, FOREVER)
    assert (jail.maxmatches, jail.ignoreself, jail.ignoreip) == (2, False, (ip_network("::1"),))
    assert (jail.ports, jail.protocol, jail.verdict) == ("80,443", "udp", "deny")


@pytest.mark.parametrize("line", ["port = 0:65535", "banaction = %(banaction_allports)s"])
def test_all_ports(tree: Tree, line: str) -> None:
    jail = sshd(tree, f"[sshd]\n{line}\n")
    assert (jail.ports, jail.protocol) == ("", "any")


def test_plain_action_takes_the_ports_of_the_jail(tree: Tree) -> None:
    assert sshd(tree, "[sshd]\naction = ufw\n").ports == "22"


def test_jails_of_ones_own(tree: Tree) -> None:
    (tree.etc / "filter.d").mkdir()
    (tree.etc / "filter.d/door.conf").write_text(FILTER)
    config = put(
        tree,
        "[door]\nenabled = true\nignoreip = 192.0.2.1\nmine_log = x\naction_mine = ufw\n"
        "limit = 7\nmaxretry = %(limit)s\naction = %(action_mine)s\n"
        "[window]\nmaxretry = nonsense\n",
    )
    assert [jail.name for jail in config.jails] == ["sshd", "door"]
    assert config.jails[1].maxretry == 7
    assert config.jails[1].filter.path == f"{tree.etc}/filter.d/door.conf"
    assert config.ignored == (ip_network("192.0.2.1"),)
    assert config.broken == ()


def test_disabled_jail(tree: Tree) -> None:
    assert put(tree, "[sshd]\nenabled = false\nmaxretry = nonsense\n").jails == ()


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("bantme = 1h", "'bantme' in [DEFAULT] is not an option of jaild (did you mean bantime?)"),
        ("ignoreself = ture", "ignoreself of [DEFAULT] is 'ture': it has to be true or false"),
        ("bantime = 10x", "bantime of [DEFAULT] is '10x': '10x' is not a duration"),
        ("maxretry = five", "maxretry of [DEFAULT] is 'five': it has to be a whole number"),
        ("findtime = -1", "findtime of [DEFAULT] is '-1': it cannot be for ever"),
        ("ignoreip = my_home", "'my_home' is not an address, network or host name"),
        ("ignoreip = 192.0.2.300", "'192.0.2.300' is not an address or network"),
        ("port = shh", "port of [DEFAULT] is 'shh': 'shh' is no service in /etc/services"),
        ("protocol = icmp", "protocol of [DEFAULT] is 'icmp'"),
        ("banaction = nftabels", "there is no action 'nftabels', and jaild bans through ufw"),
        ("action = mail-whois", "none of the actions bans (write action = %(action_)s)"),
        ("action = %(action_mlw)s", "%(action_mlw)s names an option that is not set anywhere"),
        ("bantime = %(bantime)s", "circle"),
        ("bantime = 5%", "a percent sign is written %%"),
        ("nonsense", "this line is no [section]"),
    ],
)
def test_mistake_in_default_refuses_the_whole(tree: Tree, line: str, sentence: str) -> None:
    message = refused(tree, f"[DEFAULT]\n\n{line}\n")
    assert message.startswith("jail.local:3: ")
    assert sentence in message


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("enable = true", "'enable' in [sshd] is not an option of jaild (did you mean enabled?)"),
        ("enabled = maybe", "enabled of [sshd] is 'maybe': it has to be true or false"),
        ("bantime = 10x", "bantime of [sshd] is '10x': '10x' is not a duration"),
        ("bantime =", "bantime of [sshd] is empty"),
        ("bantime = 0", "bantime of [sshd] is '0': it has to be longer than nothing"),
        ("ignoreip = a..example", "'a..example' is not an address, network or host name"),
        ("port = 70000", "port of [sshd] is '70000'"),
        ("banaction = iptabels", "there is no action 'iptabels', and jaild bans through ufw"),
        ("filter = sshdd", "there is no filter 'sshdd' in"),
        ("filter = sshdd", "(did you mean sshd?)"),
        ("filter = sshd[mode", "filter of [sshd] is 'sshd[mode'"),
        ("filter = ../sshd", "there is no filter '../sshd'"),
        ("filter = sshd nginx", "it has to be one name"),
        ("failregex =", "the filter of jail 'sshd' has no failregex"),
        ("journalmatch = nonsense", "'nonsense' in a journal match is not FIELD=value"),
    ],
)
def test_mistake_in_a_jail_breaks_that_jail(tree: Tree, line: str, sentence: str) -> None:
    (tree.etc / "jail.d/a.conf").write_text("[other]\nenabled = true\nfilter = sshd\n")
    config = put(tree, f"[sshd]\n{line}\n")
    assert [jail.name for jail in config.jails] == ["other"]
    ((name, error),) = ((found.name, found.error) for found in config.broken)
    assert name == "sshd"
    assert sentence in str(error)
    if error.path == f"{tree.etc}/jail.local":
        assert error.line == 2


def test_mistake_that_only_one_jail_inherits(tree: Tree) -> None:
    text = "[DEFAULT]\nbantime = %(mine)s\n[sshd]\nmine = 10x\n"
    assert broken(tree, text).startswith("jail.local:4: bantime of [sshd] is '10x'")


def test_broken_jail_still_protects_its_friends(tree: Tree) -> None:
    config = put(tree, "[sshd]\nignoreip = 192.0.2.1\nport = shh\n")
    assert config.ignored == (ip_network("192.0.2.1"),)


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ("default", "[default] is no jail (did you mean DEFAULT?)"),
        ("Defaults", "[Defaults] is no jail (did you mean DEFAULT?)"),
        ("include", "[include] is no jail (did you mean INCLUDES?)"),
        ("a b", "a jail's name is made of letters"),
        ("../x", "a jail's name is made of letters"),
    ],
)
def test_impossible_sections(tree: Tree, header: str, sentence: str) -> None:
    assert refused(tree, f"\n[{header}]\nbantime = 1h\n") == f"jail.local:2: {sentence}".replace(
        "letters", "letters, digits and _.@+-, at most 64"
    )


def test_mistaken_jail_is_found_by_its_header(tree: Tree) -> None:
    message = broken(tree, "\n[nginx]\nenabled = true\n", "nginx")
    assert message.startswith(
        "jail.local:2: filter of [nginx] is 'nginx[mode=normal]': there is no"
    )


def test_misspelled_jail(tree: Tree) -> None:
    message = broken(tree, "[shsd]\nmaxretry = 3\n", "shsd")
    assert message == "jail.local:1: there is no jail 'shsd' (did you mean sshd?)"


def test_notes_on_what_is_not_obeyed(tree: Tree) -> None:
    config = put(
        tree,
        "[DEFAULT]\nbackend = auto\nusedns = warn\n[sshd]\n"
        "datepattern = %Y\nlogpath = %(no_such_log)s\n",
    )
    assert [note.line for note in config.notes] == [2, 3, 5, 6]
    assert config.jails[0].notes == config.notes[2:]


def test_no_notes_on_what_jaild_does_anyway(tree: Tree) -> None:
    text = "backend = systemd\nusedns = no\nbantime.increment = false\n"
    assert put(tree, f"[DEFAULT]\n{text}").notes == ()


def test_too_many_jails(tree: Tree) -> None:
    text = "".join(f"[j{number}]\n" for number in range(1001))
    assert "more than 1000 jails" in refused(tree, text)
