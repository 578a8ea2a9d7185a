# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who gets mail, from whom, which way, and what it says."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaild.config import mail, mail_address, mail_doubts
from jaild.config.check import Kind, check
from jaild.config.load import load
from jaild.config.model import Config, JailConfig, MailConfig, NotifyConfig, SmtpConfig
from jaild.config.tree import IN_SOURCE, Tree
from jaild.core.errors import InvalidConfig
from tests.verbs import SECOND

DEFAULT = MailConfig(
    ("root@localhost",), "root@localhost", "jaild", "sendmail", whois=False, lines=False
)
LISTENING = "  sl\n   0: {} 00000000:0000 {} 00000000:00000000 00:00000000\n"


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    (tmp_path / "etc/action.d").mkdir(parents=True)
    return Tree(tmp_path / "etc", IN_SOURCE)


@pytest.fixture
def program(tmp_path, monkeypatch):
    path = tmp_path / "sendmail"
    path.touch(mode=0o755)
    monkeypatch.setattr(mail_doubts, "SENDMAIL", path)
    monkeypatch.setattr(mail_doubts, "_HELPERS", ())
    return path


def put(tree: Tree, text: str, daemon: str = "") -> Config:
    (tree.etc / "jail.local").write_text(text)
    (tree.etc / "jaild.local").write_text(f"[Definition]\n{daemon}\n")
    return load(tree)


def sshd(tree: Tree, text: str) -> JailConfig:
    config = put(tree, f"[sshd]\n{text}\n")
    assert not config.broken, config.broken
    (jail,) = config.jails
    return jail


def mailed(tree: Tree, actions: str, more: str = "") -> MailConfig | None:
    return sshd(tree, f"action = %(action_)s\n         {actions}\n{more}").mail


def warnings(tree: Tree, text: str, daemon: str = "") -> list[str]:
    put(tree, text, daemon)
    return [finding.message for finding in check(tree).of(Kind.WARNING)]


def test_nothing_is_mailed_unasked(tree: Tree) -> None:
    assert sshd(tree, "destemail = admin@example.org").mail is None


@pytest.mark.parametrize("mta", ["sendmail", "mail", "smtp"])
def test_recipes(tree: Tree, mta: str) -> None:
    common = (
        f"mta = {mta}\ndestemail = admin@example.org\nsender = me@example.org\n"
        "sendername = Wächter\nmail.digest = 15m\nmail.limit = 7\naction = "
    )
    found = sshd(tree, f"{common}%(action_mwl)s").mail
    assert found == MailConfig(
        to=("admin@example.org",),
        sender="me@example.org",
        sendername="Wächter",
        mta=mta,  # type: ignore[arg-type]
        whois=True,
        lines=True,
        digest=900 * SECOND,
        limit=7,
    )
    found = sshd(tree, f"{common}%(action_mw)s").mail
    assert found
    assert (found.mta, found.whois, found.lines) == (mta, True, False)


def test_recipes_as_fail2ban_writes_them(tree: Tree) -> None:
    config = put(
        tree,
        "[DEFAULT]\ndestemail = a@example.org, b@example.org\nsender = root@<fq-hostname>\n"
        'action_mwl = %(action_)s\n %(mta)s-whois-lines[sender="%(sender)s", '
        'dest="%(destemail)s", logpath="%(logpath)s", chain="%(chain)s"]\n'
        "action = %(action_mwl)s\n",
    )
    assert config.notes == ()
    (jail,) = config.jails
    assert jail.mail == MailConfig(
        ("a@example.org", "b@example.org"),
        f"root@{os.uname().nodename.lower()}",
        "jaild",
        "sendmail",
        whois=True,
        lines=True,
    )


