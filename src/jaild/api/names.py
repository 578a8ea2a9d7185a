# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module names everything of org.jaild1 once: bus, paths, interfaces, polkit actions, XML."""

from enum import StrEnum
from pathlib import Path

BUS = "org.jaild1"
ROOT = "/org/jaild1"
MANAGER = "org.jaild1.Manager"
JAIL = "org.jaild1.Jail"


class Action(StrEnum):
    """The actions that polkit decides on."""

    BAN = "org.jaild1.ban"
    UNBAN = "org.jaild1.unban"
    INSPECT = "org.jaild1.inspect"
    MANAGE = "org.jaild1.manage"


def xml(interface: str) -> str:
    """Return the introspection data of an interface."""
    return Path(__file__).with_name(f"{interface}.xml").read_text(encoding="utf-8")
