# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mistakes that people make: each is found, in its file, on its line, with what was meant."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from jaild.config.check import Finding, Kind, Report, check
from jaild.config.tree import IN_SOURCE, Tree

FILTER = "[Definition]\nfailregex = ^bad <HOST>$\njournalmatch = _SYSTEMD_UNIT=app.service\n"
APP = "[app]\nenabled = true\n"


@dataclass(frozen=True)
class Seed:
    """One mistake; ``text`` is the file, ``words`` are in the sentence, ``hint`` in what follows.

    ``piece`` is what the caret is under, "" if that does not matter.
    """

    name: str
    text: str | bytes
    line: int
    words: tuple[str, ...]
    hint: str = ""
    piece: str = ""
    file: str = "jail.local"
    others: dict[str, str] = field(default_factory=dict)


def in_sshd(name, line, *words, hint="", piece=""):
    """A line in [sshd] of jail.local."""
    return Seed(name, f"[sshd]\n# a comment\n{line}\n", 3, words, hint, piece)


def in_default(name, line, *words, hint="", piece=""):
    """A line in [DEFAULT] of jail.local."""
    return Seed(name, f"[DEFAULT]\n\n{line}\n", 3, words, hint, piece)


def in_filter(name, text, line, *words, hint="", piece=""):
    """A filter app that the enabled jail [app] uses."""
    return Seed(name, text, line, words, hint, piece, "filter.d/app.conf", {"jail.local": APP})


