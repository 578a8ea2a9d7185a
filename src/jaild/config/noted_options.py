# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module has the rows of the options that jaild lends to others or accepts with a note."""

from collections.abc import Callable

from jaild.config import values
from jaild.config.option import Effect, Option, Scope, lent

_JOURNAL = "jaild reads the journal, no log files"
_OWN_TIME = "entries of the journal carry their own time"
_NO_NAMES = "jaild never looks up names in entries"


def _noted(
    name: str,
    why: str,
    meaning: str,
    *silent: str,
    parse: Callable[[str], object] = values.text,
    default: str = "",
    unit: str = "",
) -> Option[object]:
    return Option(name, parse, default, meaning, unit, effect=Effect.NOTED, why=why, silent=silent)


def _unused(
    name: str, why: str, meaning: str, *silent: str, parse: Callable[[str], object] = values.text
) -> Option[object]:
    return Option(name, parse, "", meaning, "", Scope.DAEMON, Effect.NOTED, why, silent)


OF_JAILS: tuple[Option[object], ...] = (
    lent("mode", "normal", "The mode of the filter, handed over by the usual option filter."),
    lent("chain", "", "Accepted for recipes written for iptables; ufw has chains of its own."),
    lent("fail2ban_agent", "jaild", "The name under which recipes report to other services."),
    _noted("logpath", _JOURNAL, "Log files; jaild uses the jail's journal match instead."),
    _noted(
        "backend",
        _JOURNAL,
        "Where log lines come from; always the journal.",
        "systemd",
        parse=values.backend,
        default="systemd",
    ),
    _noted("logencoding", _JOURNAL, "The encoding of log files.", "auto", default="auto"),
    _noted("logtimezone", _OWN_TIME, "The time zone of log files."),
    _noted("datepattern", _OWN_TIME, "How log files write dates."),
    _noted(
        "maxlines",
        "every entry is looked at by itself",
        "Lines looked at together.",
        "1",
        parse=values.integer(1, 10_000),
        default="1",
        unit="lines",
    ),
    _noted(
        "usedns",
        _NO_NAMES,
        "Whether host names in entries are looked up: yes, warn, no or raw.",
        "no",
        parse=values.choice("yes", "warn", "no", "raw"),
        default="no",
    ),
    _noted(
        "skip_if_nologs",
        _JOURNAL,
        "Whether a jail without log files is passed over.",
        parse=values.boolean,
        default="false",
    ),
    _noted(
        "systemd_if_nologs",
        _JOURNAL,
        "Whether the journal stands in for missing log files.",
        parse=values.boolean,
        default="true",
    ),
)

_IN_JOURNAL = "jaild writes to the journal"

OF_DAEMON: tuple[Option[object], ...] = (
    _unused("logtarget", _IN_JOURNAL, "Where jaild's own log goes."),
    _unused("syslogsocket", _IN_JOURNAL, "The socket of syslog.", "auto"),
    _unused("socket", "jaild is steered over D-Bus", "The control socket."),
    _unused("pidfile", "systemd knows jaild's processes", "The file with the process number."),
    _unused(
        "allowipv6",
        "jaild bans both families",
        "Whether IPv6 is in use: auto, yes or no.",
        *("auto", *values.TRUE),
        parse=values.choice("auto", *values.TRUE, *values.FALSE),
    ),
    _unused("dbfile", "jaild keeps its state in /var/lib/jaild", "The file of the database."),
    _unused(
        "dbmaxmatches",
        "evidence stays in the journal",
        "Log lines kept per ban.",
        parse=values.integer(0, 1_000_000),
    ),
    _unused(
        "stacksize",
        "jaild has one thread",
        "The stack of a thread, in section [Thread].",
        "0",
        parse=values.integer(0, 10_000_000),
    ),
)
