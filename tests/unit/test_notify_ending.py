# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""systemd waits long enough for whatever the notifier may be in the middle of."""

import re
from pathlib import Path

from jaild.notify import dial, registries, sendmail, smtp, webhook
from jaild.notify.payload import MOST_BANS
from jaild.notify.sender import MOST_POSTED

UNIT = Path(__file__).parents[2] / "units/jaild-notify.service"
# What takes time besides waiting: composing, writing to disk, a machine that is busy.
MARGIN = 20


def minutes(option: str) -> int:
    found = re.search(rf"^{option}=(\d+)min$", UNIT.read_text(), re.MULTILINE)
    assert found is not None
    return 60 * int(found[1])


def longest() -> float:
    """What cannot be broken off: after each of these it is seen whether to end."""
    facts = registries.SECONDS + 2 * dial.LOOKUP_SECONDS
    assert MOST_POSTED <= MOST_BANS
    return max(
        facts,
        smtp.SECONDS + smtp.CONVERSATION_SECONDS,
        sendmail.SECONDS + sendmail.KILLED_SECONDS,
        webhook.SECONDS,
    )


def test_a_stop_does_not_break_off_what_is_being_handed_over():
    assert longest() + MARGIN <= minutes("TimeoutStopSec")


def test_the_watchdog_hears_of_it_in_time():
    assert longest() + MARGIN <= minutes("WatchdogSec")


def test_the_answer_to_a_mail_has_its_time_within_the_conversation():
    assert smtp.TAKING_SECONDS + 2 * smtp.SECONDS <= smtp.CONVERSATION_SECONDS
