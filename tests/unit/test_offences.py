# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from jaild.core import offences as module
from jaild.core.address import Address
from jaild.core.offences import Offences

A, B = Address("192.0.2.1"), Address("2001:db8::1")


@pytest.fixture
def offences():
    found = Offences()
    for jail, address, time in [
        ("sshd", A, 10), ("sshd", A, 30), ("sshd", A, 20), ("web", A, 20), ("web", B, 15),
    ]:  # fmt: skip
        found.note(jail, address, time)
    return found


@pytest.mark.parametrize(
    ("address", "after", "before", "jail", "count"),
    [
        (A, 0, 100, "sshd", 3),
        (A, 0, 100, "", 4),
        (A, 0, 100, "web", 1),
        (A, 10, 30, "sshd", 1),
        (A, 9, 31, "sshd", 3),
        (A, 30, 10, "sshd", 0),
        (A, 0, 100, "mail", 0),
        (B, 0, 100, "", 1),
        (Address("192.0.2.2"), 0, 100, "", 0),
    ],
)
def test_count(offences, address, after, before, jail, count):
    assert offences.count(address, after, before, jail) == count


def test_what_is_old_is_forgotten(offences):
    offences.expire(20)
    assert offences.count(A, 0, 100, "sshd") == 2
    assert offences.count(B, 0, 100) == 0
    assert len(offences) == 2


def test_the_oldest_of_too_many_addresses_is_forgotten(offences, monkeypatch):
    monkeypatch.setattr(module, "MOST", 3)
    offences.note("sshd", A, 40)
    offences.note("mail", A, 50)
    assert len(offences) == 3
    assert [offences.count(A, 0, 100, jail) for jail in ("sshd", "web", "mail")] == [4, 0, 1]


def test_the_last_bans_of_an_address_are_remembered(monkeypatch):
    monkeypatch.setattr(module, "MOST_EACH", 2)
    offences = Offences()
    for time in (1, 2, 3):
        offences.note("sshd", A, time)
    assert (offences.count(A, 0, 9), offences.count(A, 1, 9)) == (2, 2)
