# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the queue holds is sent at its pace, again after failures, and never twice."""

import logging
from dataclasses import replace

import pytest

pytest.importorskip("gi")

from jaild.config.model import NotifyConfig
from jaild.core.address import Address
from jaild.core.errors import NoSuchJail, NotAuthorized, StoreFailed
from jaild.dbus.publish import Caller
from jaild.journal.record import MessageId, Recorder
from jaild.notify import notices, sender
from jaild.notify.desk import IDLE, Desk, World
from jaild.notify.model import DeliveryFailed, Facts, Line, PartlyDelivered
from jaild.notify.pacing import HOUR
from jaild.notify.queue import Queue
from jaild.notify.server import Notifier
from jaild.notify.settings import Settings
from jaild.notify.trial import NothingToTest
from tests.clockwork import Clockwork
from tests.memory_journal import MemoryJournal, MemoryReader
from tests.notices import MAIL, SECOND, START, record

URL = "https://hooks.example.org/secret"
DOWN = DeliveryFailed("connection refused")


class Parts:
    """Takes all that is sent; ``trouble`` says what is raised for which destination."""

    def __init__(self):
        self.reports = []
        self.posts = []
        self.tries = []
        self.asked = []
        self.looked = lambda: None
        self.trouble = {}
        self.after = lambda: None
        self.whois = "NetName: X\nCountry: ZZ"

    silence = "nobody answers"
    is_ending = False

    def facts(self, address, *, whois):
        self.asked.append(address)
        self.looked()
        return Facts(whois=self.whois if whois else "", name="host.example")

    def lines(self, found):
        return {one.cursor: (Line(one.since, "a line"),) for one in found}

    def mail(self, report):
        self.tries.append(report.message_id)
        self._fail(report.mail.to[0])
        self.reports.append(report)
        self.after()

    def post(self, url, found, facts, *, test=False):
        self._fail(url)
        assert facts == {one.address: Facts(name="host.example") for one in found}
        self.posts.append([one.address for one in found])

    def _fail(self, dest):
        if dest in self.trouble:
            raise self.trouble[dest]


class House:
    """A whole notifier but its process."""

    def __init__(self, folder, *, hooks=(), most=10_000, limit=100, **mails):
        self.folder = folder
        self.clock = Clockwork()
        self.journal = MemoryJournal()
        self.parts = Parts()
        self.said = []
        self.records = []
        notify = NotifyConfig(webhooks=tuple(hooks), queue=most, limit=limit)
        self.settings = Settings(mails, frozenset(mails) | {"silent"}, frozenset(), notify)
        self.start()

    def record(self, text, fields):
        logging.getLogger("records").error(text)
        self.records.append(fields)

    def start(self):
        self.queue = Queue(self.folder / "queue")
        world = World(
            loop=self.clock,
            open_journal=lambda: MemoryReader(notices.MATCH, self.journal),
            parts=lambda settings: self.parts,
            now=self.clock.now,
            tell=self.said.append,
            recorder=Recorder(self.record),
            host="host.example",
        )
        self.desk = Desk(world, self.queue)
        self.use(self.settings)

    def use(self, settings):
        self.settings = settings
        self.desk.use(settings)
        self.clock.pass_time()

    def ban(self, *numbers, jail="sshd"):
        at = (self.clock.time - START) / SECOND
        self.journal.extend(record(n, jail, at + 0.001 * i) for i, n in enumerate(numbers))
        self.clock.announce()

    def told(self):
        """The numbers of the bans in each mail."""
        return [[*map(number, (*one.notices, *one.omitted))] for one in self.parts.reports]


def number(notice):
    _, _, high, low = map(int, notice.address.split("."))
    return (high - 100) * 250 + low - 1


@pytest.fixture
def house(tmp_path):
    return House(tmp_path, sshd=MAIL, web=MAIL)


def test_a_mail_for_a_ban(house):
    house.ban(7)
    (report,) = house.parts.reports
    assert [*map(number, report.notices)] == [7]
    assert report.mail == MAIL
    assert report.facts[report.notices[0].address].name == "host.example"
    assert report.lines == {}
    assert (report.since, report.lost, report.test) == (house.clock.time - 50_000, 0, False)
    assert report.message_id.endswith("@host.example>")
    assert house.said[-1] == "ready"
    house.ban(8, jail="silent")
    assert len(house.parts.reports) == 1


