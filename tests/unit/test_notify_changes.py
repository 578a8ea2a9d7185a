# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""That a jail begins to watch or ceases to is told to whom it is to be told."""

from dataclasses import replace

import pytest

pytest.importorskip("gi")

from jaild.config.load import Tree, load
from jaild.notify import changes, notices
from jaild.notify.compose import compose
from jaild.notify.fields import Malformed
from jaild.notify.model import Change, DeliveryFailed, Report
from jaild.notify.settings import Settings, of_config
from tests.notices import MAIL, SECOND, START, change, notice, record
from tests.unit.test_notify_sender import House
from tests.verbs import SHIPPED

WANTED = replace(MAIL, startstop=True)


def told(*entries):
    """What records tell, as jail, whether it begins, and why."""
    found = [one for entry in entries for one in notices.of_record(entry, "c")]
    return [(one.jail, one.begins, one.reason) for one in found]


@pytest.mark.parametrize(
    ("decide", "expected"),
    [
        (lambda to: to.started(["sshd", "web"]), [("sshd", True), ("web", True)]),
        (lambda to: to.stopped(["sshd"]), [("sshd", False)]),
        (lambda to: to.reloaded(3, ["a"], ["b", "c"]), [("a", True), ("b", False), ("c", False)]),
        (lambda to: to.reloaded(3, [], []), []),
        (lambda to: to.jail_started("sshd"), [("sshd", True)]),
        (lambda to: to.jail_stopped("sshd", "stopped by hand"), [("sshd", False)]),
        (lambda to: to.jail_failed("sshd", "a pattern is bad"), [("sshd", False)]),
    ],
)
def test_what_records_tell(decide, expected):
    entry = change(decide, at=3)
    assert notices.MATCH.accepts(entry.fields)
    found = notices.of_record(entry, "c=7")
    assert [(one.jail, one.begins) for one in found] == expected
    for one in found:
        assert (one.since, one.host, one.cursor) == (START + 3 * SECOND, "host", "c=7")
        assert notices.of_text(notices.to_text(one)) == one
    assert len({notices.key_of(one) for one in found}) == len(found)


def test_why():
    reasons = [
        reason
        for _, _, reason in told(
            change(lambda to: to.started(["a"])),
            change(lambda to: to.stopped(["a"])),
            change(lambda to: to.reloaded(1, ["a"], ["b"])),
            change(lambda to: to.jail_started("a")),
            change(lambda to: to.jail_stopped("a", "stopped by hand")),
            change(lambda to: to.jail_failed("a", "no\nway")),
        )
    ]
    assert reasons == [
        "jaild was started",
        "jaild was stopped",
        "the configuration has it now",
        "the configuration no longer has it",
        "started by hand",
        "stopped by hand",
        "no\ufffdway",
    ]


def test_only_jailds_own_records_and_nothing_else_of_them():
    entry = change(lambda to: to.started(["a"]), unit="user@1000.service")
    assert not notices.MATCH.accepts(entry.fields)
    assert not notices.MATCH.accepts(change(lambda to: to.firewall_failed("x")).fields)
    for bad in ({"JAILD_BEGUN": "x" * 300}, {"_HOSTNAME": "a\x1b"}, {"JAILD_CEASED": "x" * 9000}):
        with pytest.raises(Malformed):
            list(changes.of_entry(change(lambda to: to.started([]), **bad), "c"))


def test_a_ban_of_a_jail_of_that_name_is_a_ban():
    one = notice(jail="change")
    assert notices.of_text(notices.to_text(one)) == one


def write(house, decide):
    at = (house.clock.time - START) / SECOND
    house.journal.extend([change(decide, at)])
    house.clock.announce()


def mailed(house):
    return [[(one.jail, one.begins) for one in report.changes] for report in house.parts.reports]


def test_whoever_asks_for_it_is_told(tmp_path):
    house = House(tmp_path, hooks=["http://localhost/"], sshd=WANTED, web=MAIL)
    write(house, lambda to: to.started(["sshd", "web", "other"]))
    write(house, lambda to: to.jail_failed("web", "x"))
    write(house, lambda to: to.stopped(["sshd", "web", "other"]))
    assert mailed(house) == [[("sshd", True)], [("sshd", False)]]
    assert house.parts.posts == []
    assert house.parts.asked == []
    assert house.said[-1] == "ready"


def test_each_once_over_restarts(tmp_path):
    house = House(tmp_path, sshd=WANTED)
    house.parts.trouble["admin@example.org"] = DeliveryFailed("down")
    write(house, lambda to: to.stopped(["sshd"]))
    house.clock.pass_time(1)
    write(house, lambda to: to.started(["sshd"]))
    house.desk.stop()
    house.parts.trouble.clear()
    house.start()
    house.clock.pass_time(120)
    assert mailed(house) == [[("sshd", False)], [("sshd", True)]]


