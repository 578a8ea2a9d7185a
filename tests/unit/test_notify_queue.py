# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What waits to be told is kept, once, whatever happens."""

import sqlite3
import stat

import pytest

from jaild.core.errors import StoreFailed
from jaild.core.position import Position
from jaild.notify.pacing import HOUR, Waiting
from jaild.notify.queue import MAIL, Queue
from tests.notices import START, notice

URL = "https://example.org/hook"
PLACE = Position("c=9", START, START)
DIGESTS = {"sshd": (0, 20), "web": (5, 10)}


@pytest.fixture
def queue(tmp_path):
    queue = Queue(tmp_path / "queue")
    yield queue
    queue.close()


def take(queue, *numbers, jail="sshd", dests=(MAIL,), now=START):
    return queue.take([(notice(n, jail), dests) for n in numbers], PLACE, now)


def form(queue, *counts, jail="sshd", dest=MAIL, now=START):
    queue.form(dest, jail, counts, [f"<{n}@x>" for n in range(len(counts))], now)
    return queue.outgoing()


def told(queue, one):
    return [int(found.cursor.removeprefix("c=")) for found in queue.notices_of(one.number, 9)]


def rows(queue, table):
    db = sqlite3.connect(queue._file._path)
    try:
        return db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    finally:
        db.close()


def test_only_its_owner_may_read_it(queue, tmp_path):
    assert stat.S_IMODE((tmp_path / "queue").stat().st_mode) == 0o600
    assert queue.position() is None
    assert queue.outgoing() == []


def test_notices_and_their_place_are_kept_over_a_restart(queue, tmp_path):
    take(queue, 1, 2, now=START + 5)
    take(queue, 3, now=START + 9)
    queue.close()
    again = Queue(tmp_path / "queue")
    assert again.position() == PLACE
    assert again.waiting(DIGESTS) == [Waiting("sshd", 3, START + 5, 0, 20)]
    again.close()


def test_what_jaild_repeats_counts_once(queue):
    take(queue, 1, 1, 2)
    take(queue, 2, 3)
    take(queue, 1, jail="web")
    assert [one.count for one in queue.waiting(DIGESTS)] == [3, 1]
    (one,) = form(queue, 3)
    queue.delivered(one.number, START)
    take(queue, 3)
    assert [one.jail for one in queue.waiting(DIGESTS)] == ["web"]


def test_reports_take_the_oldest_and_hold_up_their_jail_alone(queue):
    take(queue, 1, 2, 3, 4)
    take(queue, 5, jail="web")
    first, second = form(queue, 1, 2)
    assert (told(queue, first), told(queue, second)) == ([1], [2, 3])
    assert [len(one.evidence) for one in queue.notices_of(second.number, 1)] == [1, 0]
    assert (first.message_id, second.message_id, second.count) == ("<0@x>", "<1@x>", 2)
    assert [one.jail for one in queue.waiting(DIGESTS)] == ["web"]
    assert (first.objections, first.plain) == (0, 0)
    queue.failed(first.number, START + 50, objected=True)
    queue.strip(first.number, START + 55)
    (left, _) = queue.outgoing()
    assert (left.objections, left.plain, left.next_) == (1, 1, START + 55)
    queue.failed(first.number, START + 60)
    queue.delivered(second.number, START + 1)
    (left,) = queue.outgoing()
    assert (left.number, left.attempts, left.next_) == (first.number, 2, START + 60)
    queue.hasten([left.number], START + 2)
    assert queue.outgoing()[0].next_ == START + 2
    queue.delivered(left.number, START + 2)
    assert queue.waiting(DIGESTS)[0] == Waiting("sshd", 1, START, 0, 20)
    assert rows(queue, "notice") == 2


def test_each_destination_is_told(queue):
    take(queue, 1, 2, dests=(MAIL, URL))
    assert queue.waiting_hooks() == [(URL, 2)]
    mail, hook = (*form(queue, 2)[:1], form(queue, 2, jail="", dest=URL)[1])
    assert queue.waiting_hooks() == []
    queue.delivered(mail.number, START)
    assert told(queue, hook) == [1, 2]
    assert queue.sent(START) == [("sshd", START)]
    queue.delivered(hook.number, START)
    assert rows(queue, "notice") == 0
    assert queue.sent(START) == [("sshd", START)]


