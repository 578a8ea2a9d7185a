# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which bans become one mail, and when."""

from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaild.notify.pacing import HOUR, Hour, Mail, Plan, Waiting, plan

NOW = 1_760_000_000_000_000
MINUTE = HOUR // 60


def hour(*sent, limit=100, jails=("sshd",)):
    return Hour(sent, limit, jails)


def sshd(count, *, first=NOW, digest=0, limit=20):
    return Waiting("sshd", count, first, digest, limit)


def test_a_mail_for_each_ban():
    assert plan([sshd(3)], hour(), NOW) == Plan((Mail("sshd", 1),) * 3, None)
    assert plan([], hour(("sshd", NOW)), NOW) == Plan((), None)


def test_one_mail_for_all_where_there_are_not_places_for_each():
    assert len(plan([sshd(20)], hour(), NOW).mails) == 20
    assert plan([sshd(21)], hour(), NOW).mails == (Mail("sshd", 21),)
    assert plan([sshd(5000)], hour(("sshd", NOW)), NOW).mails == (Mail("sshd", 5000),)


def test_without_a_place_bans_gather_until_one_comes_free():
    sent = [("sshd", NOW - MINUTE * n) for n in range(20)]
    assert plan([sshd(213)], hour(*sent), NOW) == Plan((), NOW - 19 * MINUTE + HOUR)
    later = NOW - 19 * MINUTE + HOUR
    assert plan([sshd(214)], hour(*sent), later).mails == (Mail("sshd", 214),)


def test_a_digest_waits_once_and_takes_all():
    waiting = sshd(7, digest=15 * MINUTE)
    assert plan([waiting], hour(), NOW + MINUTE) == Plan((), NOW + 15 * MINUTE)
    assert plan([waiting], hour(), NOW + 15 * MINUTE) == Plan((Mail("sshd", 7),), None)


def test_nobody_waits_for_ever_after_the_clock_was_set_back():
    ahead = [("sshd", NOW + 9 * HOUR)] * 20
    waiting = sshd(1, first=NOW + 9 * HOUR, digest=15 * MINUTE)
    assert plan([waiting], hour(*ahead), NOW).mails == (Mail("sshd", 1),)


def test_half_of_the_places_are_kept_for_jails_that_have_sent_nothing():
    jails = ("loud", "quiet", "other")
    sent = [("loud", NOW - MINUTE)] * 8
    loud = Waiting("loud", 50, NOW - 9, 0, 100)
    assert plan([loud], hour(*sent, limit=10, jails=jails), NOW).mails == ()
    quiet = Waiting("quiet", 5, NOW, 0, 100)
    both = plan([loud, quiet], hour(*sent, limit=10, jails=jails), NOW)
    assert both.mails == (Mail("quiet", 5),)
    assert both.look == NOW - MINUTE + HOUR
    alone = plan([loud], hour(*sent, limit=10, jails=("loud",)), NOW)
    assert alone.mails == (Mail("loud", 50),)


def test_places_are_shared():
    waiting = [Waiting(jail, 3, NOW - n, 0, 20) for n, jail in enumerate("abc")]
    mails = plan(waiting, hour(limit=8, jails="abc"), NOW).mails
    assert Counter(mail.jail for mail in mails) == {"a": 1, "b": 3, "c": 3}
    assert sum(mail.count for mail in mails) == 9
    first = [("a", NOW)]
    assert len(plan(waiting, hour(*first, limit=4, jails="abc"), NOW).mails) == 3
    few = plan(waiting, hour(limit=2, jails="abc"), NOW)
    assert [mail.jail for mail in few.mails] == ["c", "b"]
    assert few.look == NOW + HOUR


@dataclass
class House:
    """Jails, what they have waiting, and what was sent."""

    jails: dict[str, tuple[int, int]]
    limit: int
    now: int = NOW
    pending: dict[str, list[int]] = field(default_factory=dict)
    sent: list[tuple[str, int]] = field(default_factory=list)
    told: Counter = field(default_factory=Counter)

    def turn(self) -> int | None:
        waiting = [
            Waiting(jail, len(times), times[0], *self.jails[jail])
            for jail, times in self.pending.items()
            if times
        ]
        made = plan(waiting, Hour(self.sent, self.limit, self.jails), self.now)
        for mail in made.mails:
            assert 0 < mail.count <= len(self.pending[mail.jail])
            digest = self.jails[mail.jail][0]
            assert self.now >= self.pending[mail.jail][0] + digest
            del self.pending[mail.jail][: mail.count]
            self.told[mail.jail] += mail.count
            self.sent.append((mail.jail, self.now))
        if any(self.pending.values()):
            assert made.look is not None
            assert made.look > self.now
        self.check()
        return made.look

    def check(self) -> None:
        recent = [jail for jail, time in self.sent if time > self.now - HOUR]
        assert len(recent) <= self.limit
        for jail, count in Counter(recent).items():
            assert count <= self.jails[jail][1]


NAMES = st.sampled_from(["sshd", "web", "mail"])


@settings(deadline=None)
@given(
    jails=st.fixed_dictionaries(
        {
            name: st.tuples(st.sampled_from([0, MINUTE, 90 * MINUTE]), st.integers(1, 30))
            for name in ("sshd", "web", "mail")
        }
    ),
    limit=st.integers(1, 40),
    attacks=st.lists(st.tuples(st.integers(0, 2 * HOUR), NAMES, st.integers(1, 500)), max_size=20),
)
def test_no_ban_is_lost_or_told_twice_and_no_limit_is_passed(jails, limit, attacks):
    house = House(jails, limit)
    for pause, jail, count in attacks:
        until = house.now + pause
        look = house.turn()
        while look is not None and look <= until:
            house.now = look
            look = house.turn()
        house.now = until
        house.pending.setdefault(jail, []).extend([house.now] * count)
    for _ in range(500):
        look = house.turn()
        if look is None:
            break
        house.now = look
    assert not any(house.pending.values())
    banned = Counter()
    for _, jail, count in attacks:
        banned[jail] += count
    assert house.told == banned


@pytest.mark.parametrize(("digest", "most"), [(0, 21), (15 * MINUTE, 2)])
def test_five_thousand_bans_in_a_minute(digest, most):
    house = House({"sshd": (digest, 20)}, 100)
    for _ in range(5000):
        house.now += MINUTE // 5000
        house.pending.setdefault("sshd", []).append(house.now)
        house.turn()
    while (look := house.turn()) is not None:
        house.now = look
    assert house.told["sshd"] == 5000
    assert len(house.sent) <= most
