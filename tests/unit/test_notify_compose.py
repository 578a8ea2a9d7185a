# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a mail of bans says, and what is left out of it when there is too much."""

import time
from dataclasses import replace

import pytest

from jaild.config.model import MailConfig
from jaild.core.address import Address
from jaild.core.ban import FOREVER, Evidence
from jaild.notify import body
from jaild.notify.body import MOST_BYTES, USUAL_BYTES
from jaild.notify.compose import compose
from jaild.notify.model import Facts, Line, Notice, Report

START = 1_795_000_000_000_000
MINUTE = 60_000_000
MAIL = MailConfig(
    to=("root@localhost", "admin@example.org"),
    sender="jaild@example.org",
    sendername="jaild",
    mta="mail",
    whois=True,
    lines=True,
)


@pytest.fixture(autouse=True)
def in_berlin(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def notice(number=7, **changed):
    given = {
        "jail": "sshd",
        "address": Address(f"203.0.{number // 250}.{number % 250}"),
        "since": START + number * 1_000_000,
        "until": START + number * 1_000_000 + 10 * MINUTE,
        "failures": 5,
        "reason": "5 failures within 10m",
        "evidence": tuple(Evidence(START, f"s=a;i={n}", "Failed") for n in range(5)),
        "host": "web1",
        "cursor": f"s=0;i={number:x}",
    }
    return Notice(**{**given, **changed})


def report(*notices, **changed):
    given = {"since": START, "message_id": "<jaild.0123@web1>"}
    return Report(MAIL, notices, **{**given, **changed})


def text(of):
    return compose(of).get_content().replace("\r\n", "\n")


def test_a_plain_one_has_nothing_of_others():
    bare = [replace(notice(n), reason="", evidence=()) for n in (7, 8)]
    for given in (report(bare[0], plain=True), report(*bare, plain=True)):
        said = text(given)
        assert "This mail was refused as it was, so it leaves out what others wrote" in said
        assert "203.0.0.7" in said
        assert "Failures: 5" in said
        assert "Reason:" not in said
        assert "log lines that led" not in said


def test_one_ban_in_full():
    one = notice()
    facts = Facts(
        "inetnum: 203.0.0.0\ndescr:\tEXAMPLE", "DE Germany", "AS64500 Example", "evil.example"
    )
    line = Line(START, "Nov 18 12:06:40 ssh[713]: Failed password for root from 203.0.0.7")
    given = report(one, facts={one.address: facts}, lines={one.cursor: (line,)})
    assert text(given).splitlines() == [
        "Jail sshd on web1 has banned 203.0.0.7.",
        "",
        "Address:  203.0.0.7",
        "Name:     evil.example",
        "Network:  AS64500 Example",
        "Country:  DE Germany",
        "Banned:   2026-11-18 12:06:47 CET",
        "Until:    2026-11-18 12:16:47 CET (10m)",
        "Failures: 5",
        "Reason:   5 failures within 10m",
        "",
        "The log lines that led to it:",
        "",
        "  Nov 18 12:06:40 ssh[713]: Failed password for root from 203.0.0.7",
        "",
        "What whois says of it, in its owner's words:",
        "",
        "  inetnum: 203.0.0.0",
        "  descr:  EXAMPLE",
        "",
        "What jaild knows of it, and how to let it in again:",
        "",
        "  jailctl explain 203.0.0.7",
        "  sudo jailctl unban sshd 203.0.0.7",
        "",
        "-- ",
        "jaild on web1; see destemail in jail.conf(5) for who gets this",
    ]


def test_headers():
    message = compose(report(notice()))
    thread = message["References"]
    assert thread.startswith("<jaild.about.")
    assert thread.endswith("@web1>")
    assert dict(message.items()) == {
        "From": "jaild <jaild@example.org>",
        "To": "root@localhost, admin@example.org",
        "Subject": "[jaild] sshd: banned 203.0.0.7 from web1",
        "Date": "Wed, 18 Nov 2026 12:06:40 +0100",
        "Message-ID": "<jaild.0123@web1>",
        "In-Reply-To": thread,
        "References": thread,
        "Auto-Submitted": "auto-generated",
        "X-Jaild-Jail": "sshd",
        "Content-Type": 'text/plain; charset="utf-8"',
        "Content-Transfer-Encoding": "7bit",
        "MIME-Version": "1.0",
    }


def test_the_same_report_makes_the_same_mail():
    assert compose(report(notice())).as_bytes() == compose(report(notice())).as_bytes()


def test_one_thread_for_an_attacker_and_one_for_all_others():
    def thread(*notices):
        return compose(report(*notices))["References"]

    assert thread(notice(1)) == thread(notice(1, since=START - 5)) == thread(notice(1, jail="web"))
    assert thread(notice(1)) != thread(notice(2))
    assert thread(notice(1), notice(2)) == thread(notice(3), notice(4))
    assert thread(notice(1), notice(2)) != thread(notice(1, jail="web"), notice(2, jail="web"))
    assert thread(notice(1)) != thread(notice(1, host="web2"))


def test_a_bare_sender_gets_a_host_for_exim_refuses_it_otherwise():
    message = compose(replace(report(notice()), mail=replace(MAIL, sender="root")))
    assert message["From"] == "jaild <root@localhost>"


@pytest.mark.parametrize("name", ["", "jäild, Inc.", '"', "a@b <c>", "=?x?=", "ü" * 64])
def test_any_name_of_the_sender(name):
    message = compose(replace(report(notice()), mail=replace(MAIL, sendername=name)))
    assert message.as_bytes().isascii()
    assert message["From"].addresses[0].addr_spec == "jaild@example.org"


def test_a_ban_by_hand_for_ever():
    made = text(report(notice(failures=0, until=FOREVER, reason="by hand", evidence=())))
    assert "Until:    for ever\n" in made
    assert "Failures" not in made
    assert "log lines" not in made


def test_times_that_no_calendar_has():
    made = text(report(notice(until=FOREVER - 1)))
    assert "Until:    586524-" in made


def test_lines_that_are_gone():
    assert "The journal no longer has the log lines that led to it." in text(report(notice()))
    without = replace(report(notice()), mail=replace(MAIL, lines=False))
    assert "log lines" not in text(without)


def test_a_record_names_the_last_entries_only():
    evidence = tuple(Evidence(START + n, f"s=a;i={n}", "Failed") for n in range(20))
    lines = tuple(Line(START, f"line {n}") for n in range(20))
    one = notice(failures=50, evidence=evidence)
    made = text(report(one, lines={one.cursor: lines}))
    assert "led to it:\n\n  … the last 20 of 50:\n  line 0\n" in made
    # An entry that counts twice is one line.
    one = notice(failures=20, evidence=evidence)
    made = text(report(one, lines={one.cursor: lines[:19]}))
    assert "the last" not in made
    by_hand = notice(failures=0, evidence=())
    assert "the last" not in text(report(by_hand))


def test_hostile_text_is_set_in_and_printable():
    one = notice(reason="a\x1b[2J\nb", jail="x\r\nBcc: victim@example.org")
    facts = Facts(whois="From x\n.\n~!rm\n\x1b]0;t\x07\n\u202egnp.exe", name="a\nb")
    made = text(report(one, facts={one.address: facts}))
    assert "\n  From x\n  .\n  ~!rm\n  \ufffd]0;t\ufffd\n  \ufffdgnp.exe\n" in made
    assert "Reason:   a\ufffd[2J b" in made
    message = compose(report(one))
    assert message["Bcc"] is None
    assert message["X-Jaild-Jail"] == "x Bcc: victim@example.org"
    assert "unban 'x\ufffd\ufffdBcc: victim@example.org' 203" in made


def test_many_bans_are_a_table_and_the_first_are_told_in_full():
    full = [notice(1), notice(2, until=FOREVER)]
    lines = {full[0].cursor: (Line(START, "the line"),)}
    given = report(*full, omitted=(notice(3, since=START - 400 * 86_400_000_000),), lines=lines)
    assert compose(given)["Subject"] == "[jaild] sshd: banned 3 addresses on web1"
    made = text(given)
    assert made.startswith(
        "Jail sshd on web1 has banned 3 addresses.\n"
        "\n"
        "Address    Banned               Fails  Until\n"
    )
    assert "\n203.0.0.2" in made
    assert "      5  for ever\n" in made
    assert made.count("  the line\n") == 1
    assert made.count("Address:  ") == 2
    assert "  sudo jailctl unban sshd ADDRESS\n" in made


def test_jails_are_named_where_there_are_several():
    made = text(report(notice(1), notice(2, jail="web")))
    assert "Address    Jail  Banned" in made


LONG = "2001:db8:aaaa:bbbb:cccc:dddd:eeee:{:04x}"


@pytest.mark.parametrize("form", ["198.18.{}.{}", "2001:db8:aa{:02x}:bb{:02x}::/64", LONG])
def test_ten_thousand_are_all_named(form):
    addresses = [
        form.format(n >> 8, n & 255) if form != LONG else form.format(n) for n in range(10_000)
    ]
    bans = [notice(n, address=Address(address)) for n, address in enumerate(addresses)]
    lines = {one.cursor: (Line(START, "x" * 480),) * 100 for one in bans[:20]}
    given = report(*bans[:20], omitted=tuple(bans[20:]), lines=lines)
    assert len(compose(given).as_bytes()) <= MOST_BYTES
    made = text(given)
    assert set(addresses) <= set(made.split())
    # What the table takes is taken from the lines, but they have some room in any case.
    assert made.count("x" * 480) > 50
    assert "There is no room here for the details of" in made


def test_thousands_are_bounded_and_counted(monkeypatch):
    monkeypatch.setattr(body, "MOST_BYTES", USUAL_BYTES)
    bans = [notice(number) for number in range(20_000)]
    given = report(*bans[:20], omitted=tuple(bans[20:]))
    message = compose(given)
    made = text(given)
    assert len(message.as_bytes()) <= USUAL_BYTES + 4000
    assert message["Subject"] == "[jaild] sshd: banned 20000 addresses on web1"
    rows = [line for line in made.splitlines() if line.startswith("203.0.") and "11-18" in line]
    assert len(rows) == 2000
    assert "And 18,000 more:\n" in made
    named = {word for line in made.splitlines() for word in line.split() if word.startswith("203.")}
    left = int(
        made.partition(" that there is no room for")[0].rpartition("… and ")[2].replace(",", "")
    )
    assert len(named) + left == 20_000
    assert made.count("Address:  ") == 20
    found = "  journalctl MESSAGE_ID=b1ef8b7013d3493a9f3001d991de4107 JAILD_JAIL=sshd\n"
    assert f" that there is no room for, but in the journal:\n{found}" in made


def test_long_texts_are_bounded():
    bans = [notice(number) for number in range(20)]
    facts = {one.address: Facts(whois="é" * 5000 + "\n" + "x\n" * 5000) for one in bans}
    lines = {
        one.cursor: tuple(Line(START, f"{n} " + "é" * 490) for n in range(300)) for one in bans
    }
    given = report(*bans, facts=facts, lines=lines)
    assert len(compose(given).as_bytes()) <= USUAL_BYTES + 4000
    made = text(given)
    assert "  … the last 100 of 300:\n" in made
    assert " more lines\n" in made
    assert "There is no room here for the details of 19 more." in made
    assert "  jailctl explain ADDRESS\n" in made


def test_whois_has_at_most_so_many_lines():
    one = notice()
    made = text(report(one, facts={one.address: Facts(whois="x\n" * 1000)}))
    assert made.count("\n  x") == 200
    assert "  … and 800 more lines\n" in made


def test_ours_are_no_wider_than_a_terminal():
    wide = notice(address=Address("2001:db8:1111:2222:3333:4444:5555:6666"), reason="why " * 100)
    for given in (report(wide), report(wide, wide)):
        assert max(map(len, text(given).splitlines())) <= 78


def test_a_test_says_so():
    given = report(notice(), test=True)
    assert compose(given)["Subject"] == "[jaild] sshd: test from web1"
    assert text(given).startswith(
        "This is a test, which somebody has asked for: nobody was banned."
    )


def test_what_was_lost_is_said():
    assert "There were 1,234 more bans" in text(report(notice(), lost=1234))


def test_why_there_is_no_whois_is_said():
    one = notice()
    made = text(report(one, facts={one.address: Facts(silence="whois did not answer")}))
    assert "\n(whois did not answer)\n" in made
