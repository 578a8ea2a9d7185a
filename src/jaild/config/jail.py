# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module types one jail: its section, its filter and its action become one JailConfig."""

from collections.abc import Mapping

from jaild.config import call, increment, mail, networks, schema, sparing
from jaild.config.action import Actions, Plan
from jaild.config.call import Call
from jaild.config.definition import DEFINITION, INIT, Definition
from jaild.config.filter import Filters, Overrides, build, use
from jaild.config.interpolate import Interpolation
from jaild.config.layers import Layers, Value
from jaild.config.list_file import Lists
from jaild.config.model import FilterConfig, JailConfig, Note
from jaild.config.notes import noted
from jaild.config.schema import Effect, Option, Scope
from jaild.config.section import Section
from jaild.core import match
from jaild.core.errors import InvalidConfig, JaildError
from jaild.core.match import Match

# Options that exist in no file yet have their defaults; those are plain texts.
FIXED: Mapping[str, str] = {
    option.name: option.default
    for option in schema.OPTIONS
    if option.scope == Scope.JAIL and "%" not in option.default and option not in schema.OF_FILTER
}
_BANACTIONS = (schema.BANACTION, schema.BANACTION_ALLPORTS)
_NO_NOTES: tuple[Note, ...] = ()
_LOOKED_AT = {"bans": "the bans of the other jails", "none": "nothing"}
_TYPED = tuple(o for o in schema.of(Scope.JAIL).values() if o.effect == Effect.NOTED)