SEEDS = [
    in_sshd("option", "bantme = 10m", "bantme", "[sshd]", hint="bantime?", piece="bantme"),
    in_sshd("option 2", "enable = true", "enable", hint="enabled?", piece="enable"),
    in_sshd("option 3", "max_retry = 3", "max_retry", hint="maxretry?", piece="max_retry"),
    in_sshd("option 4", "ignore_ip = ::1", "ignore_ip", hint="ignoreip?", piece="ignore_ip"),
    in_default("option in DEFAULT", "fndtime = 1h", "fndtime", "DEFAULT", hint="findtime?"),
    Seed("jail", "[sssd]\nmaxretry = 3\n", 1, ("sssd",), "sshd?"),
    Seed("DEFAULT", "[Default]\nbantime = 1h\n", 1, ("[Default]",), "DEFAULT?"),
    Seed("INCLUDES", "[INCLUDE]\nbefore = a.conf\n", 1, ("[INCLUDE]",), "INCLUDES?"),
    Seed("jail's name", "[ssh d]\nenabled = true\n", 1, ("name", "letters")),
    in_sshd("boolean", "enabled = treu", "enabled", "treu", "true or false", hint="true?",
            piece="treu"),
    in_sshd("boolean 2", "enabled = maybe", "maybe", "true or false", piece="maybe"),
    in_default("boolean 3", "ignoreself = ja", "ignoreself", "true or false", piece="ja"),
    in_sshd("duration", "bantime = 10 minuets", "bantime", "minuets"),
    in_sshd("duration 2", "findtime = soon", "findtime", "soon", piece="soon"),
    in_sshd("no duration", "bantime = 0", "bantime", "longer than nothing"),
    in_sshd("endless finding", "findtime = -1", "findtime", "for ever", piece="-1"),
    in_sshd("code as duration", "bantime = __import__('os').getpid()", "bantime"),
    in_sshd("negative", "maxretry = -5", "maxretry", "whole number", piece="-5"),
    in_sshd("none", "maxretry = 0", "maxretry", "whole number"),
    in_sshd("words", "maxretry = five", "maxretry", "five", piece="five"),
    in_sshd("fraction", "maxmatches = 2.5", "maxmatches", "whole number"),
    in_sshd("port", "port = 70000", "port", "70000", piece="70000"),
    in_sshd("port range", "port = 100:50", "port", "100:50"),
    in_sshd("service", "port = shh", "shh", "service", piece="shh"),
    in_sshd("no port", "port =", "port"),
    in_sshd("protocol", "protocol = tpc", "protocol", "tpc", "tcp"),
    in_default("address", "ignoreip = 127.0.0.1/8 192.168.1.300", "192.168.1.300",
               piece="192.168.1.300"),
    in_default("prefix", "ignoreip = 10.0.0.0/99", "10.0.0.0/99"),
    in_default("mistyped name", "ignoreip = ::1 my_office", "my_office", "host name",
               piece="my_office"),
    in_default("name or address", "ignoreip = 192.168.1.1O.1", "192.168.1.1O.1",
               piece="192.168.1.1O.1"),
    in_default("mistyped IPv6", "ignoreip = 2001:db8::/32 fe8O::1", "fe8O::1", "not an address",
               piece="fe8O::1"),
    in_default("missing list", "ignoreip = ::1 file:friends", "cannot be read", "No such file",
               piece="file:friends"),
    in_default("list on a host", "ignoreip = file://etc/friends", "another host",
               hint="file:///etc/friends", piece="file://etc/friends"),
    in_default("nameless list", "ignoreip = file:", "no file", piece="file:"),
    in_sshd("list that waits", "ignoreip = file:/dev/zero", "not a regular file",
            piece="file:/dev/zero"),
    in_sshd("folder", "denyip = file:/etc", "Is a directory", piece="file:/etc"),
    Seed("line of a list", "# mine\n192.0.2.1 # office\n192.0.2.300\n", 3, ("192.0.2.300",),
         piece="192.0.2.300", file="friends",
         others={"jail.local": "[sshd]\nignoreip = file:friends\n"}),
    Seed("list in a list", "::1, file:more\n", 1, ("a list itself",), piece="file:more",
         file="friends", others={"jail.local": "[DEFAULT]\nignoreip = file:friends\n"}),
    Seed("name in a deny list", "192.0.2.1\nevil.example\n", 2, ("names are never banned",),
         piece="evil.example", file="black.list",
         others={"jail.local": "[sshd]\ndenyip = file:black.list\n"}),
    in_sshd("denied name", "denyip = evil.example", "names are never banned",
            piece="evil.example"),
    in_sshd("everybody", "denyip = 0.0.0.0/0", "wider than /8", piece="0.0.0.0/0"),
    in_sshd("half of IPv6", "denyip = 192.0.2.1 2000::/3", "wider than /32", piece="2000::/3"),
    in_sshd("deny", "denyips = 192.0.2.1", "denyips", hint="denyip?", piece="denyips"),
    in_sshd("relative program", "ignorecommand = spare <ip>", "absolute path"),
    in_sshd("program by tag", "ignorecommand = /bin/<ip>", "absolute path"),
    in_sshd("pipe", "ignorecommand = /bin/cat /etc/x | grep <ip>", "'|'", "no shell", piece="|"),
    in_sshd("redirection", "ignorecommand = /bin/x <ip> >/dev/null", "'>'", "no shell"),
    in_sshd("expansion", 'ignorecommand = /bin/x "$(date)"', "'$('", "no shell", piece="$("),
    in_sshd("tag", "ignorecommand = /bin/x <ip> <F-USER>", "<F-USER>", "<family>",
            piece="<F-USER>"),
    in_sshd("tag 2", "ignorecommand = /bin/x <IP>", "<IP>", hint="ip?", piece="<IP>"),
    in_default("open quote", "ignorecommand = /bin/x 'a", "quote"),
    in_sshd("cache", "ignorecache = maxcount=5", "maxcount", hint="max-count?", piece="maxcount"),
    in_sshd("cache's count", "ignorecache = max-count=many", "max-count", "whole number",
            piece="many"),
    in_sshd("cache's time", "ignorecache = max-time=soon", "ignorecache", "soon", piece="soon"),
    in_sshd("cache's key", 'ignorecache = key="<user>"', "<user>", piece="<user>"),
    in_sshd("prefix length", "ban.prefix4 = 33", "ban.prefix4", "from 8 to 32", piece="33"),
    in_sshd("prefix length 2", "ban.prefix6 = /64", "ban.prefix6", "from 32 to 128"),
    in_sshd("prefix's name", "ban.prefix = 24", "ban.prefix", hint="ban.prefix"),
    in_sshd("aggregate", "ban.aggregate = 1", "ban.aggregate", "0 for never", piece="1"),
    Seed("narrow aggregate", "[sshd]\nban.aggregate = 3\nban.aggregate4 = 24\nban.prefix4 = 24\n",
         3, ("ban.aggregate4", "less than ban.prefix4"), piece="24"),
    Seed("wide prefix", "[DEFAULT]\nban.aggregate = 3\nban.prefix6 = 48\n",
         3, ("ban.prefix6", "more than ban.aggregate6"), piece="48"),
    in_sshd("filter", "filter = sshdd", "no filter", "sshdd", hint="sshd?", piece="sshdd"),
    in_sshd("bracket", "filter = sshd[mode=aggressive", "filter"),
    in_sshd("quote", "filter = sshd[mode=\"aggressive]", "filter"),
    in_sshd("mode", "mode = agressive", "mode", "agressive", hint="aggressive?"),
    in_sshd("action", "action = uwf", "uwf", hint="ufw"),
    in_sshd("action's parameter", "banaction = ufw[blocktyp=deny]", "blocktyp", hint="blocktype?"),
    in_sshd("action's value", "banaction = ufw[blocktype=dney]", "dney", "deny"),
    in_default("mail address", "destemail = admin(at)example.org", "destemail", "no mail address",
               piece="admin(at)example.org"),
    in_default("two signs", "destemail = a@b.org, c@@d.org", "'c@@d.org'", "before its @",
               piece="c@@d.org"),
    in_sshd("mail host", "destemail = admin@exa_mple..org", "no host of mail"),
    in_sshd("command line", "destemail = -oQ/tmp@example.org", "option of a program"),
    in_sshd("nobody", "destemail =", "destemail", "needs an address"),
    in_sshd("sender's name", "sender = Guard <jaild@example.org>", "the address alone",
            hint="sendername = Guard"),
    in_sshd("two senders", "sender = a@b.org, c@d.org", "sender", "one address"),
    Seed("lines in a name", "[sshd]\nsendername = jaild\n  Bcc: x@y.org\n", 2,
         ("sendername", "line break")),
    in_sshd("long name", f"sendername = {'x' * 65}", "sendername", "64"),
    in_default("mta", "mta = sendmial", "mta", "sendmial", hint="sendmail?", piece="sendmial"),
    in_sshd("mail action", "action = %(action_)s sendmail-whios", "sendmail-whios",
            hint="sendmail-whois?"),
    in_sshd("mail action's address", "action = %(action_)s mail[dest=nobody@]", "dest: ",
            "'nobody@'", piece="nobody@"),
    in_sshd("digest", "mail.digest = soon", "mail.digest", "soon", piece="soon"),
    in_sshd("endless digest", "mail.digest = -1", "mail.digest", "for ever"),
    in_sshd("no mails", "mail.limit = 0", "mail.limit", "from 1 to 1000", piece="0"),
    in_sshd("mail's option", "mail.digets = 1h", "mail.digets", hint="mail.digest?"),
    in_default("password", "smtp.password = hush", "smtp.password", "credential smtp-password",
               piece="smtp.password"),
    *(
        Seed(name, f"[Definition]\n{line}\n", 2, words, hint, piece, "jaild.local")
        for name, line, words, hint, piece in (
            ("smtp's password", "smtp.password = hush", ("credential smtp-password",), "", ""),
            ("webhook's secret", "webhook.secret = hush", ("credential webhook-secret",), "", ""),
            ("mails", "mail.limit = many", ("mail.limit", "many"), "", "many"),
            ("queue", "mail.queue = 5", ("mail.queue", "from 100"), "", "5"),
            ("server and port", "smtp.server = mx:25", ("host alone",), "smtp.port = 25", "mx:25"),
            ("server", "smtp.server = http://mx/", ("no host name",), "", ""),
            ("smtp's port", "smtp.port = 70000", ("smtp.port",), "", "70000"),
            ("smtp's security", "smtp.security = ssl", ("starttls, tls or none",), "", "ssl"),
            ("whois", "whois.server = who is", ("no host name",), "", ""),
            ("database", "geoip.database = GeoIP.mmdb", ("absolute",), "", "GeoIP.mmdb"),
            ("database 2", "geoip.database = /x/y.dat", (".mmdb",), "", "/x/y.dat"),
            ("names", "reverse.names = perhaps", ("true or false",), "", "perhaps"),
            ("plain URL", "webhook.url = http://a.org/x", ("a.org", "encrypted"), "https", ""),
            ("scheme", "webhook.url = ftp://a.org/x", ("https://",), "", "ftp://a.org/x"),
            ("no URL", "webhook.url = a.org", ("needs URLs",), "https", "a.org"),
            ("URL with password", "webhook.url = https://u:p@a.org", ("password",), "sign", ""),
        )
    ),
    Seed("password for all to read",
         "[Definition]\nsmtp.server = mx.example.org\nsmtp.user = me\nsmtp.security = none\n",
         4, ("smtp.user", "everybody"), "starttls", "none", "jaild.local"),
    in_sshd("match", "journalmatch = sshd.service", "sshd.service", "FIELD=value"),
    in_sshd("match's quote", "journalmatch = _COMM='sshd", "journalmatch", "quote"),
    in_sshd("pattern", "failregex = ^bad (<HOST>$", "failregex", piece="^bad (<HOST>$"),
    in_sshd("pattern without address", "failregex = ^bad$", "failregex", "<HOST>"),
    in_sshd("percent", "failregex = ^100% <HOST>$", "%%"),
    in_sshd("reference", "maxretry = %(maxretri)s", "maxretri", hint="maxretry?"),
    in_sshd("circle", "port = %(port)s", "circle"),
    Seed("wide circle", "[sshd]\nbantime = %(findtime)s\nfindtime = %(bantime)s\n", 3, ("circle",)),
    Seed("no section", "# mine\nenabled = true\n", 2, ("before the first [section]",)),
    Seed("no assignment", "[sshd]\nenabled\n", 2, ("option = value",)),
    Seed("open header", "[sshd\nmaxretry = 3\n", 1, ("section",)),
    Seed("latin-1", b"[sshd]\n\n# f\xfcr uns\n", 3, ("UTF-8",)),
    Seed("NUL", b"[sshd]\nmaxretry = 3\x00\n", 2, ("NUL",)),
    Seed("no match", "[app]\nenabled = true\n", 1, ("journalmatch",),
         "_SYSTEMD_UNIT=app.service",
         others={"filter.d/app.conf": "[Definition]\nfailregex = ^bad <HOST>$\n"}),
    Seed("wrong file", "[Definition]\nloglevel = INFO\nbantime = 1h\n", 3, ("bantime",),
         file="jaild.local"),
    Seed("level", "[Definition]\nloglevel = VERBOSE\n", 2, ("loglevel", "VERBOSE"),
         file="jaild.local"),
    Seed("history", "[Definition]\ndbpurgeage = -5\n", 2, ("dbpurgeage",), file="jaild.local"),
    Seed("daemon's section", "[Defintion]\nloglevel = INFO\n", 1, ("Defintion",), "Definition?",
         file="jaild.local"),
    Seed("drop-in", "[sshd]\nbantime = 1hour\nmaxretri = 3\n", 3, ("maxretri",), "maxretry?",
         file="jail.d/ssh.local"),
    in_filter("filter's pattern", "[Definition]\n" "failregex = ^bad <HOST>$\n"
              "            ^worse (<HOST>$\n" "journalmatch = _UID=0\n", 3, "failregex",
              piece="^worse (<HOST>$"),
    in_filter("filter without a pattern", "[Definition]\njournalmatch = _UID=0\n", 0, "failregex"),
    in_filter("filter without its section", "[Definiton]\nfailregex = ^bad <HOST>$\n", 1,
              "[Definiton]", hint="Definition?"),
    in_filter("tags in a circle", "[Definition]\nfailregex = ^<one> <HOST>$\none = <two>\n"
              "two = <one>\njournalmatch = _UID=0\n", 2, "circle"),
    in_filter("filter's reference", "[Definition]\nfailregex = ^%(__prefx)sbad <HOST>$\n"
              "journalmatch = _UID=0\n", 2, "__prefx"),
    in_filter("filter's match", "[Definition]\nfailregex = ^bad <HOST>$\njournalmatch = UID 0\n",
              3, "FIELD=value"),
]  # fmt: skip


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path / "etc", IN_SOURCE)