def test_lines_for_those_who_want_them(tmp_path):
    house = House(tmp_path, sshd=replace(MAIL, lines=True))
    house.ban(1)
    (report,) = house.parts.reports
    assert report.lines[report.notices[0].cursor][0].text == "a line"


def test_a_flood(house):
    house.ban(*range(5))
    for start in range(5, 5005, 500):
        house.ban(*range(start, start + 500))
        house.clock.pass_time(6)
    assert [len(one) for one in house.told()] == [1] * 5 + [500] * 10
    house.ban(*range(5005, 5010))
    house.ban(*range(5010, 6000))
    assert len(house.parts.reports) == 20
    assert house.said[-1] == "990 bans gathering for the next mail"
    house.clock.pass_time(3600)
    assert [len(one) for one in house.told()[20:]] == [990]
    last = house.parts.reports[-1]
    assert (len(last.notices), len(last.omitted)) == (20, 970)
    assert set(last.facts) == {one.address for one in last.notices}
    assert sorted(n for one in house.told() for n in one) == [*range(6000)]
    assert house.clock.timers() == 0


def test_one_mail_tells_of_so_many(house, monkeypatch):
    monkeypatch.setattr(sender, "MOST_TOLD", 30)
    house.ban(*range(70))
    assert [len(one) for one in house.told()] == [30, 30, *[1] * 10]


def test_digests_gather(tmp_path):
    house = House(tmp_path, sshd=replace(MAIL, digest=900 * SECOND))
    house.ban(1)
    house.clock.pass_time(600)
    house.ban(2, 3)
    assert house.told() == []
    house.clock.pass_time(301)
    assert house.told() == [[1, 2, 3]]


def test_a_dead_server(house):
    house.parts.trouble["admin@example.org"] = DOWN
    house.ban(1, 2)
    house.ban(3)
    assert house.said[-1] == (
        "1 mail waiting: connection refused; 1 ban gathering for the next mail"
    )
    for minutes, tries in ((60, 13), (600, 36), (3 * 24 * 60, 200)):
        house.clock.pass_time(60 * minutes)
        assert 2 < len(house.parts.tries) < tries
    assert len(set(house.parts.tries)) == 2
    house.ban(4, jail="web")
    house.parts.trouble.clear()
    house.clock.pass_time(3600)
    assert sorted(n for one in house.told() for n in one) == [1, 2, 3, 4]
    assert set(house.parts.tries) == {one.message_id for one in house.parts.reports}
    assert house.said[-1] == "ready"


def test_a_restart_goes_on_with_the_same_mails(house):
    house.parts.trouble["admin@example.org"] = DOWN
    house.ban(1, 2)
    before = {*house.parts.tries}
    house.desk.stop()
    house.clock.pass_time(60)
    house.journal.extend([record(3, at=60)])
    house.parts.trouble.clear()
    house.start()
    house.clock.pass_time(120)
    assert sorted(house.told()) == [[1], [2], [3]]
    assert before <= {one.message_id for one in house.parts.reports}


def test_a_stop_while_facts_are_looked_up(tmp_path):
    house = House(tmp_path, sshd=replace(MAIL, digest=60 * SECOND))
    house.ban(1, 2, 3)

    def stop():
        house.parts.is_ending = True

    house.parts.looked = stop
    house.clock.pass_time(61)
    assert len(house.parts.asked) == 1
    assert house.told() == []
    house.desk.stop()
    house.parts.looked, house.parts.is_ending = lambda: None, False
    house.start()
    (report,) = house.parts.reports
    assert len(report.facts) == 3
    assert house.queue.outgoing() == []


def test_a_stop_while_a_sample_is_sent(house):
    house.parts.after = lambda: setattr(house.parts, "is_ending", True)
    other = replace(MAIL, to=("other@example.org",))
    house.use(replace(house.settings, mails={"sshd": MAIL, "web": other}))
    said = house.desk.try_out("")
    assert said[1:] == [
        "the rest: not tried, jaild-notify is about to end",
        "failed: 1 of the above",
    ]


def test_one_recipients_trouble_is_nobody_elses(tmp_path):
    other = replace(MAIL, to=("other@example.org",))
    house = House(tmp_path, sshd=MAIL, web=other)
    house.parts.trouble["admin@example.org"] = DOWN
    house.ban(1)
    house.ban(2, jail="web")
    assert house.told() == [[2]]


