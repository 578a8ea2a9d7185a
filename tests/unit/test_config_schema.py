# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

from jaild.config import ban, schema
from jaild.config.jail import FIXED
from jaild.config.schema import Effect, Scope


def test_schema_is_complete() -> None:
    names = [(option.scope, option.name) for option in schema.OPTIONS]
    assert len(names) == len(set(names))
    for option in schema.OPTIONS:
        assert option.meaning.endswith("."), option.name
        assert bool(option.why) == (option.effect == Effect.NOTED), option.name
        if option.effect != Effect.LENT and "%" not in option.default and option.default:
            option.parse(option.default)
    assert {"bantime", "logpath"} <= set(schema.of(Scope.JAIL))
    assert {"loglevel", "stacksize"} <= set(schema.of(Scope.DAEMON))
    assert {"failregex", "source", "maxlines"} <= set(schema.of(Scope.FILTER))


def test_every_parameter_of_ufw_has_its_row() -> None:
    assert set(ban.KNOWN) - {"known/chain"} == {"chain", *schema.of(Scope.ACTION)}


def test_what_jails_may_refer_to_without_any_file() -> None:
    assert FIXED["logpath"] == ""
    assert FIXED["port"] == "0:65535"
    assert "failregex" not in FIXED
