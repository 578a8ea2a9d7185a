# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module holds the verb that says why an address is banned, or why it is not: explain."""

import shutil
import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from jaild.cli.explain.report import Report, against
from jaild.cli.lines import show_lines
from jaild.cli.verb import Exit, Verbs, add, say_json
from jaild.core import address
from jaild.core.ban import FOREVER

if TYPE_CHECKING:
    from jaild.api.client import Client
    from jaild.api.explain import BanFacts, EntryFacts, Facts, JailFacts, PastFacts
    from jaild.cli.explain.evidence import Evidence

# Of each jail's bans and failures this many entries are shown, the last ones.
MOST = 20
# The journal is asked about this many of them.
_MOST_ASKED = 100


def register(verbs: Verbs) -> None:
    """Add the verb of this module."""
    parser = add(verbs, "explain", _explain, "show why an address is banned, or why it is not")
    parser.add_argument("address", metavar="ADDRESS")


def _explain(client: "Client", options: Namespace) -> int:
    facts = client.explain(address.parse(options.address))
    evidence = _evidence(facts)
    if options.json:
        say_json(_object(facts, evidence))
        return Exit.DONE
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    show_lines(Report(facts, evidence, MOST, width).lines())
    return Exit.DONE


def _evidence(facts: "Facts") -> "Evidence":
    # Loaded here, since the other verbs do not need the journal.
    from jaild.cli.explain.evidence import look_up  # noqa: PLC0415

    parts = [against(jail) for jail in facts["jails"]]
    parts += [ban["evidence"] for ban in facts["past"]]
    return look_up((cursor for part in parts for _, cursor, _ in part[-MOST:]), _MOST_ASKED)


def _object(facts: "Facts", evidence: "Evidence") -> dict[str, object]:
    """Return the answer for JSON, with what the journal adds; for ever is null."""
    messages = {
        cursor: {
            "time": entry.time,
            "message": entry.message,
            "unit": entry.get("_SYSTEMD_UNIT"),
            "pid": entry.get("_PID"),
        }
        for cursor, entry in evidence.entries.items()
    }
    jails = [_jail_object(jail) for jail in facts["jails"]]
    return {
        **facts,
        "jails": jails,
        "past": list(map(_ban_object, facts["past"])),
        "messages": messages,
    }


def _jail_object(jail: "JailFacts") -> dict[str, object]:
    ban = jail.get("ban")
    return {
        **jail,
        "counted": _entries(jail["counted"]),
        "window_ends": jail.get("window_ends"),
        "ban": None if ban is None else _ban_object(ban),
        "offences": jail.get("offences"),
        "next_ban_usec": _finite(jail.get("next_ban_usec")),
    }


def _ban_object(ban: "BanFacts | PastFacts") -> dict[str, object]:
    return {**ban, "until": _finite(ban["until"]), "evidence": _entries(ban["evidence"])}


def _entries(found: Sequence["EntryFacts"]) -> list[dict[str, object]]:
    return [{"time": at, "cursor": cursor, "message": text} for at, cursor, text in found]


def _finite(usec: int | None) -> int | None:
    return None if usec == FOREVER else usec
