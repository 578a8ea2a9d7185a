# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decisions as entries of the journal: one each, explained, and nobody else writes in them."""

import re
from pathlib import Path

import pytest

from jaild.core.ban import FOREVER, Ban, Evidence
from jaild.journal import record
from jaild.journal.record import LONGEST_FIELD, LONGEST_TEXT, MessageId, Recorder

CATALOG = Path(__file__).parents[2] / "units/catalog/jaild.catalog"
EVIL = "x\nMESSAGE_ID=1\r\nJAILD_JAIL=other\n\x1b[2J\0\ud800\u202e"
EVIDENCE = (Evidence(1, "s=1;i=1", "Invalid user eve"), Evidence(2, "s=1;i=2", EVIL))
BAN = Ban("sshd", "192.0.2.7", 1_000_000, 2_000_000, 2, "2 failures", EVIDENCE)
# Every kind, by a method that writes it.
DECISIONS = {
    MessageId.BANNED: lambda told: told.banned(BAN),
    MessageId.TOO_LATE: lambda told: told.too_late(BAN),
    MessageId.DENIED: lambda told: told.denied("sshd", 3, 1),
    MessageId.UNBANNED: lambda told: told.unbanned(BAN, EVIL),
    MessageId.REFUSED: lambda told: told.refused(BAN, EVIL),
    MessageId.EVICTED: lambda told: told.evicted("sshd", 7, "suspects"),
    MessageId.FIREWALL_FAILED: lambda told: told.firewall_failed(EVIL),
    MessageId.FIREWALL_MENDED: lambda told: told.firewall_mended(3),
    MessageId.POSITION_LOST: lambda told: told.position_lost(1),
    MessageId.RELOADED: lambda told: told.reloaded(1, [EVIL], []),
    MessageId.SERVICE_STARTED: lambda told: told.started(["sshd", EVIL]),
    MessageId.SERVICE_STOPPED: lambda told: told.stopped(["sshd"]),
    MessageId.NOTICES_DROPPED: lambda told: told.notices_dropped(7),
    MessageId.NOTICE_GIVEN_UP: lambda told: told.notice_given_up("sshd", 7, "mail", EVIL),
    MessageId.CONFIG_REFUSED: lambda told: told.config_refused(EVIL),
    MessageId.JAIL_KEPT: lambda told: told.jail_kept("sshd", EVIL),
    MessageId.JAIL_STOPPED: lambda told: told.jail_stopped("sshd", EVIL),
    MessageId.JAIL_STARTED: lambda told: told.jail_started("sshd"),
    MessageId.JAIL_FAILED: lambda told: told.jail_failed("sshd", EVIL),
    MessageId.STATE_LOST: lambda told: told.state_lost(EVIL, EVIL),
}


def written(decide):
    """Return the text and the fields of the one entry that a decision makes."""
    entries = []
    decide(Recorder(lambda text, fields: entries.append((text, dict(fields)))))
    (entry,) = entries
    return entry