def test_after_five_days_a_mail_is_given_up(house, caplog):
    house.parts.trouble["admin@example.org"] = DOWN
    house.ban(1)
    house.clock.pass_time(6 * 24 * 3600)
    assert "1 ban cannot be told, a mail of jail sshd is given up: connection refused" in (
        caplog.messages
    )
    (fields,) = house.records
    assert fields["MESSAGE_ID"] == MessageId.NOTICE_GIVEN_UP
    assert (fields["JAILD_JAIL"], fields["JAILD_COUNT"]) == ("sshd", "1")
    assert fields["JAILD_REASON"] == "connection refused"
    house.parts.trouble.clear()
    house.ban(2)
    (report,) = house.parts.reports
    assert (report.lost, [*map(number, report.notices)]) == (1, [2])


def test_what_is_refused_for_good_is_given_up_at_once(house, caplog):
    house.parts.trouble["admin@example.org"] = DeliveryFailed("no such user", permanent=True)
    house.ban(1)
    assert "given up: no such user" in caplog.text
    assert len(house.parts.tries) == 1
    assert house.said[-1] == "ready"
    assert house.clock.timers() == 0


class Grey:
    """Takes mails for all but one recipient, who is refused for now while ``on``."""

    def __init__(self, house, who):
        self.who, self.on = who, True
        self.got = []
        self.tries = 0
        house.parts.mail = self.mail

    def mail(self, report):
        to = report.rest or report.mail.to
        rest = [one for one in to if one == self.who and self.on]
        self.tries += bool(rest)
        self.got += [(one, report.message_id) for one in to if one not in rest]
        if rest and len(to) == len(rest):
            raise DeliveryFailed("451 grey")
        if rest:
            raise PartlyDelivered("451 grey", tuple(rest))


TWO = replace(MAIL, to=("admin@example.org", "night@example.org"))


def test_who_is_refused_for_now_gets_the_mail_later_and_alone(tmp_path, caplog):
    house = House(tmp_path, sshd=TWO)
    grey = Grey(house, "night@example.org")
    house.ban(1)
    house.clock.pass_time(30)
    # Nobody else waits for that.
    house.ban(2)
    assert [one for one, _ in grey.got] == ["admin@example.org"] * 2
    assert house.said[-1] == "2 mails waiting: 451 grey"
    assert sum("waits for some who are to get it: 451 grey" in one for one in caplog.messages) == 1
    house.clock.pass_time(24 * 3600)
    # With back-off, and whatever else goes out meanwhile does not change that.
    assert grey.tries < 70
    house.desk.stop()
    grey.on = False
    house.start()
    house.clock.pass_time(3600)
    assert len(grey.got) == len(set(grey.got)) == 4
    assert house.said[-1] == "ready"
    assert house.clock.timers() == 0


def test_whom_nobody_wants_to_tell_any_more_is_not_waited_for(tmp_path):
    house = House(tmp_path, sshd=TWO)
    grey = Grey(house, "night@example.org")
    house.ban(1)
    house.use(replace(house.settings, mails={"sshd": MAIL}))
    house.clock.pass_time(3600)
    assert len(grey.got) == 1
    assert house.queue.outgoing() == []


def test_the_hour_counts_a_mail_for_two_once(tmp_path):
    house = House(tmp_path, sshd=replace(TWO, limit=2))
    grey = Grey(house, "night@example.org")
    house.ban(1)
    house.clock.pass_time(30)
    grey.on = False
    house.clock.pass_time(600)
    house.ban(2)
    assert len(grey.got) == 4
    house.ban(3)
    assert len(grey.got) == 4


def test_who_is_never_let_in_is_given_up_without_a_loss(tmp_path, caplog):
    house = House(tmp_path, sshd=TWO)
    Grey(house, "night@example.org")
    house.ban(1)
    house.clock.pass_time(6 * 24 * 3600)
    assert "is given up: 451 grey" in caplog.text
    assert house.queue.outgoing() == []
    house.ban(2)
    assert house.queue.outgoing()[0].lost == 0


SPAM = DeliveryFailed("550 spam", permanent=True, content=True)
MAYBE_SPAM = DeliveryFailed("451 filter", content=True)


def dislikes(house, error):
    """Let the server refuse whatever has a log line."""
    take = house.parts.mail

    def mail(report):
        if any(report.lines.values()):
            house.parts.tries.append(report.message_id)
            raise error
        take(report)

    house.parts.mail = mail


