# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module finds all mistakes of one jail, where loading it ends with the first."""

import re
from collections.abc import Callable, Iterator

from jaild.config import schema, values
from jaild.config.compile import compile_filter
from jaild.config.jail import Jail
from jaild.config.layers import Layers
from jaild.config.mistakes import Mistakes, single
from jaild.config.model import FilterConfig, Note
from jaild.config.schema import Effect, Option, Scope
from jaild.core.errors import InvalidConfig, InvalidPattern
from jaild.core.pattern import compile_pattern

_SHOWN = 60
_LISTS = ("prefregex", "failregex", "ignoreregex")
_ID = re.compile(r"<F-ID>(.*?)</F-ID>")
_ADDRESS = re.compile(r"<(?:HOST|ADDR|IP4|IP6|SUBNET|F-IP4|F-IP6)\b")

PatternMistakes = dict[FilterConfig, list[InvalidConfig]]


class Survey:
    """One jail's mistakes.

    An option that rests on one with a mistake is passed over: the mistake is told where it is.
    """

    def __init__(self, jail: Jail, layers: Layers, compiled: PatternMistakes) -> None:
        """Take a jail; ``compiled`` is shared: jails with the same patterns try them once."""
        self._jail = jail
        self._compiled = compiled
        self._layers = layers
        self._faulty: set[str] = set()

    def mistakes(self) -> Iterator[InvalidConfig]:
        """Yield all mistakes of an enabled jail."""
        for option in schema.of(Scope.JAIL).values():
            yield from self._checked(option)
        yield from self._tried(schema.ACTION, self._jail.plan)
        yield from self._tried(schema.FILTER, self._filter)

    def own_mistakes(self, is_own: Callable[[str], bool]) -> Iterator[InvalidConfig]:
        """Yield the mistakes that the administrator made in a jail that is not enabled."""
        table = schema.of(Scope.JAIL)
        for name, value in self._layers.options(self._jail.name).items():
            if name in table and is_own(value.path):
                yield from self._checked(table[name])
        of_filter = (schema.FILTER, *schema.OF_FILTER)
        own = (self._layers.own(self._jail.name, option.name) for option in of_filter)
        if any(value and is_own(value.path) for value in own):
            yield from self._tried(schema.FILTER, self._pattern_filter)

    def warnings(self, config: FilterConfig) -> Iterator[Note]:
        """Yield what is unlikely to be meant, though it can be used."""
        for number, pattern in enumerate(config.failregex, 1):
            found = _ID.search(pattern)
            if found and not _ADDRESS.search(pattern) and not _may_be_address(found[1]):
                place = _place(config, "failregex", number)
                text = "<F-ID> of this pattern cannot be an address, so it never bans anyone"
                yield Note(*place, text, "warning")

    def _checked(self, option: Option[object]) -> Iterator[InvalidConfig]:
        # The filter and what stands in its place are looked at together, and so are the actions.
        together = (schema.FILTER, schema.ACTION, *schema.OF_FILTER)
        if option.effect != Effect.LENT and option not in together:
            yield from self._tried(option, lambda: self._jail.check(option))

    def _tried(self, option: Option[object], work: Callable[[], object]) -> Iterator[InvalidConfig]:
        value = self._layers.get(self._jail.name, option.name)
        used = self._jail.interpolation.used(self._jail.name, value) if value else frozenset()
        if self._faulty & (used | {option.name}):
            self._faulty.add(option.name)
            return
        try:
            work()
        except InvalidConfig as error:
            self._faulty.add(option.name)
            yield from single(error)

    def _pattern_filter(self) -> None:
        found = self._in_patterns(self._jail.filter())
        if found:
            raise Mistakes(found)

    def _filter(self) -> None:
        config = self._jail.filter()
        found = self._in_patterns(config)
        try:
            if "journalmatch" not in self._faulty:
                self._jail.match(config)
        except InvalidConfig as error:
            found.append(error)
        if found:
            raise Mistakes(found)

    def _in_patterns(self, config: FilterConfig) -> list[InvalidConfig]:
        if config not in self._compiled:
            self._compiled[config] = list(pattern_mistakes(config))
        return [*self._compiled[config]]


def pattern_mistakes(config: FilterConfig) -> Iterator[InvalidConfig]:
    """Yield a filter's patterns that cannot be used, each with its place."""
    try:
        compile_filter(config)
    except InvalidConfig as error:
        single = list(_single_mistakes(config))
        yield from single or [error]


def _single_mistakes(config: FilterConfig) -> Iterator[InvalidConfig]:
    for option in _LISTS:
        for number, pattern in enumerate(_patterns(config, option), 1):
            try:
                compile_pattern(pattern)
            except InvalidPattern as error:
                message = f"filter '{config.name}': {option}, pattern {number}: {error}"
                place = _place(config, option, number)
                yield InvalidConfig(message, *place, text=pattern[:_SHOWN])


def _place(config: FilterConfig, option: str, number: int) -> tuple[str, int]:
    usual = config.places.get(option, (config.path, 0))
    return config.places.get(f"{option} {number}", usual)


def _patterns(config: FilterConfig, option: str) -> tuple[str, ...]:
    if option == "prefregex":
        return values.lines(config.prefregex)
    return config.failregex if option == "failregex" else config.ignoreregex


def _may_be_address(pattern: str) -> bool:
    try:
        found = re.compile(re.sub(r"<[^<>]*>", "", pattern))
    except (re.error, RecursionError, OverflowError):
        return True
    return any(found.fullmatch(text) for text in ("192.0.2.1", "2001:db8::1", "[2001:db8::1]"))