class Jail:
    """One jail's section on its way to a JailConfig."""

    def __init__(
        self,
        name: str,
        layers: Layers,
        filters: Filters,
        fixed: Mapping[str, str] = FIXED,
        actions: Actions | None = None,
        lists: Lists | None = None,
    ) -> None:
        self.name = name
        self._layers = layers
        self._filters = filters
        self._actions = actions or Actions(filters.tree)
        self._lists = lists or Lists(filters.tree.etc)
        self._fixed = fixed
        self.interpolation = Interpolation(layers, fixed)
        self.section = Section(name, layers, self.interpolation)

    def build(self) -> JailConfig:
        """Return the jail; raises InvalidConfig for its first mistake."""
        section = self.section
        # What others refer to is read first, so that a mistake is reported where it was made.
        maxretry = section.read(schema.MAXRETRY)
        mail.check(section)
        plan = self.plan()
        for option in _TYPED:
            self.check(option)
        config = self.filter()
        chosen, notes = self.match(config)
        ignored = sparing.ignored(section, self._lists)
        return JailConfig(
            name=self.name,
            filter=config,
            match=chosen,
            maxretry=maxretry,
            findtime=section.read(schema.FINDTIME),
            bantime=section.read(schema.BANTIME),
            increment=increment.read(section),
            history=section.read(increment.HISTORY),
            ignoreip=ignored.networks,
            ignorenames=ignored.names,
            ignoreself=section.read(sparing.IGNORESELF),
            ignorecommand=section.read(sparing.IGNORECOMMAND),
            ignorecache=section.read(sparing.IGNORECACHE),
            denyip=sparing.denied(section, self._lists),
            prefixes=networks.prefixes(section),
            aggregate=networks.aggregate(section),
            ports=plan.ports,
            protocol=plan.protocol,
            verdict=plan.verdict,
            maxmatches=section.read(schema.MAXMATCHES),
            actions=plan.written,
            mail=mail.read(section, plan.mail),
            notes=(*self._remarks(plan), *notes, *self._notes(chosen, config)),
        )

    def check(self, option: Option[object]) -> None:
        """Refuse what the option is set to, whether or not jaild obeys it; raises InvalidConfig."""
        chosen = next((one for one in _BANACTIONS if one == option), None)
        if chosen:
            self._check_banaction(chosen)
        else:
            self.section.check(option)
            sparing.check(self.section, self._lists, option)
            if option in networks.OF_AGGREGATE:
                networks.aggregate(self.section)

    def plan(self) -> Plan:
        """Return what the jail's actions come to; raises InvalidConfig."""
        port, protocol = self.section.read(schema.PORT), self.section.read(schema.PROTOCOL)
        for option in _BANACTIONS:
            self._check_banaction(option)
        calls = self.section.read(schema.ACTION)
        try:
            return self._actions.plan(calls, port, protocol)
        except InvalidConfig as error:
            if error.path:
                raise
            text = self.section.text(schema.ACTION)
            raise self.section.mistake(schema.ACTION, text, error) from error

    def filter(self) -> FilterConfig:
        """Return the jail's filter; raises InvalidConfig."""
        text = self.section.text(schema.FILTER)
        try:
            named = call.parse_one(text)
            definition = self._filters.find(named.name)
            config = build(definition, named, self._overrides(definition, named))
        except InvalidConfig as error:
            if error.path:
                raise
            mistake = self.section.mistake(schema.FILTER, text, error)
            place = self._filter_place()
            if error.text and self.section.says(schema.FILTER, error.text):
                place = mistake.path, mistake.line
            raise InvalidConfig(mistake.message, *place, mistake.hint, error.text) from error
        if not config.failregex and config.source == "journal":
            message = f"the filter of jail '{self.name}' has no failregex"
            raise InvalidConfig(message, *definition.place("failregex"))
        return config

    def match(self, config: FilterConfig) -> tuple[Match, tuple[Note, ...]]:
        """Return the entries that the jail looks at, and what is to be said of them."""
        if config.source != "journal":
            return Match(()), self._without_journal(config)
        text, notes = (
            (config.journalmatch, _NO_NOTES) if config.journalmatch else self._derived(config)
        )
        chosen = self._parsed(config, text)
        if chosen.forgeable:
            warning = (
                f"jail '{self.name}' believes entries that any local user can write: {chosen} "
                "(add _SYSTEMD_UNIT=… or _UID=0 to each part)"
            )
            place = config.places.get("journalmatch", (config.path, 0))
            notes = (*notes, Note(*place, warning, "warning"))
        return chosen, notes

    def _check_banaction(self, option: Option[Call]) -> None:
        found = self.section.read(option)
        try:
            self._actions.check(found)
        except InvalidConfig as error:
            if error.path:
                raise
            raise self.section.mistake(option, found.text, error) from error

    def _filter_place(self) -> tuple[str, int]:
        # That jails are named like their filters is nobody's mistake: the jail's own name is.
        own = self._layers.own(self.name, schema.FILTER.name)
        return (own.path, own.line) if own else self._layers.header(self.name)

    def _overrides(self, definition: Definition, named: Call) -> Overrides:
        """Return the filter's options that the jail sets itself."""
        found = {
            option.name: value
            for option in schema.OF_FILTER
            if (value := self._layers.get(self.name, option.name))
        }
        made = use(definition, named)
        names = {name for value in found.values() for name in self._used(value)}
        known = {name: made.text(name) or "" for name in names if definition.value(name)}
        interpolation = Interpolation(self._layers, self._fixed, known)
        return Overrides(found, lambda value: interpolation.resolve(self.name, value))

    def _used(self, value: Value) -> frozenset[str]:
        return self.interpolation.used(self.name, value)

    def _without_journal(self, config: FilterConfig) -> tuple[Note, ...]:
        written = {"journalmatch": bool(config.journalmatch)}
        sentence = f"jail '{self.name}' looks at the bans of the other jails, not at fail2ban's log"
        if config.source == "none":
            written["failregex"] = bool(config.failregex)
            sentence = f"jail '{self.name}' looks at nothing: it is for bans by hand and denyip"
        return tuple(
            Note(*config.places.get(option, (config.path, 0)), sentence)
            for option, is_written in written.items()
            if is_written
        )

    def _derived(self, config: FilterConfig) -> tuple[str, tuple[Note, ...]]:
        named = call.parse_one(self.section.text(schema.FILTER))
        made = use(self._filters.find(config.name), named)
        text, why = self._filters.derived_match(config, made)
        place = self._filter_place()
        if not text:
            unit = f"journalmatch = _SYSTEMD_UNIT={self.name}.service"
            message = f"jail '{self.name}' has no journalmatch, nor has its filter '{config.name}'"
            raise InvalidConfig(message, *place, f"write, for instance, {unit} in [{self.name}]")
        sentence = f"jail '{self.name}' has no journalmatch and looks at {match.parse(text)}: {why}"
        return text, (Note(*place, sentence),)

    def _parsed(self, config: FilterConfig, text: str) -> Match:
        option = schema.JOURNALMATCH
        try:
            return match.parse(text)
        except JaildError as error:
            if self.section.is_set(option):
                raise self.section.mistake(option, text, error) from error
            place = config.places.get(option.name, (config.path, 0))
            raise InvalidConfig(f"journalmatch of this filter: {error}", *place) from error

    def _notes(self, chosen: Match, config: FilterConfig) -> tuple[Note, ...]:
        looked_at = _LOOKED_AT.get(config.source, chosen)
        instead = {"logpath": f"jail '{self.name}' looks at {looked_at}"}
        of_jail = noted(self._layers, self.name, self.interpolation, instead)
        stack = self._filters.find(config.name).layers
        of_filter = [
            note
            for section in (DEFINITION, INIT)
            for note in noted(stack, section, Interpolation(stack), scope=Scope.FILTER)
        ]
        place = self._filter_place()
        unused = [
            Note(*place, f"filter '{config.name}' has no use for the parameter '{name}'")
            for name in config.unused
        ]
        return (*of_jail, *of_filter, *unused)

    def _remarks(self, plan: Plan) -> tuple[Note, ...]:
        return tuple(Note(*self._place_of(piece), remark) for piece, remark in plan.remarks)

    def _place_of(self, piece: str) -> tuple[str, int]:
        if piece.startswith("protocol") and self.section.read(schema.PROTOCOL) == "any":
            return self.section.place(schema.PROTOCOL)
        return self.section.place_of(schema.ACTION, piece)
