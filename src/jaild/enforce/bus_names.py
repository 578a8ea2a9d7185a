# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module names the enforcer on the bus; both sides of the border use it."""

from importlib import resources

NAME = "org.jaild1.Enforcer"
PATH = "/org/jaild1/Enforcer"
INTERFACE = "org.jaild1.Enforcer"

# One call's rules, at most: ten times the largest roster that ufw's own file format carries well.
MOST_RULES = 200_000


def introspection() -> str:
    """Return the interface's XML."""
    return resources.files(__package__).joinpath("org.jaild1.Enforcer.xml").read_text("utf-8")
