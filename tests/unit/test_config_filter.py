# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

import re
from pathlib import Path

import pytest

from jaild.config.filter import one_filter
from jaild.config.load import load
from jaild.config.model import FilterConfig
from jaild.config.tree import IN_SOURCE, Tree
from jaild.core.errors import InvalidConfig

MATCH = "journalmatch = _SYSTEMD_UNIT=x.service\n"


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    tree = Tree(tmp_path / "etc", tmp_path / "shipped")
    (tree.shipped / "filter.d").mkdir(parents=True)
    (tree.etc / "filter.d").mkdir(parents=True)
    return tree


def use(tree: Tree, definition: str, jail: str = "") -> FilterConfig:
    (tree.etc / "jail.conf").write_text(f"[x]\nenabled = true\n{jail}\n")
    (tree.shipped / "filter.d/x.conf").write_text(definition)
    config = load(tree)
    assert not config.broken, config.broken
    return config.jails[0].filter


def mistake(tree: Tree, definition: str, jail: str = "") -> str:
    (tree.etc / "jail.conf").write_text(f"[x]\nenabled = true\n{jail}\n")
    (tree.shipped / "filter.d/x.conf").write_text(definition)
    return str(load(tree).broken[0].error).replace(f"{tree.etc.parent}/", "")


def test_plain_filter(tree: Tree) -> None:
    text = (
        "[Definition]\nfailregex = ^bad <HOST>$\n            ^worse <F-USER>.*</F-USER>%%$\n"
        "ignoreregex =\nprefregex = ^<F-CONTENT>.*</F-CONTENT>$\n" + MATCH
    )
    assert use(tree, text) == FilterConfig(
        "x",
        f"{tree.shipped}/filter.d/x.conf",
        ("^bad <HOST>$", "^worse <F-USER>.*</F-USER>%$"),
        (),
        "^<F-CONTENT>.*</F-CONTENT>$",
        "_SYSTEMD_UNIT=x.service",
    )


MODES = (
    "[INCLUDES]\nbefore = common.conf\n[Definition]\nfailregex = ^<prefix><mode-<mode>>$\n"
    "mode-normal = n\nmode-extra = <mode-normal>|e%(tail)s\ntail = %%\n"
    "[Init]\nmode = normal\n" + MATCH
)


def test_modes_parameters_and_includes(tree: Tree) -> None:
    (tree.shipped / "filter.d/common.conf").write_text("[DEFAULT]\nprefix = p\n")
    assert use(tree, MODES).failregex == ("^pn$",)
    assert use(tree, MODES, "mode = extra").failregex == ("^pn|e%$",)
    assert use(tree, MODES, "filter = x[mode=extra][prefix='a, ]b']").failregex == ("^a, ]bn|e%$",)
    assert use(tree, MODES, "filter = x[prefix='<known/prefix>2']").failregex == ("^p2n$",)
    (tree.etc / "filter.d/common.local").write_text("[DEFAULT]\nprefix = q\n")
    assert use(tree, MODES, "filter = x").failregex == ("^qn$",)


def test_other_sections(tree: Tree) -> None:
    text = "[lt_journal]\np = J\n[lt_file]\np = F\n[Definition]\nfailregex = <lt_<logtype>/p>\n"
    text += MATCH
    assert use(tree, text).failregex == ("J",)


def test_local_files_are_laid_over(tree: Tree) -> None:
    local = "[Definition]\nfailregex = %(known/failregex)s\n  ^b <HOST>$\n"
    (tree.etc / "filter.d/x.local").write_text(local)
    assert use(tree, f"[Definition]\nfailregex = ^a <HOST>$\n{MATCH}").failregex == (
        "^a <HOST>$",
        "^b <HOST>$",
    )


def test_jail_overrides_its_filter(tree: Tree) -> None:
    text = f"[Definition]\nfailregex = ^<word> <HOST>$\nword = a\n{MATCH}"
    found = use(
        tree,
        text,
        "failregex = %(known/failregex)s\n  ^b <word>$\nignoreregex = i\n"
        "prefregex = p\njournalmatch = _UID=0",
    )
    assert found.failregex == ("^a <HOST>$", "^b a$")
    assert (found.ignoreregex, found.prefregex, found.journalmatch) == (("i",), "p", "_UID=0")


