# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jails of a special kind, on real journal files: recidive, scans of ports, runaway patterns."""

import pytest

from jaild.core.entry import Entry
from jaild.journal.record import MessageId
from tests.clockwork import House
from tests.verbs import SECOND, START, entry, write_journal

PEER = "192.0.2.7"


@pytest.fixture
def house(tmp_path):
    house = House(tmp_path, maxretry="2", bantime="60", findtime="10m")
    yield house
    house.close(house.service)


def write(house, **files):
    """Write configuration files: NAME__conf="…" below filter.d, NAME="…" in jail.d."""
    for name, text in files.items():
        folder = "filter.d" if name.endswith("__conf") else "jail.d"
        (house.etc / folder).mkdir(exist_ok=True)
        file = name.removesuffix("__conf") + (".conf" if folder == "filter.d" else ".local")
        (house.etc / folder / file).write_text(text)


def open_house(house):
    house.service = house.open()
    return house.service


def failed(at, address=PEER):
    return entry(f"Failed password for root from {address} port 4 ssh2", at=at)


def read_on(house, name, entries):
    last = max(each.time for each in entries)
    house.clock.pass_time(max(0, last - house.clock.time) / SECOND)
    write_journal(house.journal, entries, name)
    house.clock.announce()


def attacks(times):
    """Two failures each, more than the bantime apart: a ban each."""
    return [failed(start + step) for start in times for step in (0, 1)]


def bans_of(service, jail):
    return [(ban.address, ban.reason) for ban in service.bans(jail)]


RECIDIVE = "[recidive]\nenabled = true\nmaxretry = 3\n"


def test_who_comes_again_is_banned_by_recidive(house):
    write(house, recidive=RECIDIVE)
    service = open_house(house)
    read_on(house, "one", attacks([0, 100]))
    assert bans_of(service, "recidive") == []
    assert service.jail_status("recidive").failed_now == 1
    read_on(house, "two", attacks([200]))
    assert bans_of(service, "recidive") == [(PEER, "3 bans")]
    assert {rule.ports for rule in house.firewall.rules if rule.jail == "recidive"} == {""}


def test_recidive_goes_on_after_a_restart(house):
    write(house, recidive=RECIDIVE)
    service = open_house(house)
    read_on(house, "one", attacks([0, 100]))
    house.close(service)
    service = open_house(house)
    read_on(house, "two", attacks([200]))
    assert bans_of(service, "recidive") == [(PEER, "3 bans")]


def test_a_recidive_that_comes_back_does_not_count_its_own_bans(house):
    write(house, recidive=RECIDIVE)
    service = open_house(house)
    read_on(house, "one", attacks([0, 100, 200]))
    assert bans_of(service, "recidive") == [(PEER, "3 bans")]
    write(house, recidive="")
    service.reload()
    house.clock.pass_time()
    write(house, recidive=RECIDIVE.replace("3", "5"))
    service.reload()
    (standing,) = (one for one in service.explain(PEER).jails if one.name == "recidive")
    assert len(standing.failures) == 3


def test_a_new_recidive_knows_the_bans_of_its_window(house):
    service = open_house(house)
    read_on(house, "one", attacks([0, 100]))
    write(house, recidive=RECIDIVE)
    service.reload()
    assert service.jail_status("recidive").failed_now == 1
    read_on(house, "two", attacks([200]))
    assert bans_of(service, "recidive") == [(PEER, "3 bans")]


def test_bans_by_hand_are_not_told(house):
    write(house, recidive="[recidive]\nenabled = true\nmaxretry = 1\n")
    service = open_house(house)
    service.ban("sshd", PEER, 0, "", lambda _: None)
    assert bans_of(service, "recidive") == []


def blocked(port, at, source=PEER):
    message = (
        f"[UFW BLOCK] IN=eth0 OUT= MAC= SRC={source} DST=198.51.100.1 LEN=40 TOS=0x00 PREC=0x00 "
        f"TTL=244 ID=1 PROTO=TCP SPT=51512 DPT={port} WINDOW=1024 RES=0x00 SYN URGP=0"
    )
    fields = {"MESSAGE": message, "_TRANSPORT": "kernel", "_BOOT_ID": "b" * 32}
    raw = {name: value.encode() for name, value in fields.items()}
    return Entry(START + int(at * SECOND), message, raw)


def test_different_ports_are_a_scan(house):
    write(house, scan="[ufw-block]\nenabled = true\nmaxretry = 3\n")
    service = open_house(house)
    other = "192.0.2.8"
    entries = [blocked(port, at) for at, port in enumerate((22, 23, 23, 23, 80))]
    entries += [blocked(443, at + 0.5, other) for at in range(20)]
    read_on(house, "one", sorted(entries, key=lambda each: each.time))
    assert [address for address, _ in bans_of(service, "ufw-block")] == [PEER]
    assert service.jail_status("ufw-block").failed_now == 1


def test_a_scan_spans_a_restart(house):
    write(house, scan="[ufw-block]\nenabled = true\nmaxretry = 3\n")
    service = open_house(house)
    read_on(house, "one", [blocked(22, 0), blocked(23, 1)])
    house.close(service)
    service = open_house(house)
    read_on(house, "two", [blocked(23, 2), blocked(22, 3)])
    assert bans_of(service, "ufw-block") == []
    read_on(house, "three", [blocked(80, 4)])
    assert [address for address, _ in bans_of(service, "ufw-block")] == [PEER]


