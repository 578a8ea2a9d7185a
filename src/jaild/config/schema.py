# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module is the one table of options: scope, type, default, meaning and effect of each.

A new option is one row here and its paragraph in the manual. Options that are honoured have a name
of their own, so that whoever reads one gets its type.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from jaild.config import action, values

T_co = TypeVar("T_co", covariant=True)


class Scope(StrEnum):
    """The files that an option belongs in: ``jaild.conf`` or ``jail.conf``."""

    DAEMON = "daemon"
    JAIL = "jail"


class Effect(StrEnum):
    """What jaild does with an option: obey it, lend it to ``%(…)s``, or accept it with a note."""

    HONOURED = "honoured"
    LENT = "lent"
    NOTED = "noted"


@dataclass(frozen=True, slots=True)
class Option(Generic[T_co]):
    """One option; ``parse`` raises a JaildError, ``default`` is a text as in a file.

    ``why`` completes the note on an option that is not obeyed; ``silent`` are the values (in lower
    case) that need no note because jaild does what they say.
    """

    name: str
    parse: Callable[[str], T_co]
    default: str
    meaning: str
    unit: str = ""
    scope: Scope = Scope.JAIL
    effect: Effect = Effect.HONOURED
    why: str = ""
    silent: tuple[str, ...] = ()


def _lent(name: str, default: str, meaning: str) -> Option[str]:
    return Option(name, values.text, default, meaning, effect=Effect.LENT)


def _noted(name: str, why: str, meaning: str, *silent: str) -> Option[str]:
    return Option(name, values.text, "", meaning, effect=Effect.NOTED, why=why, silent=silent)


def _unused(name: str, why: str, meaning: str, *silent: str) -> Option[str]:
    return Option(
        name, values.text, "", meaning, "", Scope.DAEMON, Effect.NOTED, why=why, silent=silent
    )


_LATER = "it is not supported by this version of jaild"
_JOURNAL = "jaild reads the journal, no log files"
_OWN_TIME = "entries of the journal carry their own time"
_NO_NAMES = "jaild never looks up names"

ENABLED = Option("enabled", values.boolean, "false", "Whether the jail is started.")
FILTER = Option(
    "filter",
    values.text,
    "%(__name__)s[mode=%(mode)s]",
    "The filter that recognises failures, with its parameters in brackets.",
)
MAXRETRY = Option(
    "maxretry",
    values.integer(1, 10_000),
    "5",
    "How many failures of one address within findtime lead to a ban.",
    "failures",
)
FINDTIME = Option("findtime", values.span, "10m", "The window in which failures count.", "duration")
BANTIME = Option(
    "bantime", values.length, "10m", "How long a ban lasts; -1 means for ever.", "duration"
)
MAXMATCHES = Option(
    "maxmatches",
    values.integer(0, 10_000),
    "%(maxretry)s",
    "How many entries are kept as the evidence of a ban.",
    "entries",
)
IGNOREIP = Option(
    "ignoreip",
    values.networks,
    "",
    "Addresses and networks that are never banned, separated by blanks or commas.",
)
IGNORESELF = Option(
    "ignoreself", values.boolean, "true", "Whether this host's own addresses are never banned."
)
PORT = Option(
    "port",
    values.ports,
    "0:65535",
    "The ports an address is shut out of: numbers, ranges (6000:6010) and service names.",
)
PROTOCOL = Option("protocol", values.protocol, "tcp", "The protocol of these ports: tcp or udp.")
BANACTION = Option(
    "banaction",
    action.banaction,
    "ufw",
    "The action that bans: ufw refuses packets, ufw[blocktype=deny] drops them unanswered.",
)
BANACTION_ALLPORTS = Option(
    "banaction_allports",
    action.banaction,
    "ufw[type=allports]",
    "The action that bans from all ports, for use in action.",
)
ACTION = Option(
    "action",
    action.plan,
    '%(banaction)s[port="%(port)s", protocol="%(protocol)s"]',
    "What is done about an attacker: %(action_)s bans, %(action_mw)s and %(action_mwl)s also mail.",
)
FAILREGEX = Option(
    "failregex", values.lines, "", "The patterns of failures, one a line, in place of the filter's."
)
IGNOREREGEX = Option(
    "ignoreregex",
    values.lines,
    "",
    "The patterns of entries that are no failure after all, in place of the filter's.",
)
PREFREGEX = Option(
    "prefregex",
    values.text,
    "",
    "The pattern that an entry has to match before all others, in place of the filter's.",
)
JOURNALMATCH = Option(
    "journalmatch",
    values.text,
    "",
    "The journal entries to look at, as in journalctl(1), in place of the filter's.",
)
LOGLEVEL = Option(
    "loglevel",
    values.loglevel,
    "INFO",
    "How much jaild says: CRITICAL, ERROR, WARNING, INFO or DEBUG.",
    scope=Scope.DAEMON,
)
DBPURGEAGE = Option(
    "dbpurgeage",
    values.span,
    "1d",
    "How long the history of bans that have ended is kept.",
    "duration",
    Scope.DAEMON,
)