def test_what_an_attacker_wrote_has_no_mail_refused(tmp_path, caplog):
    house = House(tmp_path, sshd=replace(MAIL, lines=True))
    dislikes(house, SPAM)
    house.ban(*range(2))
    assert house.told() == [[0], [1]]
    for report in house.parts.reports:
        assert report.plain
        assert (report.facts, report.lines, report.notices[0].reason) == ({}, {}, "")
        assert report.notices[0].evidence == ()
    assert "refused for what it says, and is sent without what others wrote" in caplog.text
    assert len(set(house.parts.tries)) == 2
    assert house.said[-1] == "ready"


def test_refused_for_the_time_being_three_times(tmp_path):
    house = House(tmp_path, sshd=replace(MAIL, lines=True))
    dislikes(house, MAYBE_SPAM)
    house.ban(1)
    house.clock.pass_time(90)
    assert house.told() == []
    # The mark is on disk, and so is the count.
    house.desk.stop()
    house.start()
    house.clock.pass_time(300)
    assert house.told() == [[1]]
    assert house.parts.reports[0].plain


def test_refused_even_without_it_is_given_up(tmp_path, caplog):
    house = House(tmp_path, sshd=replace(MAIL, lines=True))
    house.parts.trouble["admin@example.org"] = SPAM
    house.ban(1)
    assert len(house.parts.tries) == 2
    assert "given up: 550 spam" in caplog.text
    house.parts.trouble["admin@example.org"] = MAYBE_SPAM
    house.ban(2)
    house.clock.pass_time(24 * 3600)
    assert len(house.queue.outgoing()) == 1


def test_refusals_are_mails_of_the_hour(house):
    house.parts.trouble["admin@example.org"] = DeliveryFailed("no such user", permanent=True)
    for one in range(60):
        house.ban(one)
    assert len(house.parts.tries) == MAIL.limit
    assert house.said[-1] == "40 bans gathering for the next mail"
    house.parts.trouble.clear()
    house.clock.pass_time(3600)
    assert house.told() == [[*range(20, 60)]]
    assert house.parts.reports[0].lost == 20


def test_a_report_that_cannot_be_made_harms_no_other(house, caplog):
    house.parts.trouble["admin@example.org"] = ZeroDivisionError("oh")
    house.ban(1)
    assert "ZeroDivisionError" in caplog.text
    assert house.said[-1] == "1 mail waiting: unexpected: ZeroDivisionError: oh"


def test_webhooks(tmp_path):
    house = House(tmp_path, hooks=[URL, "http://localhost/"], sshd=MAIL)
    house.parts.trouble[URL] = DOWN
    house.parts.trouble[URL].after = 1800
    house.ban(*range(250))
    house.ban(250, jail="silent")
    assert [len(one) for one in house.parts.posts] == [100, 100, 50, 1]
    assert house.said[-1] == "1 webhook request waiting: connection refused"
    house.parts.trouble.clear()
    house.clock.pass_time(1700)
    assert len(house.parts.posts) == 4
    house.clock.pass_time(110)
    assert [len(one) for one in house.parts.posts[4:]] == [100, 100, 51]
    assert house.said[-1] == "ready"
    del DOWN.after


def test_what_a_webhook_answers_is_not_in_the_status(tmp_path, caplog):
    house = House(tmp_path, hooks=[URL])
    house.parts.trouble[URL] = DeliveryFailed("it answered 500: words", brief="it answered 500")
    house.ban(1)
    assert house.said[-1] == "1 webhook request waiting: it answered 500"
    assert "it answered 500: words" in caplog.text


def test_too_many_wait(tmp_path, caplog):
    house = House(tmp_path, most=30, sshd=replace(MAIL, limit=1))
    house.ban(1)
    house.ban(*range(2, 52))
    assert "the oldest 20 are dropped" in caplog.text
    house.clock.pass_time(3600)
    assert house.told() == [[1], [*range(22, 52)]]
    assert house.parts.reports[1].lost == 20


def test_too_many_wait_for_a_server_that_takes_nothing(tmp_path):
    house = House(tmp_path, most=100, sshd=replace(MAIL, digest=60 * SECOND))
    house.parts.trouble["admin@example.org"] = DOWN
    house.ban(*range(100))
    house.clock.pass_time(61)
    for one in range(100, 120):
        house.ban(one)
        house.clock.pass_time(5)
    # One line at once, one for each minute that it goes on, and nothing forgotten.
    house.clock.pass_time(61)
    counts = [int(one["JAILD_COUNT"]) for one in house.records]
    assert sum(counts) == 20
    assert len(counts) == 3
    assert {one["MESSAGE_ID"] for one in house.records} == {MessageId.NOTICES_DROPPED}
    house.parts.trouble.clear()
    house.clock.pass_time(7200)
    assert sorted(n for one in house.told() for n in one) == [*range(20, 120)]
    assert sum(one.lost for one in house.parts.reports) == 20
    assert house.clock.timers() == 0