@pytest.mark.parametrize(
    ("action", "mta", "whois", "lines"),
    [
        ("sendmail", "sendmail", False, False),
        ("mail", "mail", False, False),
        ("mail-whois", "mail", True, False),
        ("sendmail-whois-ipjailmatches", "sendmail", True, True),
        ("sendmail-geoip-lines", "sendmail", False, True),
        ("mail-buffered", "mail", False, False),
        ("smtp.py", "smtp", False, False),
        ("smtp.py[matches=yes]", "smtp", False, True),
    ],
)
def test_actions_by_name(
    tree: Tree, action: str, mta: str, whois: bool, lines: bool
) -> None:  # fmt: skip
    found = mailed(tree, action)
    assert found
    assert (found.mta, found.whois, found.lines) == (mta, whois, lines)
    assert (found.to, found.sender, found.sendername) == (
        DEFAULT.to,
        DEFAULT.sender,
        DEFAULT.sendername,
    )


def test_parameters_come_before_options(tree: Tree) -> None:
    options = "destemail = a@x.org\nsender = b@x.org\nsendername = c\n"
    found = mailed(tree, 'mail[dest="d@x.org e@x.org", sender=f@x.org, sendername="g h"]', options)
    assert found
    assert (found.to, found.sender, found.sendername) == (("d@x.org", "e@x.org"), "f@x.org", "g h")
    found = mailed(tree, "mail[dest='', name=x]", options)
    assert found
    assert (found.to, found.sender, found.sendername) == (("a@x.org",), "b@x.org", "c")


def test_the_administrators_file_of_an_action_comes_between(tree: Tree) -> None:
    (tree.etc / "action.d/mail.conf").write_text("[Init]\ndest = root\nsendername = Fail2Ban\n")
    assert mailed(tree, "mail") == MailConfig(
        DEFAULT.to, DEFAULT.sender, "jaild", "mail", whois=False, lines=False
    )
    (tree.etc / "action.d/mail.local").write_text("[Init]\ndest = night@example.org\n")
    found = mailed(tree, "mail")
    assert found
    assert found.to == ("night@example.org",)


def test_of_several_mails_the_one_that_says_most_is_sent(tree: Tree) -> None:
    jail = sshd(tree, "action = %(action_)s mail[dest=a@b] sendmail-whois-lines smtp-whois")
    assert jail.mail
    assert (jail.mail.mta, jail.mail.lines) == ("sendmail", True)
    assert [note.text for note in jail.notes] == [
        f"a jail sends one mail, that of 'sendmail-whois-lines': '{name}' is left out; "
        "destemail takes several addresses"
        for name in ("mail", "smtp-whois")
    ]


def test_of_equal_mails_the_first_is_sent(tree: Tree) -> None:
    jail = sshd(tree, "action = %(action_)s mail[dest=a@b] mail[dest=c@d] mail[dest=a@b]")
    assert jail.mail
    assert jail.mail.to == ("a@b",)
    assert len(jail.notes) == 1


def test_what_is_not_done_is_noted(tree: Tree) -> None:
    text = "action = %(action_)s smtp.py[host=x, password=y, foo=z, dest=a@b]"
    notes = [note.text for note in sshd(tree, text).notes]
    assert [note.split()[0] for note in notes] == ["host", "password", "'foo'"]
    assert "credential" in notes[1]
    (note,) = sshd(tree, "action = %(action_)s mail-buffered[lines=5]").notes
    assert "mail.digest" in note.text


def test_addresses() -> None:
    read = mail_address.addresses
    assert read("a@example.org,b@EXAMPLE.org \n c@[192.0.2.1], a@example.org") == (
        "a@example.org",
        "b@example.org",
        "c@[192.0.2.1]",
    )
    assert read('"a b, c"@example.org d@[IPv6:2001:db8::1]') == (
        '"a b, c"@example.org',
        "d@[IPv6:2001:db8::1]",
    )
    assert read("o'neil+x@bücher.example") == ("o'neil+x@xn--bcher-kva.example",)
    assert read("root") == ("root@localhost",)
    assert len(read(" ".join(f"u{number}@example.org" for number in range(20)))) == 20


