# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module finds filter files and makes of each what one jail uses."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from jaild.config import known_options, layers, nested, values
from jaild.config.call import Call, parse_one
from jaild.config.definition import DEFINITION, Definition, Use
from jaild.config.layers import Layers, Value
from jaild.config.model import FilterConfig
from jaild.config.origin import Expand, origins
from jaild.config.read import Report, refuse
from jaild.config.tree import Tree
from jaild.config.units import units_of
from jaild.core.errors import InvalidConfig

# What every filter may use without defining it; the log it reads is always the journal.
_FIXED = {"mode": "normal"}
_FAIL2BAN = "_SYSTEMD_UNIT=fail2ban.service"
_LISTS = ("failregex", "ignoreregex", "prefregex")
# What stands for the beginning of a syslog line; a journal entry's message does not have it.
_PREFIX = frozenset(
    {
        "__prefix_line",
        "__daemon_combs_re",
        "__daemon_re",
        "__daemon_extra_re",
        "__pid_re",
        "__hostname",
        "__kernel_prefix",
        "__bsd_syslog_verbose",
        "__vserver",
        "_daemon",
    }
)
# The same, written by hand: a name and a process number in brackets, as in ``sshd\[\d+\]:``.
_BY_HAND = re.compile(r"[\w)*+]\\\[(?:\\d|\[0-9\]|\\S|\.)[*+]\\\]\\?:")


@dataclass(frozen=True, slots=True)
class Overrides:
    """What a jail says in place of its filter: the values as written, and how to read them."""

    values: Mapping[str, Value]
    expand: Expand

    def texts(self) -> dict[str, str]:
        """Return the values with everything put in that they name with %(…)s."""
        return {option: self.expand(value) for option, value in self.values.items()}


class Filters:
    """The filters of a tree; each file is read once, however many jails use it."""

    def __init__(self, tree: Tree, report: Report = refuse) -> None:
        """Take a search path; ``report`` is called for each line of a file that is a mistake."""
        self.tree = tree
        self._report = report
        self._read: dict[str, Definition] = {}

    def find(self, name: str) -> Definition:
        """Return the named filter; raises InvalidConfig."""
        if name not in self._read:
            self._read[name] = self._load(name)
        return self._read[name]

    def exists(self, name: str) -> bool:
        """Return whether there is a filter of this name."""
        return bool(self.tree.filter_layers(name))

    def names(self) -> list[str]:
        """Return the names of all filters."""
        return self.tree.filter_names()

    def derived_match(self, config: FilterConfig, use: Use) -> tuple[str, str]:
        """Return a journal match for a filter that has none, and why it is this one.

        Both are "" where none can be told with safety.
        """
        shipped = Filters(Tree(self.tree.shipped, self.tree.shipped))
        if shipped.exists(config.name):
            call = Call(config.name, {}, config.name)
            found = build(shipped.find(config.name), call).journalmatch
            if found:
                return found, "jaild's own filter of this name has it"
        daemon = use.lookup("_daemon") or ""
        found = units_of(daemon)
        return found, f"the filter is for '{daemon}'" if found else ""

    def _load(self, name: str) -> Definition:
        paths = self.tree.filter_layers(name)
        if not paths:
            folders = f"{self.tree.etc}/filter.d or {self.tree.shipped}/filter.d"
            hint = values.nearest(name, self.names())
            message = f"there is no filter '{name[:64]}' in {folders}"
            raise InvalidConfig(message, hint=hint, text=name)
        return Definition(name, str(paths[0]), self._stacked(paths))

    def _stacked(self, paths: list[Path]) -> Layers:
        stack = layers.stack(self.tree, paths, self._report)
        if DEFINITION not in stack.sections:
            raise known_options.no_definition(stack, str(paths[0]))
        for mistake in known_options.mistakes(stack):
            self._report(mistake)
        return stack


def one_filter(tree: Tree, call_text: str, *, derive: bool = True) -> FilterConfig:
    """Return the filter that a text such as ``sshd[mode=aggressive]`` names; raises InvalidConfig.

    With ``derive`` a filter without a journal match gets the one that a jail would give it, if
    there is one.
    """
    filters = Filters(tree)
    call = parse_one(call_text)
    definition = filters.find(call.name)
    config = build(definition, call)
    if config.journalmatch or config.source != "journal" or not derive:
        return config
    return replace(config, journalmatch=filters.derived_match(config, use(definition, call))[0])


