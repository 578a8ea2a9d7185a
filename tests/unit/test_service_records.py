# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the service decides is in the journal, one line a decision."""

import pytest

from jaild.core.errors import InvalidConfig
from jaild.journal.record import MessageId, Recorder
from tests.clockwork import House
from tests.verbs import SECOND


@pytest.fixture
def house(tmp_path):
    return House(tmp_path, maxretry="2", bantime="1h", findtime="10d")


def told(house, *kinds):
    """Return the texts of the records of some kinds, in their order."""
    return [text for text, fields in house.diary.records if fields["MESSAGE_ID"] in kinds]


def test_a_jail_that_is_stopped_and_started_by_hand(house):
    service = house.open()
    service.stop_jail("sshd", lambda _: None)
    service.start_jail("sshd")
    service.start_jail("sshd")
    assert told(house, MessageId.JAIL_STOPPED, MessageId.JAIL_STARTED) == [
        "[sshd] watches no more: stopped by hand",
        "[sshd] watches again",
    ]


def test_which_jails_come_and_go_with_a_configuration(house):
    service = house.open()
    assert service.at_work == ["sshd"]
    extra = "[other]\nenabled = true\nfilter = sshd\n"
    (house.etc / "jail.d/zz.local").write_text(extra)
    service.reload()
    (house.etc / "jail.d/zz.local").write_text(extra + "[third]\nenabled = true\nmaxretry = many\n")
    with pytest.raises(InvalidConfig):
        service.reload()
    (house.etc / "jail.d/zz.local").write_text("[sshd]\nmaxretry = 7\n")
    service.reload()
    lists = [
        (fields["JAILD_BEGUN"], fields["JAILD_CEASED"])
        for _, fields in house.diary.records
        if fields["MESSAGE_ID"] == MessageId.RELOADED
    ]
    assert lists == [("other", ""), ("", ""), ("", "other")]
    service.stop_jail("sshd", lambda _: None)
    assert service.at_work == []
    service.reload()
    # Stopped by hand it stays so, and that was told.
    assert house.diary.records[-1][1]["JAILD_CEASED"] == ""


def test_a_jail_that_keeps_its_configuration_is_not_said_to_be_off(house):
    service = house.open()
    (house.etc / "jail.d/zz.local").write_text("[sshd]\nmaxretry = many\n")
    with pytest.raises(InvalidConfig, match="goes on as before"):
        service.reload()
    assert told(house, MessageId.JAIL_FAILED) == []
    (line,) = told(house, MessageId.JAIL_KEPT)
    assert line.startswith("[sshd] does not take its new configuration: ")
    assert "zz.local:2" in line


def test_permanent_bans_are_one_line_together(house):
    (house.etc / "jail.d/zz.local").write_text("[sshd]\ndenyip = 203.0.113.0/24 192.0.2.9\n")
    service = house.open()
    (house.etc / "jail.d/zz.local").write_text("[sshd]\ndenyip = 192.0.2.9\n")
    service.reload()
    assert told(house, MessageId.DENIED, MessageId.BANNED, MessageId.UNBANNED) == [
        "[sshd] denyip: 2 banned for ever, 0 lifted",
        "[sshd] denyip: 0 banned for ever, 1 lifted",
    ]


def banned(house):
    return [text for text, _ in house.diary.records if "banned 192.0.2.7 until" in text]


def test_a_ban_that_was_saved_and_not_told_is_told_at_the_next_start(house, mocker):
    service = house.open()
    told = mocker.patch.object(Recorder, "banned", side_effect=SystemExit)
    service.ban("sshd", "192.0.2.7", 0, "", lambda _answer: None)
    with pytest.raises(SystemExit):
        house.clock.pass_time(0.1)
    told.assert_called_once()
    mocker.stopall()
    house.store.close()
    house.open()
    assert len(banned(house)) == 1


def test_a_ban_that_was_told_is_not_told_again_though_that_was_not_saved(house):
    service = house.open()
    service.ban("sshd", "192.0.2.7", 0, "", lambda _answer: None)
    house.clock.pass_time(0.1)
    house.store.close()
    again = house.open()
    assert len(banned(house)) == 1
    again.stop()
    assert house.store.load().due == []


def ended(house):
    return told(house, MessageId.UNBANNED, MessageId.TOO_LATE)


def test_an_end_that_was_saved_and_not_told_is_told_at_the_next_start(house, mocker):
    service = house.open()
    service.ban("sshd", "192.0.2.7", 60 * SECOND, "", lambda _answer: None)
    house.clock.pass_time(1)
    mocker.patch.object(Recorder, "unbanned", side_effect=SystemExit)
    with pytest.raises(SystemExit):
        house.clock.pass_time(61)
    mocker.stopall()
    assert ended(house) == []
    house.store.close()
    house.clock.pass_time(3600)
    house.open()
    assert ended(house) == ["[sshd] unbanned 192.0.2.7: its time is over"]
    assert len(banned(house)) == 1
    house.store.close()
    house.open()
    assert len(ended(house)) == 1
