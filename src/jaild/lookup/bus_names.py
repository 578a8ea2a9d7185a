# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module names jaild-lookup on the bus; both sides use it."""

from importlib import resources

NAME = "org.jaild1.Lookup"
PATH = "/org/jaild1/Lookup"
INTERFACE = "org.jaild1.Lookup"

# One name's addresses, at most; what a name server says beyond them is dropped.
MOST_ADDRESSES = 64


def introspection() -> str:
    """Return the interface's XML."""
    return resources.files(__package__).joinpath("org.jaild1.Lookup.xml").read_text("utf-8")
