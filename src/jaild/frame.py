# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module is what all daemons of jaild's have in common: systemd, the bus, exit statuses."""

import errno
import logging
import pwd
import signal
from collections.abc import Callable

from jaild.core.errors import InvalidConfig, JaildError, NotAuthorized
from jaild.dbus.bus import Bus
from jaild.dbus.errors import BusError
from jaild.dbus.loop import Loop
from jaild.journal.notify import notify, watchdog_usec

logger = logging.getLogger(__name__)

# The user of the process that decides.
USER = "jaild"

EXIT_FAILED = 1
# sysexits.h, EX_UNAVAILABLE and EX_CONFIG; with the latter systemd does not start a process again.
EXIT_UNAVAILABLE = 69
EXIT_CONFIG = 78


def carry_out(work: Callable[[], int]) -> int:
    """Do the work of a process and return its exit status; what ends it is told in one sentence."""
    try:
        return work()
    except InvalidConfig as error:
        logger.critical("%s", error)
        notify(STATUS=f"bad configuration: {error}", ERRNO=errno.EINVAL)
        return EXIT_CONFIG
    except JaildError as error:
        logger.critical("%s", error)
        notify(STATUS=str(error))
        return EXIT_UNAVAILABLE if isinstance(error, BusError | NotAuthorized) else EXIT_FAILED
    except Exception as error:
        kind, detail = type(error).__name__, logger.isEnabledFor(logging.DEBUG)
        logger.critical("unexpected: %s: %s", kind, error, exc_info=detail)
        return EXIT_FAILED


def attend(loop: Loop, bus: Bus, reload: Callable[[], None], fail: Callable[[str], None]) -> None:
    """Let a process heed signals, feed its watchdog, and fail with a reason when the bus goes."""
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.on_signal(signum, loop.quit)
    loop.on_signal(signal.SIGHUP, reload)
    bus.on_closed(lambda: fail("the system bus is gone"))
    period = watchdog_usec()
    if period:
        loop.every(period // 2000, alive)


def alive() -> None:
    """Tell the watchdog that the process does its work."""
    notify(WATCHDOG=1)


def callers() -> set[int]:
    """Return who may call what belongs to jaild alone: root and jaild's user, as numbers."""
    try:
        return {0, pwd.getpwnam(USER).pw_uid}
    except KeyError:
        logger.warning("there is no user %s: only root may call", USER)
        return {0}