def put(tree: Tree, files: dict[str, str | bytes]) -> Report:
    for name, text in files.items():
        path = tree.etc / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return check(tree)


def only(report: Report) -> Finding:
    (found,) = report.of(Kind.MISTAKE)
    return found


def first(tree: Tree, seed: Seed) -> Finding:
    """The mistake that was made; a wrong section can have others as its consequence."""
    report = put(tree, {**seed.others, seed.file: seed.text})
    found = report.of(Kind.MISTAKE)
    assert len(found) == 1 or found[0].source.startswith("[")
    return found[0]


def test_there_are_fifty():
    assert len(SEEDS) >= 50
    assert len({seed.name for seed in SEEDS}) == len(SEEDS)


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.name)
def test_a_mistake_is_found_where_it_was_made(tree, seed):
    found = first(tree, seed)
    assert found.path == str(tree.etc / seed.file)
    assert found.line == seed.line
    for word in seed.words:
        assert word in found.message, found.message
    assert seed.hint in found.hint, found.hint
    if seed.piece:
        assert found.text == seed.piece


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.name)
def test_the_piece_at_fault_stands_at_its_column(tree, seed):
    found = first(tree, seed)
    assert found.source[max(found.column - 1, 0) :].startswith(found.text)


def test_without_a_mistake_there_is_nothing_to_say(tree):
    report = put(tree, {"jail.local": APP, "filter.d/app.conf": FILTER})
    assert report.findings == ()
    assert [jail.name for jail in report.jails] == ["sshd", "app"]