def test_what_was_dropped_is_recorded_before_the_end(tmp_path):
    house = House(tmp_path, most=100, sshd=MAIL)
    house.parts.trouble["admin@example.org"] = DOWN
    house.ban(*range(101))
    house.ban(101, 102)
    house.desk.stop()
    assert [one["JAILD_COUNT"] for one in house.records] == ["1", "2"]


def test_what_was_sent_and_cannot_be_noted_is_not_sent_again(house, monkeypatch, caplog):
    delivered = house.queue.delivered

    def full(*_):
        raise StoreFailed("the queue cannot be used: no space left")

    monkeypatch.setattr(house.queue, "delivered", full)
    house.ban(1, 2)
    assert house.said[-1] == "the queue cannot be used: no space left"
    house.clock.pass_time(60)
    assert len(house.parts.tries) == 1
    assert len(caplog.messages) == 1
    monkeypatch.setattr(house.queue, "delivered", delivered)
    house.clock.pass_time(60)
    assert house.told() == [[1], [2]]


def test_who_is_not_to_be_told_any_more(house, caplog):
    house.parts.trouble["admin@example.org"] = DOWN
    house.ban(1, 2)
    house.ban(3, jail="web")
    house.use(replace(house.settings, mails={"web": MAIL}))
    house.clock.pass_time(601)
    assert "2 bans need not be told any more" in caplog.text
    broken = replace(house.settings, mails={}, broken=frozenset({"web"}))
    house.use(broken)
    house.clock.pass_time(7200)
    house.parts.trouble.clear()
    house.use(replace(house.settings, mails={"web": MAIL}, broken=frozenset()))
    house.clock.pass_time(3600)
    assert house.told() == [[3]]


def test_the_bans_of_a_jail_with_a_mistake_wait_until_it_is_mended(house):
    house.desk.stop()
    # Nobody knows any more what it was like before.
    mended = house.settings
    house.settings = replace(mended, mails={"web": MAIL}, broken=frozenset({"sshd"}))
    house.start()
    house.ban(1)
    house.ban(2, jail="web")
    house.clock.pass_time(7200)
    assert house.told() == [[2]]
    house.use(mended)
    assert house.told() == [[2], [1]]


def test_a_jail_that_mails_nobody_once_it_is_mended(house, caplog):
    broken = replace(house.settings, mails={"web": MAIL}, broken=frozenset({"sshd"}))
    house.use(broken)
    house.ban(1)
    house.use(replace(broken, broken=frozenset()))
    house.clock.pass_time(601)
    assert "1 ban need not be told any more" in caplog.text
    house.use(replace(house.settings, mails={"web": MAIL, "sshd": MAIL}))
    assert house.told() == []


def test_nobody_is_to_be_told(house):
    house.ban(1)
    none = replace(house.settings, mails={})
    house.use(none)
    assert house.said[-1] == IDLE
    house.clock.pass_time(601)
    assert house.clock.timers() == 0
    house.ban(2)
    house.use(replace(none, mails={"sshd": MAIL}))
    house.ban(3)
    assert house.told() == [[1], [3]]


@pytest.mark.parametrize("restarts", [False, True])
def test_a_configuration_that_names_nobody_for_a_moment_loses_nothing(house, restarts, caplog):
    house.parts.trouble["admin@example.org"] = DOWN
    house.ban(*range(30))
    settings = house.settings
    house.use(replace(settings, mails={}))
    house.ban(30)
    house.clock.pass_time(500)
    if restarts:
        house.desk.stop()
        house.start()
        house.clock.pass_time(500)
    assert house.said[-1] == IDLE
    house.parts.trouble.clear()
    house.use(settings)
    house.clock.pass_time(3600)
    assert sorted(n for one in house.told() for n in one) == [*range(31)]
    assert "need not be told" not in caplog.text
    assert house.clock.timers() == 0


def test_a_configuration_that_names_nobody_for_long(house, caplog):
    house.parts.trouble["admin@example.org"] = DOWN
    house.ban(*range(30))
    settings = house.settings
    house.use(replace(settings, mails={}))
    house.clock.pass_time(601)
    assert "30 bans need not be told any more: nobody has been configured" in caplog.text
    house.ban(30)
    house.parts.trouble.clear()
    house.use(settings)
    house.clock.pass_time(3600)
    assert house.told() == []