def test_etc_replaces_the_shipped_filter(tree: Tree) -> None:
    (tree.etc / "filter.d/x.conf").write_text(f"[Definition]\nfailregex = mine\n{MATCH}")
    found = use(tree, f"[Definition]\nfailregex = shipped\nprefregex = p\n{MATCH}")
    assert (found.failregex, found.prefregex) == (("mine",), "")
    assert found.path == f"{tree.etc}/filter.d/x.conf"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[Definition]\n", "x.conf: the filter of jail 'x' has no failregex"),
        (
            "[Definition]\nfailregex = a<b>\nb = <failregex>\n",
            "x.conf:2: failregex: the options named in <…>",
        ),
        ("[Definition]\n\nfailregex = 5%\n", "x.conf:3: a percent sign is written %%"),
        ("[Definition]\nfailregex\n", "x.conf:2: this line is no [section]"),
        ("[Defintion]\nfailregex = a\n", "x.conf:1: [Defintion] is not a section of a filter"),
        ("[Other]\nfailregex = a\n", "x.conf: this filter has no section [Definition]"),
        (
            "[Definition]\nfailregex = a\njournalmatch = b\n",
            "x.conf:3: journalmatch of this filter",
        ),
    ],
)
def test_mistakes_are_found_in_the_file(tree: Tree, text: str, sentence: str) -> None:
    assert mistake(tree, text).startswith(f"shipped/filter.d/{sentence}")


def test_mistake_in_an_override_is_found_in_the_jail(tree: Tree) -> None:
    text = f"[Definition]\nfailregex = a\n{MATCH}"
    assert mistake(tree, text, "failregex = <a>\n  <failregex>x").startswith(
        "etc/jail.conf:3: failreg"
    )


PREFIXED = (
    "[INCLUDES]\nbefore = common.conf\n[Definition]\n_daemon = doord\n"
    "failregex = ^%(__prefix_line)sno entry for <HOST>$\n"
)


def shipped(tree: Tree, *names: str) -> None:
    for name in names:
        text = (IN_SOURCE / "filter.d" / name).read_text()
        (tree.shipped / "filter.d" / name).write_text(text)


def test_common_names_stand_for_the_syslog_prefix(tree: Tree) -> None:
    shipped(tree, "common.conf")
    (tree.etc / "filter.d/door.conf").write_text(PREFIXED)
    config = one_filter(tree, "door")
    assert config.prefixed
    (pattern,) = config.failregex
    regex = re.compile(pattern.replace("<HOST>", r"(\S+)"))
    for line in (
        "no entry for x",
        "door.example doord[12]: no entry for x",
        "doord: no entry for x",
    ):
        assert regex.match(line), line
    assert not regex.match("door.example other[12]: no entry for x")


@pytest.mark.parametrize("logtype", ["short", "file", "rfc5424"])
def test_common_names_of_other_logs(tree: Tree, logtype: str) -> None:
    shipped(tree, "common.conf")
    (tree.etc / "filter.d/door.conf").write_text(PREFIXED)
    (pattern,) = one_filter(tree, f"door[logtype={logtype}]").failregex
    line = {
        "short": "host doord[1]: no entry for x",
        "file": "[] host [doord](pam)[1]: no entry for x",
        "rfc5424": 'host doord 12 ID1 [a b="c]"] no entry for x',
    }[logtype]
    assert re.match(pattern.replace("<HOST>", r"(\S+)"), line)


@pytest.mark.parametrize(
    ("definition", "prefixed"),
    [
        ("failregex = ^a <HOST>$", False),
        ("failregex = ^a <HOST>$\n_daemon = unused", False),
        ("_daemon = x\nfailregex = ^%(mine)s <HOST>$\nmine = <_daemon>: ", True),
        ("prefregex = ^<lt_<logtype>/p><F-CONTENT>.*</F-CONTENT>$\nfailregex = a", True),
        ("failregex = a\nignoreregex = ^<__pid_re>", True),
        (r"failregex = ^\S+ sshd\[\d+\]: no <HOST>$", True),
        (r"failregex = ^\[pid \d+\] no <HOST>$", False),
    ],
)
def test_filters_that_want_the_syslog_prefix(tree: Tree, definition: str, prefixed: bool) -> None:
    text = "[lt_journal]\np = %(__hostname)s\n[DEFAULT]\n__pid_re = p\n__hostname = h\n"
    (tree.etc / "filter.d/door.conf").write_text(f"{text}[Definition]\n{definition}\n")
    assert one_filter(tree, "door").prefixed == prefixed


