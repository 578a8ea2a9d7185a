# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module names jaild-notify on the bus; both sides use it."""

from importlib import resources

NAME = "org.jaild1.Notify"
PATH = "/org/jaild1/Notify"
INTERFACE = "org.jaild1.Notify"
# A test tries every destination, one after the other.
TIMEOUT_MS = 600_000


def introspection() -> str:
    """Return the interface's XML."""
    return resources.files(__package__).joinpath("org.jaild1.Notify.xml").read_text("utf-8")