@pytest.mark.parametrize(
    "text",
    [
        *("", ",", "@", "a@", "@b", "a b@", "a@b@c", "a@-b", "a@b..c", ".a@b", "a.@b", "a@b;c"),
        *("a@192.0.2.1", "a@[x]", "a@[2001:db8::1]", 'a"b@c', '"a@b', '"a\tb"@c', "<a@b>"),
        *(
            "ä@example.org",
            "-a@b",
            "-f",
            "a@b\r",
            "a@b\x00",
            "a\x1b@b",
            "a@b\u2028c@d",
            "a@exa mple",
        ),
        f"{'a' * 65}@b",
        f"a@{'b' * 64}.org",
        f"a@{'.'.join(['b' * 60] * 5)}",
        " ".join(f"u{number}@example.org" for number in range(21)),
    ],
)
def test_no_addresses(text: str) -> None:
    with pytest.raises(InvalidConfig):
        mail_address.addresses(text)


@given(st.text() | st.text(st.sampled_from('aä@@.,"\\ -<>[]1:\n\t|ß\u3002')))
def test_an_address_is_one_harmless_word(text: str) -> None:
    try:
        found = mail_address.addresses(text)
    except InvalidConfig:
        return
    for one in found:
        assert one.isascii()
        assert one.isprintable()
        assert not one.startswith("-")
        assert one.count("@") == 1 or one.startswith('"')
        assert mail_address.addresses(one) == (one,)


def test_a_sender_may_be_a_bare_name() -> None:
    assert mail_address.sender("fail2ban") == "fail2ban"
    assert mail_address.sender(" a@Example.org ") == "a@example.org"
    for text in ("", "a b", "a@b c@d", "x <a@b>", "<a@b>", "-f", "a\n"):
        with pytest.raises(InvalidConfig):
            mail_address.sender(f"{text}\x00" if text == "a\n" else text)


@pytest.mark.parametrize("text", ["a\nBcc: x@y", "a\x1b[2J", "a\u202eb", "x" * 65])
def test_no_name(text: str) -> None:
    with pytest.raises(InvalidConfig):
        mail.SENDERNAME.parse(text)


def test_digest() -> None:
    assert mail.DIGEST.parse("0") == mail.DIGEST.parse("") == 0
    assert mail.DIGEST.parse("15m") == 900 * SECOND


def test_mail_to_nobody_in_particular_is_doubted_once(tree: Tree, program: Path) -> None:
    assert program.exists()
    action = "action = %(action_mw)s\n"
    more = "[recidive]\nenabled = true\n"
    (warning,) = warnings(tree, f"[DEFAULT]\n{action}{more}")
    assert warning == "mail is asked for and destemail is not set: it goes to root@localhost"
    assert not warnings(tree, f"[DEFAULT]\n{action}destemail = root@localhost\n{more}")
    assert not warnings(tree, more)


def test_a_missing_program_is_doubted(tree: Tree, program: Path) -> None:
    text = "[sshd]\naction = %(action_mwl)s\ndestemail = a@b.org\n"
    assert not warnings(tree, text)
    program.chmod(0o644)
    (warning,) = warnings(tree, text)
    assert warning.startswith(f"mta = sendmail and there is no program {program}: ")
    program.unlink()
    assert len(warnings(tree, text)) == 1


def test_a_program_that_no_sandbox_lets_work_is_doubted(tree, program, tmp_path, monkeypatch):
    tcp = tmp_path / "tcp"
    monkeypatch.setattr(mail_doubts, "_TCP", (tcp,))
    monkeypatch.setattr(mail_doubts, "_HELPERS", (tmp_path / "postdrop",))
    text = "[sshd]\naction = %(action_mwl)s\ndestemail = a@b.org\n"
    tcp.write_text("  sl\n")
    assert not warnings(tree, text)
    program.chmod(0o4755)
    (warning,) = warnings(tree, text)
    assert "where nothing listens" in warning
    program.chmod(0o755)
    (tmp_path / "postdrop").touch()
    (tmp_path / "postdrop").chmod(0o2555)
    assert len(warnings(tree, text)) == 1
    tcp.write_text(LISTENING.format("0100007F:0019", "0A"))
    assert not warnings(tree, text)