def test_logtype_is_the_journal_unless_the_filter_itself_says_otherwise(tree: Tree) -> None:
    text = "[DEFAULT]\nlogtype = file\n[Definition]\nfailregex = <logtype> %(logtype)s\n"
    (tree.etc / "filter.d/a.conf").write_text(text)
    assert one_filter(tree, "a").failregex == ("journal journal",)
    assert one_filter(tree, "a[logtype=short]").failregex == ("short short",)
    (tree.etc / "filter.d/a.conf").write_text(f"{text}logtype = own\n")
    assert one_filter(tree, "a").failregex == ("own own",)


def test_conditional_sections_load(tree: Tree) -> None:
    text = (
        "[Definition]\nfailregex = <what?family=inet6> <how>\n[Definition?logtype=file]\nhow = f\n"
        "[Init]\nhow = a\n[Init?family=inet6]\nwhat = w\n"
    )
    (tree.etc / "filter.d/a.conf").write_text(text)
    assert one_filter(tree, "a").failregex == ("w a",)


def test_init_counts_more_than_definition_and_parameters_most(tree: Tree) -> None:
    text = "[Init]\na = i\n[Definition]\na = d\nb = %(a)s<a>\nfailregex = <b> <Definition/a>\n"
    (tree.etc / "filter.d/a.conf").write_text(text)
    assert one_filter(tree, "a").failregex == ("di d",)
    assert one_filter(tree, "a[a=p][b='<a>%(a)s']").failregex == ("p%(a)s d",)
    assert one_filter(tree, "a[a=p]").failregex == ("pp d",)


def test_known_is_what_was_said_before(tree: Tree) -> None:
    (tree.etc / "filter.d/a.conf").write_text("[Definition]\na = 1\nfailregex = f<a>\n")
    (tree.etc / "filter.d/a.local").write_text(
        "[Definition]\na = <known/a>2\nfailregex = %(known/failregex)s\n  g<default/a><nobody/a>\n"
    )
    assert one_filter(tree, "a").failregex == ("f12", "g<default/a><nobody/a>")
    assert one_filter(tree, "a[a='<known/a>3']").failregex[0] == "f123"


def test_jail_sees_all_options_of_its_filter_as_known(tree: Tree) -> None:
    text = f"[Definition]\nfailregex = ^a <word>$\nword = w<end>\nend = e\n{MATCH}"
    found = use(tree, text, "failregex = ^%(known/word)s <HOST>$")
    assert found.failregex == ("^we <HOST>$",)


def test_several_lines_at_once_are_refused(tree: Tree) -> None:
    text = "[Definition]\nmaxlines = 2\nfailregex = ^a <HOST>$\n   ^a$<SKIPLINES>^b <HOST>$\n"
    (tree.etc / "filter.d/a.conf").write_text(text)
    with pytest.raises(InvalidConfig, match="<SKIPLINES> looks at several lines") as caught:
        one_filter(tree, "a")
    assert (caught.value.line, caught.value.text) == (4, "<SKIPLINES>")


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("failregx = a", "did you mean failregex?"),
        ("journalmatches = a", "did you mean journalmatch?"),
        ("failregex2 = a", ""),
        ("mdre-x = a", ""),
        ("failregexp = a\nb = <failregexp>", ""),
        ("[Inti]", "did you mean Init?"),
        ("[Inti]\na = 1\n[Definition]\nb = <Inti/a>", ""),
    ],
)
def test_misspelled_names_in_filters(tree: Tree, line: str, hint: str) -> None:
    (tree.etc / "filter.d/a.conf").write_text(f"[Definition]\nfailregex = a\n{line}\n")
    if not hint:
        one_filter(tree, "a")
        return
    with pytest.raises(InvalidConfig) as caught:
        one_filter(tree, "a")
    assert (caught.value.line, caught.value.hint) == (3, hint)


@pytest.mark.parametrize(
    ("definition", "match"),
    [
        ("_daemon = doord", "_SYSTEMD_UNIT=doord.service"),
        ("_daemon = mysqld", "_SYSTEMD_UNIT=mariadb.service _SYSTEMD_UNIT=mysql.service"),
        ("_daemon = (?:a|b)", ""),
        ("_daemon = phpMyAdmin", ""),
        ("x = 1", ""),
    ],
)
def test_journal_match_from_the_name_of_the_daemon(tree: Tree, definition: str, match: str) -> None:
    (tree.etc / "filter.d/door.conf").write_text(f"[Definition]\nfailregex = a\n{definition}\n")
    assert one_filter(tree, "door").journalmatch.startswith(match)
    assert bool(one_filter(tree, "door").journalmatch) == bool(match)