def test_all_mistakes_come_out_at_once(tree):
    report = put(
        tree,
        {
            "jail.local": "[DEFAULT]\nbantme = 1h\nfindtime = soon\n[sshd]\nport = 0\nfilter = x\n",
            "jail.d/a.local": "nonsense\n[app]\nenabled = treu\nmaxretry = x\n",
            "jaild.local": "[Definition]\nloglvel = INFO\n",
            "filter.d/app.conf": FILTER,
        },
    )
    assert [
        (Path(one.path).name, one.line) for one in report.of(Kind.MISTAKE)
    ] == [
        ("jaild.local", 2),
        ("jail.local", 2),
        ("jail.local", 3),
        ("jail.local", 5),
        ("jail.local", 6),
        ("a.local", 1),
        ("a.local", 3),
        ("a.local", 4),
    ]  # fmt: skip


def test_every_broken_line_of_a_file_is_told(tree):
    report = put(tree, {"jail.local": "[sshd]\none\nmaxretry = 3\ntwo\n[x\n"})
    assert [one.line for one in report.of(Kind.MISTAKE)] == [2, 4, 5]


def test_one_jails_mistake_leaves_the_others(tree):
    report = put(tree, {"jail.local": APP + "[sshd]\nbantme = 1h\n", "filter.d/app.conf": FILTER})
    assert [jail.name for jail in report.jails] == ["app"]
    assert report.broken == ("sshd",)


def test_files_that_include_each_other_end(tree):
    report = put(
        tree,
        {
            "jail.local": "[INCLUDES]\nbefore = a.conf\n[sshd]\nmaxretry = 3\n",
            "a.conf": "[INCLUDES]\nbefore = jail.local\n[sshd]\nfindtme = 1h\n",
        },
    )
    assert (Path(only(report).path).name, only(report).line) == ("a.conf", 4)


def test_a_match_that_can_be_forged_is_a_warning(tree):
    text = FILTER.replace("_SYSTEMD_UNIT=app.service", "SYSLOG_IDENTIFIER=app")
    report = put(tree, {"jail.local": APP, "filter.d/app.conf": text})
    (warning,) = report.of(Kind.WARNING)
    assert (Path(warning.path).name, warning.line) == ("app.conf", 3)
    assert report.of(Kind.MISTAKE) == ()


def test_the_note_on_logpath_names_the_match(tree):
    report = put(tree, {"jail.local": "[sshd]\nlogpath = %(sshd_log)s\n"})
    (note,) = report.of(Kind.NOTE)
    assert note.line == 2
    assert "_SYSTEMD_UNIT=ssh.service" in note.message
