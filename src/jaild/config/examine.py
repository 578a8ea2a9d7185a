# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module finds everything that is wrong with a configuration, where loading ends early."""

from collections.abc import Callable, Iterable
from contextlib import suppress

from jaild.config import mail_doubts
from jaild.config.daemon import Settings
from jaild.config.doubts import doubts
from jaild.config.jails import Jails
from jaild.config.model import Config, Examination, Note, NotifyConfig
from jaild.config.survey import PatternMistakes, Survey
from jaild.config.tree import Tree
from jaild.core.errors import InvalidConfig

MAX_MISTAKES = 1000


def examine(tree: Tree, load: Callable[[Tree], Config]) -> Examination:
    """Return everything there is to say about the configuration; ``load`` loads what can be."""
    examiner = _Examiner(tree)
    with suppress(_EnoughError):
        examiner.guard(examiner.settings)
        examiner.guard(examiner.jails)
    try:
        config = load(tree)
    except InvalidConfig as error:
        # Some mistake is always told, whatever was found.
        if not examiner.found:
            examiner.report(error)
        config = None
    return examiner.examination(config)


class _EnoughError(Exception):
    """Nobody reads more mistakes than these."""


class _Examiner:
    """A search path under examination; every mistake counts once, where it stands."""

    def __init__(self, tree: Tree) -> None:
        self.found: dict[tuple[str, int, str], InvalidConfig] = {}
        self._tree = tree
        self._notes: list[Note] = []
        self._paths: list[str] = []
        self._compiled: PatternMistakes = {}
        self._notify = NotifyConfig()

    def report(self, error: InvalidConfig) -> None:
        """Keep a mistake; the same text in the same place is the same mistake."""
        if len(self.found) >= MAX_MISTAKES:
            raise _EnoughError
        self.found.setdefault((error.path, error.line, error.text or error.message), error)

    def guard(self, work: Callable[[], None]) -> None:
        """Do some work and keep the mistake that ends it."""
        try:
            work()
        except InvalidConfig as error:
            self.report(error)

    def settings(self) -> None:
        settings = Settings(self._tree, self.report)
        self._paths += settings.layers.paths
        before = len(self.found)
        self._report_all(settings.mistakes())
        self._notes += settings.notes()
        if len(self.found) == before:
            self._notify = settings.config().notify
            self._notes += settings.doubts()

    def jails(self) -> None:
        jails = Jails(self._tree, self.report)
        self._paths += jails.layers.paths
        self._report_all(jails.common_mistakes())
        self._notes += jails.notes()
        for name in jails.layers.sections:
            self._report_all(jails.name_mistakes(name))
            self._jail(jails, name)

    def examination(self, config: Config | None) -> Examination:
        order = {path: number for number, path in reversed([*enumerate(self._paths)])}

        def place(found: InvalidConfig | Note) -> tuple[int, str, int]:
            return order.get(found.path, len(order)), found.path, found.line

        notes = dict.fromkeys((*self._notes, *(config.notes if config else ())))
        return Examination(
            config,
            tuple(sorted(self.found.values(), key=place)),
            tuple(sorted(notes, key=place)),
        )

    def _jail(self, jails: Jails, name: str) -> None:
        jail = jails.jail(name)
        survey = Survey(jail, jails.layers, self._compiled)
        try:
            enabled = jails.is_enabled(name)
        except InvalidConfig as error:
            # It is meant to be enabled or not: what stands in it counts either way.
            self.report(error)
            enabled = False
        if not enabled:
            self._report_all(survey.own_mistakes(self._tree.is_own))
            self._report_all(jails.misspelled(name))
            return
        before = len(self.found)
        self._report_all(survey.mistakes())
        if len(self.found) == before:
            self.guard(lambda: self._add_notes(jails, name, survey))

    def _add_notes(self, jails: Jails, name: str, survey: Survey) -> None:
        jail = jails.jail(name)
        config = jail.build()
        jails.count_denied(config)
        self._notes += [*config.notes, *survey.warnings(config.filter)]
        self._notes += doubts(config, jail.section, self._tree.etc)
        own = self._tree.is_own
        self._notes += mail_doubts.of_jail(config, jail.section, self._notify, own)

    def _report_all(self, mistakes: Iterable[InvalidConfig]) -> None:
        for mistake in mistakes:
            self.report(mistake)
