# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module loads ``jaild.conf``, the settings of the daemon itself."""

from collections.abc import Iterator

from jaild.config import layers, mail_doubts, notify, schema, values
from jaild.config.interpolate import Interpolation, option_of, references
from jaild.config.layers import DEFAULT
from jaild.config.model import DaemonConfig, Note
from jaild.config.notes import noted
from jaild.config.read import Report, refuse
from jaild.config.schema import Scope
from jaild.config.section import Section
from jaild.config.tree import Tree
from jaild.core.errors import InvalidConfig

DEFINITION = "Definition"
SECTIONS = (DEFAULT, DEFINITION, "Thread")


def load(tree: Tree) -> tuple[DaemonConfig, tuple[Note, ...]]:
    """Return the daemon's settings and the notes on those not obeyed; raises InvalidConfig."""
    settings = Settings(tree)
    for mistake in settings.mistakes():
        raise mistake
    return settings.config(), settings.notes()


class Settings:
    """The merged files of the daemon; ``report`` is called for each line that is a mistake."""

    def __init__(self, tree: Tree, report: Report = refuse) -> None:
        self.layers = layers.stack(tree, tree.layers("jaild"), report)
        self._interpolation = Interpolation(self.layers)

    def config(self) -> DaemonConfig:
        """Return the settings; raises InvalidConfig."""
        section = self._section(DEFINITION)
        return DaemonConfig(
            section.read(schema.LOGLEVEL), section.read(schema.DBPURGEAGE), notify.read(section)
        )

    def notes(self) -> tuple[Note, ...]:
        """Return the notes on the settings that are not obeyed."""
        return tuple(
            note
            for name in SECTIONS
            for note in noted(self.layers, name, self._interpolation, scope=Scope.DAEMON)
        )

    def doubts(self) -> Iterator[Note]:
        """Yield warnings about settings without mistakes."""
        yield from mail_doubts.of_daemon(self.config().notify, self._section(DEFINITION))

    def mistakes(self) -> Iterator[InvalidConfig]:
        """Yield what nobody knows and what has no meaning."""
        used = {
            option_of(name) for value in self.layers.everything() for name in references(value.text)
        }
        for section in (DEFAULT, *self.layers.sections):
            if section in SECTIONS:
                yield from self._of_section(section, used)
            else:
                hint = values.nearest(section, SECTIONS)
                message = f"[{section[:64]}] is not a section of jaild.conf"
                yield InvalidConfig(message, *self.layers.header(section), hint, section)

    def _of_section(self, section: str, used: set[str]) -> Iterator[InvalidConfig]:
        table = schema.of(Scope.DAEMON)
        for name, value in self.layers.options(section).items():
            option = table.get(name)
            if option:
                try:
                    self._section(section).check(option)
                    notify.check(self._section(section), option)
                except InvalidConfig as error:
                    yield error
            elif name not in used:
                message = f"'{name[:64]}' in [{section}] is not an option of jaild.conf"
                hint = values.nearest(name, table)
                secret = notify.password_message(name)
                message, hint = (secret, "") if secret else (message, hint)
                yield InvalidConfig(message, value.path, value.line, hint, name)

    def _section(self, name: str) -> Section:
        return Section(name, self.layers, self._interpolation)