def test_journal_match_of_the_shipped_filter_of_the_same_name(tree: Tree) -> None:
    (tree.etc / "filter.d/x.conf").write_text("[Definition]\nfailregex = mine\n_daemon = y\n")
    (tree.shipped / "filter.d/x.conf").write_text(f"[Definition]\nfailregex = theirs\n{MATCH}")
    (tree.etc / "jail.conf").write_text("[x]\nenabled = true\n")
    config = load(tree)
    assert config.jails[0].filter.failregex == ("mine",)
    assert str(config.jails[0].match) == "_SYSTEMD_UNIT=x.service"
    (note,) = config.notes
    assert note.text.endswith("x.service: jaild's own filter of this name has it")


def test_jail_without_any_journal_match(tree: Tree) -> None:
    sentence = mistake(tree, "[Definition]\nfailregex = a\n", "filter = x[mode=y]")
    assert sentence == (
        "etc/jail.conf:3: jail 'x' has no journalmatch, nor has its filter 'x' "
        "(write, for instance, journalmatch = _SYSTEMD_UNIT=x.service in [x])"
    )


def test_jails_that_look_at_bans(tree: Tree) -> None:
    (tree.shipped / "filter.d/x.conf").write_text("[Definition]\nsource = bans\n")
    log = "[Definition]\nfailregex = Ban <HOST>\njournalmatch = _SYSTEMD_UNIT=fail2ban.service\n"
    (tree.etc / "filter.d/y.conf").write_text(log)
    (tree.etc / "jail.conf").write_text("[x]\nenabled = true\n[y]\nenabled = true\nlogpath = /l\n")
    config = load(tree)
    assert [(jail.filter.source, jail.match.groups) for jail in config.jails] == [("bans", ())] * 2
    assert [note.line for note in config.notes] == [3, 5]
    assert "looks at the bans of the other jails" in config.notes[1].text
    (tree.shipped / "filter.d/x.conf").write_text("[Definition]\nsource = files\n")
    assert "source is 'files'; it has to be journal, bans or none" in str(
        load(tree).broken[0].error
    )


def test_options_of_filters_that_mean_nothing_in_a_journal(tree: Tree) -> None:
    text = (
        "[Definition]\nfailregex = a\nmaxlines = 1\ndatepattern = x\nusedns = yes\n"
        f"{MATCH}[Init]\nmaxlines = 2\nlogencoding = utf-8\n"
    )
    (tree.etc / "jail.conf").write_text("[x]\nenabled = true\n")
    (tree.shipped / "filter.d/x.conf").write_text(text)
    assert [note.line for note in load(tree).notes] == [4, 5, 8, 9]


MODES_OF_DOOR = "[Definition]\nfailregex = <m-<mode>>\nm-normal = n\nm-aggressive = a\n"


def test_modes_that_a_filter_does_not_have(tree: Tree) -> None:
    (tree.etc / "filter.d/door.conf").write_text(MODES_OF_DOOR)
    with pytest.raises(InvalidConfig, match=r"filter 'door' has no mode 'agressive'.*aggressive"):
        one_filter(tree, "door[mode=agressive]")
    (tree.etc / "filter.d/door.conf").write_text(MODES_OF_DOOR.replace("<m", "%(x)s<m") + "x =\n")
    assert one_filter(tree, "door").failregex == ("n",)
    (tree.etc / "filter.d/door.conf").write_text(f"{MODES_OF_DOOR}mode = nromal\n")
    with pytest.raises(InvalidConfig, match="did you mean normal") as caught:
        one_filter(tree, "door")
    assert (caught.value.line, caught.value.text) == (5, "nromal")


def test_mode_that_does_not_exist_is_found_where_the_jail_says_it(tree: Tree) -> None:
    sentence = mistake(tree, f"{MODES_OF_DOOR}{MATCH}", "port = 1\nmode = agressive")
    assert sentence.startswith("etc/jail.conf:4: filter of [x] is 'x[mode=agressive]': filter 'x'")


def test_parameters_that_nothing_refers_to(tree: Tree) -> None:
    text = f"[Definition]\n{MATCH}zones = .+\nfailregex = ^<HOST> <zones>$\n"
    assert "did you mean zones?" in mistake(tree, text, "filter = x[zone=a]")
    assert "did you mean mode?" in mistake(tree, text, "filter = x[moed=ddos]")
    config = use(tree, text, "filter = x[zones=a, mode=ddos, name=x, colour=red]")
    assert config.unused == ("colour",)
    assert "no use for the parameter 'colour'" in load(tree).notes[-1].text