def test_the_mails_of_an_hour(queue):
    for number in range(3):
        take(queue, number)
        (one,) = form(queue, 1)
        assert ("sshd", START + 7) in queue.sent(START + 7)
        queue.delivered(one.number, START + number * HOUR // 2)
    assert queue.sent(START + HOUR) == [("sshd", START + n * HOUR // 2) for n in range(3)]
    take(queue, 4)
    queue.delivered(form(queue, 1)[0].number, START + HOUR + 1)
    assert len(queue.sent(START)) == 3


def test_a_report_that_only_some_have(queue):
    take(queue, 1)
    (one,) = form(queue, 1)
    queue.delivered_partly(one.number, START + 1, START + 60, ["a@x", "b"])
    (one,) = queue.outgoing()
    assert (one.rest, one.attempts, one.next_, one.count) == ("a@x\nb", 1, START + 60, 1)
    # It counts once, from when some got it, and what comes after need not wait for it.
    assert queue.sent(START + 5) == [("sshd", START + 1)]
    take(queue, 2)
    assert [each.count for each in queue.waiting(DIGESTS)] == [1]
    queue.delivered_partly(one.number, START + 60, START + 90, ["b"])
    queue.delivered(one.number, START + 90)
    assert queue.sent(START + 95) == [("sshd", START + 1)]
    assert rows(queue, "notice") == 1
    (other,) = form(queue, 1)
    queue.delivered_partly(other.number, START, START, ["b"])
    queue.give_up(other.number, START)
    assert rows(queue, "lost") == rows(queue, "notice") == 0


def test_what_is_given_up_is_counted_in_the_next_mail(queue):
    take(queue, 1, 2)
    queue.give_up(form(queue, 2)[0].number, START)
    take(queue, 3)
    queue.give_up(form(queue, 1)[0].number, START)
    take(queue, 4)
    (one,) = form(queue, 1)
    assert (one.lost, told(queue, one)) == (3, [4])
    # They are mails of the hour as well.
    assert queue.sent(START) == [("sshd", START)] * 3


def test_of_too_many_the_oldest_are_dropped_but_none_that_is_just_being_sent(queue):
    queue.most = 4
    assert take(queue, 1, 2) == 0
    (one,) = form(queue, 1)
    queue.sending = one.number
    assert take(queue, 3, 4, 5, 6) == 2
    (one,) = queue.outgoing()
    assert told(queue, one) == [1]
    queue.delivered(one.number, START)
    (one,) = form(queue, 3)
    assert (one.lost, told(queue, one)) == (2, [4, 5, 6])


def test_reports_that_nobody_takes_have_nothing_newer_dropped(queue):
    queue.most = 4
    take(queue, 0)
    queue.give_up(form(queue, 1)[0].number, START)
    take(queue, 1, 2, 3)
    # The first has one ban lost to tell of.
    form(queue, 1, 2)
    assert take(queue, 4, 5, 6) == 2
    (one,) = queue.outgoing()
    assert (one.count, told(queue, one), one.lost) == (1, [3], 0)
    queue.delivered(one.number, START)
    (one,) = form(queue, 3)
    assert (one.lost, told(queue, one)) == (3, [4, 5, 6])


def test_what_some_have_is_not_lost(queue):
    queue.most = 2
    take(queue, 1)
    queue.delivered_partly(form(queue, 1)[0].number, START, START, ["b"])
    assert take(queue, 2, 3) == 1
    assert queue.outgoing() == []
    assert rows(queue, "lost") == 0


def test_who_need_not_be_told_any_more(queue):
    take(queue, 1, dests=(MAIL, URL))
    take(queue, 2, jail="web")
    form(queue, 1)
    assert queue.keep_only({"sshd", "web"}, {URL}) == 0
    assert queue.keep_only({"web"}, {URL}) == 1
    assert queue.outgoing() == []
    assert queue.keep_only({"web"}, ()) == 1
    assert rows(queue, "notice") == 1
    assert queue.others({"web"}, ()) == []
    assert queue.others((), ()) == [(MAIL, "web")]
    assert queue.forget() == 1
    assert queue.position() is None
    assert rows(queue, "notice") == rows(queue, "waiting") == 0


def test_no_destination_no_notice(queue):
    take(queue, 1, dests=())
    assert rows(queue, "notice") == 0
    assert queue.position() == PLACE


@pytest.mark.parametrize(
    "damage", [b"no database at all, but long enough to be taken for one", b"", None]
)
def test_a_damaged_file_is_set_aside(tmp_path, damage, caplog):
    path = tmp_path / "queue"
    queue = Queue(path)
    take(queue, *range(50))
    queue.close()
    if damage is None:
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * 8192)
    else:
        path.write_bytes(damage)
    queue = Queue(path)
    assert queue.position() is None
    take(queue, 1)
    assert queue.position() == PLACE
    queue.close()
    assert len(list(tmp_path.glob("queue.corrupt-*"))) == bool(damage != b"")
    assert ("was damaged" in caplog.text) == (damage != b"")


def test_a_file_that_breaks_while_it_is_used(queue, caplog):
    take(queue, 1)
    with queue._file._db as db:
        db.execute("DROP TABLE outgoing")
    with pytest.raises(StoreFailed):
        queue.outgoing()
    assert queue.outgoing() == []
    assert "begun anew" in caplog.text


def test_a_mistake_of_the_programs_is_no_damage(queue):
    take(queue, 1)
    with pytest.raises(TypeError), queue._step():
        raise TypeError
    assert [one.count for one in queue.waiting(DIGESTS)] == [1]


def test_a_notice_that_cannot_be_read_is_damage(queue, caplog):
    take(queue, 1)
    with queue._file._db as db:
        db.execute("UPDATE notice SET data = '[1]'")
    with pytest.raises(StoreFailed, match="cannot be read"):
        told(queue, form(queue, 1)[0])
    assert queue.outgoing() == []


def test_a_file_that_cannot_be_had_is_left_alone(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreFailed, match="cannot be used"):
        Queue(tmp_path / "folder")
    with pytest.raises(StoreFailed):
        Queue(tmp_path / "missing/queue")
    queue = Queue(tmp_path / "queue")
    queue.close()
    with pytest.raises(StoreFailed, match="not open"):
        queue.position()