def explanations():
    """Return the catalog's text of each kind."""
    parts = re.split(r"^-- (\w+)\n", CATALOG.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_there_is_a_decision_of_every_kind():
    assert set(DECISIONS) == set(MessageId)


@pytest.mark.parametrize("kind", MessageId)
def test_a_decision_is_one_line_of_its_own_kind(kind):
    text, fields = written(DECISIONS[kind])
    assert fields["MESSAGE_ID"] == kind
    assert text.isprintable()
    lists = ("JAILD_BEGUN", "JAILD_CEASED", "JAILD_CURSORS", "JAILD_EVIDENCE")
    assert all(value.isprintable() for name, value in fields.items() if name not in lists)
    assert all(line.isprintable() for name in lists for line in fields.get(name, "").split("\n"))


@pytest.mark.parametrize("kind", MessageId)
def test_the_catalog_explains_with_fields_that_the_entry_has(kind):
    _, fields = written(DECISIONS[kind])
    assert set(re.findall(r"@(\w+)@", explanations()[kind])) <= set(fields)


def test_a_ban_says_who_why_how_long_and_by_which_entries():
    text, fields = written(DECISIONS[MessageId.BANNED])
    assert text.startswith("[sshd] banned 192.0.2.7 until 1970-01-01 ")
    assert text.endswith(": 2 failures")
    del fields["PRIORITY"], fields["MESSAGE_ID"]
    assert fields == {
        "JAILD_JAIL": "sshd",
        "JAILD_ADDRESS": "192.0.2.7",
        "JAILD_FAILURES": "2",
        "JAILD_SINCE_USEC": "1000000",
        "JAILD_UNTIL_USEC": "2000000",
        "JAILD_REASON": "2 failures",
        "JAILD_CURSORS": "s=1;i=1\ns=1;i=2",
        "JAILD_EVIDENCE": (
            "1 Invalid user eve\n"
            "2 x\ufffdMESSAGE_ID=1\ufffd\ufffdJAILD_JAIL=other\ufffd\ufffd[2J\ufffd\ufffd\ufffd"
        ),
    }


def test_a_ban_for_ever_and_what_has_no_cursor():
    ban = Ban("recidive", "192.0.2.7", 1, FOREVER, 1, "1 ban", (Evidence(1, "", "told"),))
    text, fields = written(lambda told: told.banned(ban))
    assert text == "[recidive] banned 192.0.2.7 for ever: 1 ban"
    assert (fields["JAILD_UNTIL_USEC"], fields["JAILD_CURSORS"]) == (str(FOREVER), "")
    assert fields["JAILD_EVIDENCE"] == "1 told"


@pytest.mark.parametrize("char", ["x", "\U0001f600"])
def test_evidence_is_bounded_and_its_end_is_kept(char):
    many = tuple(Evidence(n, f"s={n}" + "a" * 130, char * 256) for n in range(1000))
    ban = Ban("sshd", "192.0.2.7", 1, 2, 1000, "x" * 10_000, many)
    text, fields = written(lambda told: told.banned(ban))
    assert len(text) == len(fields["JAILD_REASON"]) == LONGEST_TEXT
    for name, start in (("JAILD_CURSORS", "s=999a"), ("JAILD_EVIDENCE", "999 ")):
        lines = fields[name].split("\n")
        assert lines[-1].startswith(start)
        assert 1 < len(lines) <= 20
        assert len(fields[name].encode()) <= LONGEST_FIELD


def test_a_newline_in_a_value_is_no_field_of_the_journals_own_protocol(mocker):
    sent = mocker.patch.object(record.journal, "sendv")
    decide = DECISIONS[MessageId.BANNED]
    mocker.patch.dict("os.environ", {"JOURNAL_STREAM": "1:1"})
    decide(Recorder())
    (fields,) = (call.args for call in sent.call_args_list)
    names = [field.partition("=")[0] for field in fields]
    assert len(names) == len(set(names))
    assert [name for name in names if name.startswith(("JAILD_", "MESSAGE"))] == [
        "MESSAGE",
        "MESSAGE_ID",
        *(f"JAILD_{word}" for word in ("JAIL", "ADDRESS", "FAILURES", "SINCE_USEC", "UNTIL_USEC")),
        *(f"JAILD_{word}" for word in ("REASON", "CURSORS", "EVIDENCE")),
    ]


def test_a_journal_that_is_away_holds_no_decision_up(mocker, caplog):
    mocker.patch.dict("os.environ", {"JOURNAL_STREAM": "1:1"})
    mocker.patch.object(record.journal, "sendv", side_effect=OSError("gone"))
    DECISIONS[MessageId.BANNED](Recorder())
    assert "[sshd] banned 192.0.2.7" in caplog.text


def test_which_jails_come_and_go():
    text, fields = written(lambda told: told.started(["sshd", "web"]))
    assert text == "jaild watches with 2 jails: sshd, web"
    assert fields["JAILD_BEGUN"] == "sshd\nweb"
    text, fields = written(lambda told: told.stopped([]))
    assert text == "jaild ends, and watches no more with 0 jails"
    text, fields = written(lambda told: told.reloaded(2, ["web"], ["mail", "ftp"]))
    assert text == "configuration reloaded: 2 jails"
    assert (fields["JAILD_BEGUN"], fields["JAILD_CEASED"]) == ("web", "mail\nftp")
    _, fields = written(lambda told: told.started([f"jail{n}" for n in range(2000)]))
    assert len(fields["JAILD_BEGUN"]) <= LONGEST_FIELD
