# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module tells systemd how a process fares: ready, status, watchdog (sd_notify(3))."""

import os

from systemd import daemon


def notify(**facts: str | int) -> bool:
    """Send facts such as ``READY=1`` or ``STATUS="..."``; returns False when nobody listens."""
    lines = (f"{name}={_one_line(value)}" for name, value in facts.items())
    return bool(daemon.notify("\n".join(lines)))


def watchdog_usec() -> int:
    """Return how often systemd wants to hear from this process, in microseconds; 0 for never."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0
    text = os.environ.get("WATCHDOG_USEC", "0")
    return int(text) if text.isdecimal() else 0


def _one_line(value: str | int) -> str:
    return " ".join(str(value).split())
