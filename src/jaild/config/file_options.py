# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module has the rows of the options of filter files and of the action ufw."""

from collections.abc import Callable

from jaild.config import values
from jaild.config.ban import REMARKS
from jaild.config.option import Effect, Option, Scope, lent

_OWN_TIME = "entries of the journal carry their own time"


def _filter(
    name: str, meaning: str, default: str = "", parse: Callable[[str], object] = values.text
) -> Option[object]:
    return Option(name, parse, default, meaning, scope=Scope.FILTER)


def _noted(
    name: str, why: str, meaning: str, *silent: str, parse: Callable[[str], object] = values.text
) -> Option[object]:
    return Option(name, parse, "", meaning, "", Scope.FILTER, Effect.NOTED, why, silent)


def _ufw(
    name: str, meaning: str, default: str = "", parse: Callable[[str], object] = values.text
) -> Option[object]:
    return Option(name, parse, default, meaning, scope=Scope.ACTION)


def _ufw_noted(name: str, meaning: str) -> Option[object]:
    return Option(name, values.text, "", meaning, "", Scope.ACTION, Effect.NOTED, why=REMARKS[name])


OF_FILTERS: tuple[Option[object], ...] = (
    _filter("failregex", "The patterns of failures, one a line.", parse=values.lines),
    _filter(
        "ignoreregex",
        "The patterns of entries that are no failure after all, one a line.",
        parse=values.lines,
    ),
    _filter("prefregex", "The pattern that an entry has to match before all others are looked at."),
    _filter(
        "journalmatch",
        "The journal entries to look at, as in journalctl(1), unless the jail says otherwise.",
    ),
    _filter(
        "source",
        "What the filter looks at: the journal, the bans of the other jails, or none, nothing.",
        "journal",
        values.choice("journal", "bans", "none"),
    ),
    lent("mode", "normal", "Which of its patterns the filter uses, as <mode>.", Scope.FILTER),
    lent("logtype", "journal", "How the log is written: always journal.", Scope.FILTER),
    _noted(
        "maxlines",
        "every entry is looked at by itself",
        "Lines looked at together.",
        "1",
        parse=values.integer(1, 10_000),
    ),
    _noted("datepattern", _OWN_TIME, "How log files write dates."),
    _noted("logencoding", "jaild reads the journal, no log files", "The encoding of log files."),
    _noted(
        "usedns",
        "jaild never looks up names in entries",
        "Whether host names in entries are looked up.",
        "no",
        parse=values.choice("yes", "warn", "no", "raw"),
    ),
)

OF_ACTIONS: tuple[Option[object], ...] = (
    _ufw(
        "blocktype",
        "How packets are turned away: reject tells the sender, deny (or DROP) does not.",
        "reject",
    ),
    _ufw(
        "type",
        "What is banned: allports, or multiport for the ports in port.",
        "multiport",
        values.choice("allports", "multiport", "oneport"),
    ),
    Option(
        "port", values.ports, "%(port)s", "The ports, in place of the jail's.", "", Scope.ACTION
    ),
    Option(
        "protocol",
        values.protocol,
        "%(protocol)s",
        "Their protocol, in place of the jail's: tcp or udp.",
        "",
        Scope.ACTION,
    ),
    lent("name", "", "Accepted for recipes that hand over the jail's name.", Scope.ACTION),
    lent("actname", "", "Accepted for jails with several actions of one kind.", Scope.ACTION),
    _ufw_noted("comment", "The comment of the rule."),
    _ufw_noted("add", "Where the rule is put."),
    _ufw_noted("destination", "Which of this host's addresses is shut."),
    _ufw_noted("application", "An application profile of ufw."),
    _ufw_noted("kill-mode", "How open connections are ended."),
    _ufw_noted("kill", "The command that ends open connections."),
    _ufw_noted("bantime", "How long the ban lasts."),
)
