# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module is the one table of options: scope, type, default, meaning and effect of each.

A new option is one row here and its paragraph in the manual. Options that are honoured have a name
of their own, so that whoever reads one gets its type; those of longer bans are in increment, of
whole networks in networks, of who is never or always banned in sparing, of mail in mail and notify,
and the rows without a name in noted_options and file_options.
"""

from jaild.config import (
    call,
    file_options,
    increment,
    mail,
    networks,
    noted_options,
    notify,
    sparing,
    values,
)
from jaild.config.option import Effect, Option, Scope

__all__ = ["OF_FILTER", "OPTIONS", "Effect", "Option", "Scope", "of"]

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
PORT = Option(
    "port",
    values.ports,
    "0:65535",
    "The ports an address is shut out of: numbers, ranges (6000:6010) and service names.",
)
PROTOCOL = Option("protocol", values.protocol, "tcp", "The protocol of these ports: tcp or udp.")
BANACTION = Option(
    "banaction",
    call.parse_one,
    "ufw",
    "The action that bans: ufw refuses packets, ufw[blocktype=deny] drops them unanswered.",
)
BANACTION_ALLPORTS = Option(
    "banaction_allports",
    call.parse_one,
    "ufw[type=allports]",
    "The action that bans from all ports, for use in action.",
)
ACTION = Option(
    "action",
    call.parse,
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
    *increment.OPTIONS,
    MAXMATCHES,
    *networks.OPTIONS,
    *sparing.OPTIONS,
    PORT,
    PROTOCOL,
    BANACTION,
    BANACTION_ALLPORTS,
    ACTION,
    *mail.OPTIONS,
    *OF_FILTER,
    LOGLEVEL,
    DBPURGEAGE,
    *notify.OPTIONS,
    *noted_options.OF_JAILS,
    *noted_options.OF_DAEMON,
    *file_options.OF_FILTERS,
    *file_options.OF_ACTIONS,
)


def of(scope: Scope) -> dict[str, Option[object]]:
    """Return the options of one kind of file, by name."""
    return {option.name: option for option in OPTIONS if option.scope == scope}
