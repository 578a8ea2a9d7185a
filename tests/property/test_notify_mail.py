# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever attackers write, a mail is one mail: its headers are ours, its text is harmless."""

import email
import email.policy
import re

from hypothesis import example, given
from hypothesis import strategies as st

from jaild.config.model import MailConfig
from jaild.core.address import Address
from jaild.core.ban import FOREVER, Evidence
from jaild.notify import lines
from jaild.notify.body import MOST_BYTES
from jaild.notify.compose import compose
from jaild.notify.model import Facts, Line, Notice, Report

HEADERS = [
    *("From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References"),
    *("Auto-Submitted", "X-Jaild-Jail"),
    *("Content-Type", "Content-Transfer-Encoding", "MIME-Version"),
]
TO = ("root@localhost", "admin@example.org")
EVIL = (
    "\r\nBcc: victim@example.org\r\n\r\n.\r\nQUIT\r\n",
    "~!touch /tmp/x\n~:set\nFrom root Thu Jan  1\n.\n",
    "\x1b]0;title\x07\x1b[2J\x9b1m\x85\u2028\u2029\u202eevil\x00",
    "=?utf-8?q?=0D=0ABcc:_x@example.org?=",
    "\ud800\udfff\ufeff",
    '"<a@b>, (c) ; :' * 30,
    "é" * 600,
    "=" * 1200,
    "a b " * 200,
)
anything = st.one_of(
    st.sampled_from(EVIL),
    st.text(alphabet=st.characters(), max_size=80),
    st.lists(st.sampled_from([*EVIL, "x", "\n", "From ", ".", "\r"])).map("".join),
)
# What N characters of a name the configuration lets through: see mail_address.name.
names = st.text(max_size=64).filter(str.isprintable)
times = st.one_of(
    st.integers(0, 2**64 - 1), st.just(FOREVER), st.integers(10**15, 2 * 10**15), st.just(0)
)
notices = st.builds(
    Notice,
    jail=anything,
    address=st.sampled_from(["203.0.113.7", "2001:db8::/64"]).map(Address),
    since=times,
    until=times,
    failures=st.integers(0, 2**32),
    reason=anything,
    evidence=st.just((Evidence(1, "s=a", "x"),)),
    host=anything,
    cursor=st.sampled_from(["a", "b", "c"]),
)
facts = st.builds(Facts, whois=anything, country=anything, network=anything, name=anything)
told = st.lists(st.builds(Line, time=times, text=anything), max_size=4).map(tuple)
reports = st.builds(
    Report,
    mail=st.builds(
        MailConfig,
        to=st.just(TO),
        sender=st.sampled_from(["jaild@example.org", "root"]),
        sendername=names,
        mta=st.just("mail"),
        whois=st.booleans(),
        lines=st.booleans(),
    ),
    notices=st.lists(notices, max_size=3).map(tuple),
    omitted=st.lists(notices, max_size=3).map(tuple),
    facts=st.dictionaries(
        st.sampled_from(["203.0.113.7", "2001:db8::/64"]).map(Address), facts, max_size=2
    ),
    lines=st.dictionaries(st.sampled_from(["a", "b", "c"]), told, max_size=3),
    since=st.integers(0, 2**64 - 1),
    test=st.booleans(),
    message_id=st.just("<jaild.0123456789abcdef0123456789abcdef@lab.example>"),
    lost=st.integers(0, 10),
)


def received(report):
    data = compose(report).as_bytes()
    return data, email.message_from_bytes(data, policy=email.policy.default)


@given(reports)
def test_a_mail_is_what_it_was_meant_to_be(report):
    data, message = received(report)
    assert data.isascii()
    assert all(len(line) <= 998 for line in data.split(b"\r\n"))
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", data)
    assert list(message.keys()) == HEADERS
    assert not message.defects
    assert not message.is_multipart()
    assert message.get_content_type() == "text/plain"
    assert [one.addr_spec for one in message["To"].addresses] == list(TO)
    (sender,) = message["From"].addresses
    assert sender.addr_spec in ("jaild@example.org", "root@localhost")
    assert message["Message-ID"] == report.message_id
    for name in HEADERS:
        # The package is not exact about the blanks beside what it encodes.
        assert "".join(message[name].split()) == "".join(str(compose(report)[name]).split())
        assert str(message[name]).isprintable()


@given(reports)
def test_its_text_arrives_as_it_was_written_and_obeys_nobody(report):
    _, message = received(report)
    text = message.get_content().replace("\r\n", "\n")
    assert all(char.isprintable() or char == "\n" for char in text)
    for line in text.split("\n"):
        assert not line.startswith((".", "~", "From ", ">From "))
    assert len(compose(report).as_bytes()) <= MOST_BYTES + 4000


@given(anything, anything, st.integers(0, 2**64))
@example("ssh[1]", "Failed password for root\n from 192.0.2.1", 0)
def test_a_log_line_is_one_short_line(origin, message, moment):
    line = lines.text_of(moment, origin, message)
    assert line.isprintable()
    assert len(line) <= lines.LONGEST