BAD = "[Definition]\nfailregex = ^(a+)+ <ADDR>$\njournalmatch = _SYSTEMD_UNIT=ssh.service\n"


def test_a_runaway_pattern_harms_its_jail_only(house):
    write(house, bad__conf=BAD, bad="[bad]\nenabled = true\n")
    service = open_house(house)
    endless = entry("a" * 60 + "! 192.0.2.9", at=0)
    read_on(house, "one", [endless, failed(1), failed(2)])
    status = service.jail_status("bad")
    assert status.state == "failed"
    assert "failregex, pattern 1 of filter bad takes too long" in status.reason
    assert [address for address, _ in bans_of(service, "sshd")] == [PEER]
    kinds = [fields["MESSAGE_ID"] for _, fields in house.diary.records]
    assert kinds.count(MessageId.JAIL_FAILED) == 1


def open_late(house):
    """Open the house two hours after START, with bans of an hour after three failures."""
    write(house, test="[sshd]\nenabled = true\nmaxretry = 3\nbantime = 1h\n")
    service = open_house(house)
    house.clock.pass_time(7200)
    return service


def test_entries_read_late_give_the_bans_of_their_time(house):
    # Twelve failures in two minutes, read two hours later: one ban of an hour, not four.
    service = open_late(house)
    write_journal(house.journal, [failed(10 * number) for number in range(12)], "late")
    house.clock.announce()
    assert service.jail_status("sshd").banned_total == 1


def test_a_restart_while_catching_up_changes_nothing(house):
    service = open_late(house)
    write_journal(house.journal, [failed(10 * number) for number in range(5)], "first")
    house.clock.announce()
    house.close(service)
    service = open_house(house)
    write_journal(house.journal, [failed(10 * number) for number in range(5, 12)], "second")
    house.clock.announce()
    assert service.jail_status("sshd").banned_total == 1


def test_a_jail_that_comes_later_begins_with_what_is_logged_then(house):
    service = open_house(house)
    read_on(house, "one", [entry(f"failure from {PEER}", at=at, unit="x.service") for at in (1, 2)])
    write(house, x__conf="[Definition]\nfailregex = ^failure from <HOST>$\n")
    write(house, x="[x]\nenabled = true\nmaxretry = 2\njournalmatch = _SYSTEMD_UNIT=x.service\n")
    service.reload()
    house.clock.pass_time(1)
    read_on(house, "two", [entry(f"failure from {PEER}", at=10, unit="x.service")])
    assert (service.jail_status("x").failed_now, bans_of(service, "x")) == (1, [])
    # Nor after a crash.
    house.store.close()
    service = open_house(house)
    assert (service.jail_status("x").failed_now, bans_of(service, "x")) == (1, [])
    read_on(house, "three", [entry(f"failure from {PEER}", at=20, unit="x.service")])
    assert bans_of(service, "x") == [(PEER, "2 failures")]


def test_so_does_one_whose_mistake_kept_it_from_its_work(house):
    jail = "[x]\nenabled = true\njournalmatch = _SYSTEMD_UNIT=x.service\nmaxretry = "
    write(house, x__conf="[Definition]\nfailregex = ^failure from <HOST>$\n", x=jail + "many\n")
    service = open_house(house)
    read_on(house, "one", [entry(f"failure from {PEER}", at=at, unit="x.service") for at in (1, 2)])
    write(house, x=jail + "2\n")
    service.reload()
    house.clock.pass_time(1)
    assert (service.jail_status("x").failed_now, bans_of(service, "x")) == (0, [])
    again = [entry(f"failure from {PEER}", at=at, unit="x.service") for at in (10, 11)]
    read_on(house, "two", again)
    assert bans_of(service, "x") == [(PEER, "2 failures")]


def test_a_jail_that_would_find_its_own_bans_does_not(house):
    echo = "[Definition]\nfailregex = ^\\[\\w+\\] banned <ADDR> .*$\njournalmatch = _UID=0\n"
    write(house, echo__conf=echo, echo="[echo]\nenabled = true\nmaxretry = 1\n")
    service = open_house(house)
    told = "[echo] banned 192.0.2.7 until 2026-11-22 15:46:40+00:00: 1 failure"
    other = told.replace("2.7", "2.8")
    read_on(house, "one", [entry(told, at=1, unit="jaild.service"), entry(other, at=2, unit="o")])
    assert bans_of(service, "echo") == [("192.0.2.8", "1 failure")]


def test_a_ban_that_is_over_before_it_is_found_is_told_once(house):
    write_journal(house.journal, [failed(1), failed(2)])
    house.clock.time += 3 * 86_400 * SECOND
    write(house, test="[sshd]\nenabled = true\nmaxretry = 2\nbantime = 1h\nfindtime = 10d\n")
    kinds = {MessageId.TOO_LATE, MessageId.BANNED, MessageId.UNBANNED}
    for _ in range(2):
        service = open_house(house)
        assert service.bans("") == []
        (line,) = [text for text, fields in house.diary.records if fields["MESSAGE_ID"] in kinds]
        assert line.startswith("[sshd] 192.0.2.7 was to be banned until ")
        assert line.endswith(", which is over: 2 failures")
        house.close(service)
    open_house(house)
