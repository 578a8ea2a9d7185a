# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is told: read from jaild's records, kept as text, chosen by the configuration."""

import pytest

from jaild.config.load import Tree, load
from jaild.core.ban import Ban, Evidence
from jaild.core.entry import Entry
from jaild.journal.record import Recorder
from jaild.notify import notices
from jaild.notify.fields import Malformed
from jaild.notify.model import DeliveryFailed
from jaild.notify.settings import Settings, of_config
from tests.notices import START, notice, record
from tests.verbs import SHIPPED


def test_a_record_becomes_a_notice():
    assert notices.of_entry(record(7, at=3), "c=7") == notice(7, since=START + 3_000_000)
    assert notices.of_text(notices.to_text(notice(7))) == notice(7)


def test_only_records_of_jailds_own():
    assert notices.MATCH.accepts(record().fields)
    assert not notices.MATCH.accepts(record(unit="user@1000.service").fields)
    assert not notices.MATCH.accepts(record(_SYSTEMD_UNIT=None).fields)
    assert not notices.MATCH.accepts(record(MESSAGE_ID="85f67887c0de46c19cc827c87b1b40e1").fields)
    assert not notices.MATCH.forgeable


@pytest.mark.parametrize(
    ("field", "value", "what"),
    [
        ("JAILD_ADDRESS", "192.0.2.1\n", None),
        ("JAILD_ADDRESS", "example.org", "the address"),
        ("JAILD_ADDRESS", "0.0.0.0/0", "the address"),
        ("JAILD_ADDRESS", None, "the address"),
        ("JAILD_ADDRESS", "1" * 5000, "the address"),
        ("JAILD_JAIL", "sshd\nBcc: x@example.org", "the jail"),
        ("JAILD_JAIL", "", "the jail"),
        ("JAILD_JAIL", "x" * 300, "the jail"),
        ("_HOSTNAME", "a\x1b[2J", "the host's name"),
        ("JAILD_FAILURES", "-1", "the number JAILD_FAILURES"),
        ("JAILD_FAILURES", "9" * 5000, "the number JAILD_FAILURES"),
        ("JAILD_SINCE_USEC", "١٢", "the number JAILD_SINCE_USEC"),
        ("JAILD_UNTIL_USEC", str(2**64), "the number JAILD_UNTIL_USEC"),
        ("JAILD_EVIDENCE", "x" * 9000, "the list JAILD_EVIDENCE"),
        ("JAILD_EVIDENCE", "soon a message", "an entry's time"),
        ("JAILD_CURSORS", "--help", "a cursor"),
        ("JAILD_CURSORS", "s=a;i=1", "a cursor"),
        ("JAILD_CURSORS", "s=a b;t=1", "a cursor"),
    ],
)
def test_what_jaild_does_not_write_is_no_notice(field, value, what):
    entry = record(**{field: value})
    if what is None:
        assert notices.of_entry(entry, "c").address == "192.0.2.1"
        return
    with pytest.raises(Malformed) as caught:
        notices.of_entry(entry, "c")
    assert str(caught.value) == what


def test_a_field_twice_counts_by_its_first():
    entry = record()
    fields = {**entry.fields, "JAILD_JAIL": [b"sshd", b"other"]}
    assert notices.of_entry(Entry(entry.time, entry.message, fields), "c").jail == "sshd"


def test_evidence_whose_lists_are_cut_at_different_places():
    entry = record(
        JAILD_CURSORS="s=a;t=1\ns=a;i=2;t=2;x=1\ns=a;i=3;t=3",
        JAILD_EVIDENCE="2 two\n3 three\x1b[2J",
    )
    assert notices.of_entry(entry, "c").evidence == (
        Evidence(1, "s=a;t=1"),
        Evidence(2, "s=a;i=2;t=2;x=1", "two"),
        Evidence(3, "s=a;i=3;t=3", "three\ufffd[2J"),
    )
    alone = record(JAILD_CURSORS="", JAILD_EVIDENCE="5 five")
    assert notices.of_entry(alone, "c").evidence == (Evidence(5, "", "five"),)


def test_a_long_record_as_jaild_writes_it():
    evidence = tuple(Evidence(n, f"s={'a' * 32};i={n:x};t={n:x}", "Ü" * 256) for n in range(1, 30))
    one = notice()
    written = []
    ban = Ban(one.jail, one.address, one.since, one.until, 29, one.reason, evidence)
    Recorder(lambda text, fields: written.append(fields)).banned(ban)
    entry = record(**{name: written[0][name] for name in ("JAILD_CURSORS", "JAILD_EVIDENCE")})
    found = notices.of_entry(entry, "c").evidence
    assert [each.cursor for each in found] == [each.cursor for each in evidence[-20:]]
    assert found[-1] == evidence[-1]
    assert [bool(each.message) for each in found] == [False] * 13 + [True] * 7


def test_one_ban_has_one_key():
    keys = {notices.key_of(one) for one in (notice(), notice(1), notice(0, "web"), notice(since=5))}
    assert len(keys) == 4
    assert notices.key_of(notices.of_entry(record(), "another")) in keys


def test_a_failure_is_for_a_while_unless_said_otherwise():
    assert not DeliveryFailed("no").permanent
    assert DeliveryFailed("never", permanent=True).permanent


# --- who is told


def test_whom_the_configuration_has_told(tmp_path):
    def configure(jail, *daemon):
        (tmp_path / "jail.local").write_text(
            "[DEFAULT]\ndestemail = admin@example.org\nmta = smtp\n"
            f"[sshd]\nenabled = true\n{jail}\n[recidive]\nenabled = true\n"
        )
        (tmp_path / "jaild.local").write_text("\n".join(("[Definition]", *daemon, "")))
        return load(Tree(etc=tmp_path, shipped=SHIPPED))

    nobody = of_config(configure(""), Settings())
    assert not nobody.is_needed
    assert nobody.jails == {"sshd", "recidive"}
    assert nobody.dests(notice()) == []
    url = "https://example.org/x"
    mailing = "action = %(action_mw)s\nmail.digest = 15m"
    some = of_config(configure(mailing, f"webhook.url = {url}"), nobody)
    assert some.is_needed
    assert some.dests(notice()) == ["mail", url]
    assert some.dests(notice(jail="recidive")) == [url]
    assert some.mails["sshd"].whois
    assert some.digests == {"sshd": (900_000_000, 20)}
    broken = of_config(configure(f"{mailing}\nmaxretry = many"), some)
    assert broken.mails == some.mails
    assert of_config(configure("maxretry = many"), Settings()).is_needed