def use(definition: Definition, call: Call, given: Mapping[str, str] | None = None) -> Use:
    """Return the filter with a jail's parameters and with what the jail says in its place."""
    parameters = {name.lower(): text for name, text in call.parameters.items()}
    parameters.update(given or {})
    if not definition.sets("logtype"):
        parameters.setdefault("logtype", "journal")
    return Use(definition, parameters, _FIXED)


def build(definition: Definition, call: Call, overrides: Overrides | None = None) -> FilterConfig:
    """Return the filter with parameters and the jail's own options put in.

    Raises InvalidConfig with the place of the option at fault.
    """
    own = overrides or Overrides({}, lambda value: value.text)
    made = use(definition, call, own.texts())
    texts = {name: _text(made, name, own) for name in (*_LISTS, "journalmatch", "source")}
    places = _places(made, own)
    _refuse_several_lines(texts, places)
    for mistake in nested.mistakes(made, (texts[name] for name in _LISTS)):
        raise mistake
    source = _source(texts["source"].strip(), places["source"])
    if _FAIL2BAN in texts["journalmatch"]:
        # fail2ban's own log tells of bans, and jaild knows its bans without a log.
        source = "bans"
    return FilterConfig(
        definition.name,
        definition.path,
        values.lines(texts["failregex"]),
        values.lines(texts["ignoreregex"]),
        texts["prefregex"].strip(),
        texts["journalmatch"].strip(),
        prefixed=_is_prefixed(made, texts),
        source=source,
        daemon=made.lookup("_daemon") or "",
        unused=_unused(definition, call),
        places=places,
    )


def _source(text: str, place: tuple[str, int]) -> Literal["journal", "bans", "none"]:
    if text in ("", "journal"):
        return "journal"
    if text == "bans":
        return "bans"
    if text == "none":
        return "none"
    message = f"source is '{text[:60]}'; it has to be journal, bans or none"
    raise InvalidConfig(message, *place, text=text)


def _unused(definition: Definition, call: Call) -> tuple[str, ...]:
    """Return the parameters that have no effect; raises InvalidConfig for misspelled ones."""
    found = tuple(known_options.unused(definition.layers, call.parameters))
    for name, hint in found:
        if hint:
            message = f"filter '{definition.name}' has no parameter '{name}'"
            raise InvalidConfig(message, hint=hint, text=name)
    return tuple(name for name, _ in found)


def _text(made: Use, option: str, own: Overrides) -> str:
    try:
        return made.text(option) or ""
    except InvalidConfig as error:
        value = own.values.get(option)
        if value and error.path == made.definition.place(option)[0]:
            raise InvalidConfig(error.message, value.path, value.line, error.hint) from error
        raise


def _places(made: Use, own: Overrides) -> dict[str, tuple[str, int]]:
    """Return where each option stands, and as ``failregex 2`` where each pattern does."""
    places: dict[str, tuple[str, int]] = {}
    for option in (*_LISTS, "journalmatch", "source"):
        value = own.values.get(option)
        places[option] = (value.path, value.line) if value else made.definition.place(option)
        if option in _LISTS:
            found = origins(made, option, value, own.expand)
            places |= {f"{option} {number}": place for number, place in enumerate(found, 1)}
    return places


def _is_prefixed(made: Use, texts: Mapping[str, str]) -> bool:
    return any(made.used(name) & _PREFIX or _BY_HAND.search(texts[name]) for name in _LISTS)


def _refuse_several_lines(texts: Mapping[str, str], places: Mapping[str, tuple[str, int]]) -> None:
    for option in _LISTS:
        for number, text in enumerate(values.lines(texts[option]), 1):
            if "<SKIPLINES>" in text:
                raise InvalidConfig(
                    "<SKIPLINES> looks at several lines at once, and jaild looks at every journal "
                    "entry by itself",
                    *places.get(f"{option} {number}", places[option]),
                    "write a pattern that one entry matches",
                    "<SKIPLINES>",
                )