# What a jail puts in place of its filter's own options.
OF_FILTER = (FAILREGEX, IGNOREREGEX, PREFREGEX, JOURNALMATCH)

OPTIONS: tuple[Option[object], ...] = (
    ENABLED,
    FILTER,
    MAXRETRY,
    FINDTIME,
    BANTIME,
    MAXMATCHES,
    IGNOREIP,
    IGNORESELF,
    PORT,
    PROTOCOL,
    BANACTION,
    BANACTION_ALLPORTS,
    ACTION,
    *OF_FILTER,
    LOGLEVEL,
    DBPURGEAGE,
    _lent("mode", "normal", "The mode of the filter, handed over by the usual option filter."),
    _lent("chain", "", "Accepted for recipes written for iptables; ufw has chains of its own."),
    _lent("destemail", "root@localhost", "Who gets the mails of the recipes that mail."),
    _lent("sender", "root@localhost", "Who sends the mails of the recipes that mail."),
    _lent("sendername", "jaild", "The name that goes with sender."),
    _lent("mta", "sendmail", "The first word of the mail action's name: sendmail or mail."),
    _lent("fail2ban_agent", "jaild", "The name under which recipes report to other services."),
    _noted("logpath", _JOURNAL, "Log files; jaild uses the jail's journal match instead."),
    _noted("backend", _JOURNAL, "Where log lines come from; always the journal.", "systemd"),
    _noted("logencoding", _JOURNAL, "The encoding of log files."),
    _noted("logtimezone", _OWN_TIME, "The time zone of log files."),
    _noted("datepattern", _OWN_TIME, "How log files write dates."),
    _noted("maxlines", "every entry is looked at by itself", "Lines looked at together.", "1"),
    _noted("usedns", _NO_NAMES, "Whether host names in entries are looked up.", "no"),
    _noted("skip_if_nologs", _JOURNAL, "Whether a jail without log files is passed over."),
    _noted("systemd_if_nologs", _JOURNAL, "Whether the journal stands in for missing log files."),
    _noted("ignorecommand", _LATER, "A command that decides whether an address is spared."),
    _noted("ignorecache", _LATER, "How the answers of ignorecommand are remembered."),
    _noted("bantime.increment", _LATER, "Longer bans for repeat offenders.", *values.FALSE),
    _noted("bantime.factor", _LATER, "The coefficient of longer bans.", "1"),
    _noted("bantime.formula", _LATER, "The formula of longer bans."),
    _noted("bantime.multipliers", _LATER, "The multipliers of longer bans."),
    _noted("bantime.maxtime", _LATER, "The longest ban."),
    _noted("bantime.rndtime", _LATER, "Random seconds added to a ban."),
    _noted("bantime.overalljails", _LATER, "Whether bans of all jails count.", *values.FALSE),
    _unused("logtarget", "jaild writes to the journal", "Where jaild's own log goes."),
    _unused("syslogsocket", "jaild writes to the journal", "The socket of syslog.", "auto"),
    _unused("socket", "jaild is steered over D-Bus", "The control socket."),
    _unused("pidfile", "systemd knows jaild's processes", "The file with the process number."),
    _unused("allowipv6", "jaild bans both families", "Whether IPv6 is in use.", "auto", "yes"),
    _unused("dbfile", "jaild keeps its state in /var/lib/jaild", "The file of the database."),
    _unused("dbmaxmatches", "evidence stays in the journal", "Log lines kept per ban."),
    _unused(
        "stacksize", "jaild has one thread", "The stack of a thread, in section [Thread].", "0"
    ),
)


def of(scope: Scope) -> dict[str, Option[object]]:
    """Return the options of one kind of file, by name."""
    return {option.name: option for option in OPTIONS if option.scope == scope}
