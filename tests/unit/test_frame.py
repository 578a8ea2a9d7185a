# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ends a daemon, as its exit status and in one sentence."""

import pytest

pytest.importorskip("gi")
pytest.importorskip("systemd")

from jaild import frame
from jaild.core.errors import InvalidConfig, NotAuthorized, StoreFailed
from jaild.dbus.errors import BusError


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (InvalidConfig("maxretry is no number", "jail.local", 2), 78, "maxretry is no number"),
        (BusError("the bus is gone"), 69, "the bus is gone"),
        (NotAuthorized("the name is taken"), 69, "the name is taken"),
        (StoreFailed("the disk is full"), 1, "the disk is full"),
        (ZeroDivisionError("oh"), 1, "unexpected: ZeroDivisionError: oh"),
    ],
)
def test_an_error_is_a_status_and_a_sentence(caplog, error, status, sentence):
    def work():
        raise error

    assert frame.carry_out(work) == status
    (record,) = caplog.records
    assert sentence in record.getMessage()
    assert record.exc_info is None or record.exc_info is False


def test_work_that_is_done_gives_its_own_status():
    assert frame.carry_out(lambda: 3) == 3