def test_a_digest_has_them_together_with_bans(tmp_path):
    house = House(tmp_path, sshd=replace(WANTED, digest=60 * SECOND))
    write(house, lambda to: to.started(["sshd"]))
    house.ban(1)
    house.clock.pass_time(61)
    (report,) = house.parts.reports
    assert len(report.notices) == len(report.changes) == 1


def test_the_hours_limit_is_theirs_as_well(tmp_path):
    house = House(tmp_path, sshd=replace(WANTED, limit=2))
    for _ in range(4):
        house.clock.pass_time(1)
        write(house, lambda to: to.started(["sshd"]))
    assert len(house.parts.reports) == 2
    house.clock.pass_time(3600)
    assert [len(one) for one in mailed(house)] == [1, 1, 2]


def test_a_jail_that_the_configuration_no_longer_has(tmp_path):
    house = House(tmp_path, sshd=WANTED)
    settings = house.settings
    # The notifier sees the file change before jaild is told to reload.
    house.use(replace(settings, mails={}, former={"sshd": WANTED}))
    house.ban(1)
    house.clock.pass_time(60)
    write(house, lambda to: to.reloaded(0, [], ["sshd"]))
    assert mailed(house) == [[], [("sshd", False)]]
    house.clock.pass_time(600)
    assert house.desk.settings.former == {}
    write(house, lambda to: to.reloaded(0, [], ["sshd"]))
    assert len(house.parts.reports) == 2
    house.clock.pass_time(600)
    assert house.clock.timers() == 0
    assert house.queue.position() is None


def test_what_waits_for_a_jail_that_is_gone_is_dropped_in_the_end(tmp_path, caplog):
    house = House(tmp_path, sshd=WANTED, web=MAIL)
    house.parts.trouble["admin@example.org"] = DeliveryFailed("down")
    house.use(replace(house.settings, mails={"web": MAIL}, former={"sshd": WANTED}))
    write(house, lambda to: to.reloaded(0, [], ["sshd"]))
    house.clock.pass_time(601)
    assert "1 ban need not be told any more" in caplog.text
    assert house.queue.outgoing() == []
    assert house.clock.timers() == 0


def test_which_jails_were(tmp_path):
    def configure(text):
        (tmp_path / "jail.local").write_text(text)
        return load(Tree(etc=tmp_path, shipped=SHIPPED))

    mailing = "[sshd]\nenabled = true\naction = %(action_mw)s\nmail.startstop = yes\n"
    first = of_config(configure(mailing), Settings())
    assert first.mails["sshd"].startstop
    assert (
        not of_config(configure(mailing.replace("yes", "no")), Settings()).mails["sshd"].startstop
    )
    gone = of_config(configure("[sshd]\nenabled = false\n"), first)
    assert gone.former == {"sshd": first.mails["sshd"]}
    assert gone.is_needed
    assert of_config(configure("[sshd]\nenabled = false\n"), gone).former == gone.former
    assert of_config(configure(mailing), gone).former == {}
    # One that mails no more is not gone.
    assert of_config(configure("[sshd]\nenabled = true\n"), first).former == {}


def text(report):
    message = compose(report)
    return message["Subject"], message.get_content().replace("\r\n", "\n")


def made(number, *, begins, reason="jaild was stopped"):
    return Change("sshd", begins, reason, START + number * SECOND, "web1", f"c={number}")


def test_what_the_mail_says():
    one = made(1, begins=False)
    subject, said = text(Report(WANTED, (), since=START, changes=(one,)))
    assert subject == "[jaild] sshd: watches no more on web1"
    assert said.startswith("Jail sshd on web1 watches no more.\n\n  2025-10-09 ")
    assert "  watches no more: jaild was stopped\n" in said
    assert "  jailctl status sshd\n" in said
    both = (one, made(9, begins=True, reason="jaild was started"))
    subject, said = text(Report(WANTED, (), since=START, changes=both))
    assert subject == "[jaild] sshd: watches on web1"
    assert said.index("jaild was stopped") < said.index("jaild was started")


def test_what_a_mail_of_bans_says_besides():
    change = made(1, begins=False, reason="x\x1b[2J\n.\n" + "y" * 900)
    subject, said = text(Report(WANTED, (notice(),), since=START, changes=(change,)))
    assert subject == "[jaild] sshd: banned 198.51.100.1 from host"
    assert "\nThe jail watches no more:\n\n  2025" in said
    assert "  jailctl explain 198.51.100.1\n" in said
    assert "jailctl status" not in said
    assert all(char.isprintable() or char == "\n" for char in said)
    many = tuple(made(n, begins=bool(n % 2)) for n in range(500))
    _, said = text(Report(WANTED, (), since=START, changes=many))
    assert "  … the last 20 of 500:\n" in said


def test_records_of_bans_are_told_as_before():
    (one,) = notices.of_record(record(7), "c=7")
    assert one == notice(7)