def test_somebody_else_who_is_gone_has_a_time_of_his_own(house):
    house.parts.trouble["admin@example.org"] = DOWN
    house.ban(1)
    house.ban(2, jail="web")
    settings = replace(house.settings, notify=NotifyConfig(webhooks=(URL,)))
    house.use(replace(settings, mails={"web": MAIL}))
    house.clock.pass_time(500)
    house.use(replace(settings, mails={}))
    house.clock.pass_time(500)
    house.parts.trouble.clear()
    house.use(settings)
    house.clock.pass_time(60)
    assert sorted(house.told()) == [[1], [2]]


def test_a_webhook_that_is_not_configured_for_a_moment(tmp_path):
    house = House(tmp_path, hooks=[URL], sshd=MAIL)
    house.parts.trouble[URL] = DOWN
    house.ban(1)
    settings = house.settings
    house.parts.trouble.clear()
    house.use(replace(settings, notify=NotifyConfig()))
    house.clock.pass_time(300)
    assert house.parts.posts == []
    house.use(settings)
    house.clock.pass_time(60)
    assert len(house.parts.posts) == 1


def test_a_queue_that_cannot_be_tidied_is_tidied_later(house, monkeypatch, caplog):
    house.parts.trouble["admin@example.org"] = DOWN
    house.ban(1)

    def full(*_):
        raise StoreFailed("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(house.queue, "keep_only", full)
        house.use(replace(house.settings, mails={"web": MAIL}))
        house.clock.pass_time(601)
    assert "still waits: no space left" in caplog.text
    house.clock.pass_time(601)
    assert "1 ban need not be told" in caplog.text


def test_after_the_clock_was_set_back_nothing_waits_for_ever(house):
    house.parts.trouble["admin@example.org"] = DOWN
    house.ban(1)
    house.clock.time -= 9 * HOUR
    house.parts.trouble.clear()
    house.use(house.settings)
    assert house.told() == [[1]]


# --- a test


def test_a_sample_goes_the_real_way(tmp_path):
    loud = replace(MAIL, to=("other@example.org",), whois=True, lines=True)
    house = House(tmp_path, hooks=[URL], sshd=MAIL, web=replace(MAIL, digest=5), mta=loud)
    house.parts.trouble["other@example.org"] = DeliveryFailed("no such user", permanent=True)
    assert house.desk.try_out("") == [
        "[sshd]: mail to admin@example.org (mta = mail): handed over",
        "[mta]: whois of 192.0.2.1: 2 lines",
        "[mta]: mail to other@example.org (mta = mail): no such user",
        "webhook at hooks.example.org: taken",
        "failed: 1 of the above",
    ]
    assert house.desk.try_out("web")[-1] == "delivered"
    house.parts.whois = ""
    assert house.desk.try_out("mta")[0] == "[mta]: whois of 192.0.2.1: nobody answers"
    del house.parts.trouble["other@example.org"]
    assert house.desk.try_out("web")[-1] == "delivered"
    report = house.parts.reports[-1]
    assert report.test
    assert [one.jail for one in report.notices] == ["web"]
    assert report.notices[0].address == Address("192.0.2.1")
    assert house.queue.sent(house.clock.time) == []
    assert len(house.desk.try_out("silent")) == 2
    with pytest.raises(NoSuchJail, match="there is no jail 'x'"):
        house.desk.try_out("x")


def test_there_is_nothing_to_test(house):
    with pytest.raises(NothingToTest, match="jail 'silent' mails nobody"):
        house.desk.try_out("silent")
    house.use(replace(house.settings, mails={}))
    with pytest.raises(NothingToTest, match="no enabled jail"):
        house.desk.try_out("")


@pytest.mark.parametrize(
    ("uid", "answer"), [(0, "a\nb"), (1000, NotAuthorized), (DOWN, NotAuthorized)]
)
def test_only_root_may_send_a_test(uid, answer):
    asked = []

    def try_out(jail):
        asked.append(jail)
        return ["a", "b"]

    server = Notifier(lambda sender, done: done(uid), try_out)
    outcome = server.Test("sshd", caller=Caller(":1.5"))._outcome
    if uid == 0:
        assert (outcome, asked) == ((answer,), ["sshd"])
    else:
        assert isinstance(outcome, answer)
        assert asked == []
