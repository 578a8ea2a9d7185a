# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which jails an entry concerns, and that none reads what jaild itself writes."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from jaild.core import match
from jaild.core.match import Match
from jaild.service import watch
from jaild.service.watch import Router
from tests.verbs import entry


@dataclass
class Config:
    match: Match


@dataclass
class Guard:
    """As much of a guard as a router looks at."""

    name: str
    config: Config


def router(*journalmatches):
    texts = enumerate(journalmatches)
    return Router([Guard(str(number), Config(match.parse(text))) for number, text in texts])


def found(routes, unit="ssh.service", uid=0, **more):
    fields = dict(entry("x", unit=unit, uid=uid).fields)
    fields |= {name: value.encode() for name, value in more.items()}
    return [guard.name for guard in routes.find(fields)]


def test_an_entry_goes_to_every_jail_whose_match_chooses_it():
    routes = router("_SYSTEMD_UNIT=ssh.service", "_UID=0", "_SYSTEMD_UNIT=nginx.service")
    assert found(routes) == ["0", "1"]
    assert found(routes, unit="nginx.service", uid=33) == ["2"]
    assert found(routes, unit="x.service", uid=33) == []


@pytest.mark.parametrize(
    "journalmatch",
    [
        "_TRANSPORT=journal",
        "_UID=990",
        "SYSLOG_IDENTIFIER=jaild",
        "PRIORITY=5",
        "_SYSTEMD_UNIT=jaild.service",
        "_SYSTEMD_UNIT=jaild-enforcer.service + _SYSTEMD_UNIT=jaild-lookup.service",
    ],
)
@pytest.mark.parametrize("unit", ["jaild", "jaild-enforcer", "jaild-lookup"])
def test_no_jail_reads_what_jaild_writes(journalmatch, unit):
    record = {"_TRANSPORT": "journal", "SYSLOG_IDENTIFIER": "jaild", "PRIORITY": "5"}
    routes = router(journalmatch)
    assert found(routes, unit=f"{unit}.service", uid=990, **record) == []
    if "UNIT" not in journalmatch:
        assert found(routes, unit="jailer.service", uid=990, **record) == ["0"]


def test_the_own_units_are_those_that_there_are():
    units = Path(__file__).parents[2] / "units"
    assert {path.name.encode() for path in units.glob("*.service")} == set(watch._OWN)
