# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

from jaild.config import schema
from jaild.config.schema import Effect, Scope


def test_schema_is_complete() -> None:
    names = [(option.scope, option.name) for option in schema.OPTIONS]
    assert len(names) == len(set(names))
    for option in schema.OPTIONS:
        assert option.meaning.endswith("."), option.name
        assert bool(option.why) == (option.effect == Effect.NOTED), option.name
        if option.effect == Effect.HONOURED and "%" not in option.default:
            option.parse(option.default)
    assert {"bantime", "logpath"} <= set(schema.of(Scope.JAIL))