@pytest.mark.parametrize(
    ("address", "state", "deaf"),
    [("0100007F:0019", "0A", False), ("00000000:0019", "01", True), ("0100007F:0016", "0A", True)],
)
def test_a_deaf_host_is_doubted(tree, tmp_path, monkeypatch, address, state, deaf):
    tcp = tmp_path / "tcp"
    tcp.write_text(LISTENING.format(address, state))
    monkeypatch.setattr(mail_doubts, "_TCP", (tcp, tmp_path / "none"))
    text = "[sshd]\naction = %(action_mwl)s\ndestemail = a@b.org\nmta = mail\n"
    assert [w.startswith("mta = mail and nothing listens") for w in warnings(tree, text)] == (
        [True] if deaf else []
    )
    monkeypatch.setattr(mail_doubts, "_TCP", (tmp_path / "none",))
    assert not warnings(tree, text)


def test_no_server_is_doubted_where_mta_is_set(tree: Tree) -> None:
    text = "[sshd]\naction = %(action_mwl)s\ndestemail = a@b.org\nsender = c@b.org\nmta = smtp\n"
    (warning,) = warnings(tree, text)
    assert "smtp.server is not set" in warning
    (found,) = check(tree).of(Kind.WARNING)
    assert (found.line, found.text) == (5, "mta = smtp")
    assert not warnings(tree, text, "smtp.server = mx.example.org")
    (warning,) = warnings(tree, text.replace("c@b.org", "c"), "smtp.server = mx.example.org")
    assert "'c'" in warning or " c is of this host" in warning


def test_missing_databases_are_doubted(tree, tmp_path, monkeypatch):
    monkeypatch.setattr(mail_doubts, "find_spec", lambda _: True)
    there, gone = tmp_path / "a.mmdb", tmp_path / "b.mmdb"
    there.touch()
    (warning,) = warnings(tree, "", f"geoip.database = {there} {gone}")
    assert str(gone) in warning
    monkeypatch.setattr(mail_doubts, "find_spec", lambda _: None)
    (warning,) = warnings(tree, "", f"geoip.database = {there}")
    assert "maxminddb is not installed" in warning


def test_settings_of_the_notifier(tree: Tree) -> None:
    assert put(tree, "").daemon.notify == NotifyConfig()
    config = put(
        tree,
        "",
        "mail.limit = 50\nmail.queue = 200\nsmtp.server = MX.bücher.example\nsmtp.port = 2525\n"
        "smtp.security = TLS\nsmtp.user = me@example.org\nwhois.server = [::1]:4343\n"
        "geoip.database = /a/b.mmdb, /c.mmdb\nreverse.names = yes\n"
        "webhook.url = https://a.example/x?y=%%20 http://localhost:8080/\n http://[::1]/z",
    )
    assert config.daemon.notify == NotifyConfig(
        SmtpConfig("mx.xn--bcher-kva.example", 2525, "tls", "me@example.org"),
        50,
        "[::1]:4343",
        (Path("/a/b.mmdb"), Path("/c.mmdb")),
        reverse=True,
        webhooks=("https://a.example/x?y=%20", "http://localhost:8080/", "http://[::1]/z"),
        queue=200,
    )


@pytest.mark.parametrize("server", ["localhost", "127.0.0.1", "::1"])
def test_a_password_may_cross_this_host(tree: Tree, server: str) -> None:
    daemon = f"smtp.server = {server}\nsmtp.user = me\nsmtp.security = none"
    assert put(tree, "", daemon).daemon.notify.smtp.server == server


@pytest.mark.parametrize(
    "url",
    [
        *("https://", "https:///x", "https://a.org:x/", "https://a.org:0/", "https://a org/"),
        *("https://a.org/#b", "https://tok:en@a.org/", "//a.org/x", "https://exämple.org/"),
        *("https://a.org/\x01", "http://127.0.0.1.example.org/", "http://localhost.evil.org/"),
        "https://a.org/" + "x" * 2000,
        " ".join(f"https://a.org/{number}" for number in range(11)),
    ],
)
def test_urls_that_are_none_stay_out_of_the_sentence(tree: Tree, url: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        put(tree, "", f"webhook.url = {url}")
    assert caught.value.line == 2
    assert "tok" not in str(caught.value)
    assert caught.value.message.startswith("webhook.url of [Definition]: ")
