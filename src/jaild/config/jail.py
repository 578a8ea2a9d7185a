# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module types one jail: its section, its filter and its action become one JailConfig."""

from collections.abc import Mapping

from jaild.config import call, schema
from jaild.config.action import Plan
from jaild.config.filter import Definition, Filters, build
from jaild.config.interpolate import Interpolation
from jaild.config.layers import Layers, Value
from jaild.config.model import FilterConfig, JailConfig, Note
from jaild.config.notes import noted
from jaild.config.schema import Effect, Scope
from jaild.config.section import Section
from jaild.core import match
from jaild.core.errors import InvalidConfig, JaildError
from jaild.core.match import Match

# Options that exist in no file yet have their defaults; those are plain texts.
FIXED: Mapping[str, str] = {
    option.name: option.default
    for option in schema.OPTIONS
    if option.scope == Scope.JAIL and option.effect != Effect.NOTED and "%" not in option.default
}


class Jail:
    """One jail's section on its way to a JailConfig."""

    def __init__(
        self, name: str, layers: Layers, filters: Filters, fixed: Mapping[str, str] = FIXED
    ) -> None:
        self._name = name
        self._layers = layers
        self._filters = filters
        self._fixed = fixed
        self._interpolation = Interpolation(layers, fixed)
        self._section = Section(name, layers, self._interpolation)

    def build(self) -> JailConfig:
        """Return the jail; raises InvalidConfig for its first mistake."""
        section = self._section
        # What others refer to is read first, so that a mistake is reported where it was made.
        maxretry = section.read(schema.MAXRETRY)
        port, protocol = section.read(schema.PORT), section.read(schema.PROTOCOL)
        section.read(schema.BANACTION)
        plan = section.read(schema.ACTION)
        ports, protocol = self._ports(plan, port, protocol)
        config = self._filter()
        chosen = self._match(config)
        return JailConfig(
            name=self._name,
            filter=config,
            match=chosen,
            maxretry=maxretry,
            findtime=section.read(schema.FINDTIME),
            bantime=section.read(schema.BANTIME),
            ignoreip=section.read(schema.IGNOREIP),
            ignoreself=section.read(schema.IGNORESELF),
            ports=ports,
            protocol=protocol,
            verdict=plan.verdict,
            maxmatches=section.read(schema.MAXMATCHES),
            actions=plan.written,
            notes=(*self._remarks(plan), *self._notes(chosen)),
        )

    def _ports(self, plan: Plan, port: str, protocol: str) -> tuple[str, str]:
        port = port if plan.ports is None else plan.ports
        protocol = plan.protocol or protocol
        if port and protocol == "any":
            error = InvalidConfig("with single ports it has to be tcp or udp")
            raise self._section.mistake(schema.PROTOCOL, protocol, error)
        return port, protocol if port else "any"

    def _filter(self) -> FilterConfig:
        text = self._section.text(schema.FILTER)
        try:
            named = call.parse_one(text)
            definition = self._filters.find(named.name)
            config = build(definition, named, self._overrides(definition))
        except InvalidConfig as error:
            if error.path:
                raise
            mistake = self._section.mistake(schema.FILTER, text, error)
            raise InvalidConfig(mistake.message, *self._filter_place(), mistake.hint) from error
        if not config.failregex:
            message = f"the filter of jail '{self._name}' has no failregex"
            raise InvalidConfig(message, *definition.place("failregex"))
        return config

    def _filter_place(self) -> tuple[str, int]:
        # That jails are named like their filters is nobody's mistake: the jail's own name is.
        own = self._layers.own(self._name, schema.FILTER.name)
        return (own.path, own.line) if own else self._layers.header(self._name)

    def _overrides(self, definition: Definition) -> dict[str, Value]:
        """Return the filter's options that the jail sets itself."""
        chosen = [option for option in schema.OF_FILTER if self._section.is_set(option)]
        if not chosen:
            return {}
        known = definition.known(*(option.name for option in chosen))
        interpolation = Interpolation(self._layers, self._fixed, known)
        section = Section(self._name, self._layers, interpolation)
        return {
            option.name: Value(section.text(option), *section.place(option)) for option in chosen
        }

    def _match(self, config: FilterConfig) -> Match:
        option = schema.JOURNALMATCH
        if not config.journalmatch:
            unit = f"journalmatch = _SYSTEMD_UNIT={self._name}.service"
            message = f"jail '{self._name}' has no journalmatch, nor has its filter '{config.name}'"
            hint = f"write, for instance, {unit} in [{self._name}]"
            raise InvalidConfig(message, *self._filter_place(), hint)
        try:
            return match.parse(config.journalmatch)
        except JaildError as error:
            if self._section.is_set(option):
                raise self._section.mistake(option, config.journalmatch, error) from error
            place = self._filters.find(config.name).place(option.name)
            raise InvalidConfig(f"journalmatch of this filter: {error}", *place) from error

    def _notes(self, chosen: Match) -> tuple[Note, ...]:
        match_used = f"jail '{self._name}' looks at {chosen}"
        return noted(self._layers, self._name, self._interpolation, {"logpath": match_used})

    def _remarks(self, plan: Plan) -> tuple[Note, ...]:
        place = self._section.place(schema.ACTION)
        return tuple(Note(*place, remark) for remark in plan.remarks)
