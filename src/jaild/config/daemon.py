# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module loads ``jaild.conf``, the settings of the daemon itself."""

from jaild.config import layers, schema, values
from jaild.config.interpolate import Interpolation, option_of, references
from jaild.config.layers import DEFAULT, Layers
from jaild.config.model import DaemonConfig, Note
from jaild.config.notes import noted
from jaild.config.schema import Scope
from jaild.config.section import Section
from jaild.config.tree import Tree
from jaild.core.errors import InvalidConfig

DEFINITION = "Definition"
SECTIONS = (DEFAULT, DEFINITION, "Thread")


def load(tree: Tree) -> tuple[DaemonConfig, tuple[Note, ...]]:
    """Return the daemon's settings and the notes on those not obeyed; raises InvalidConfig."""
    stack = layers.stack(tree, tree.layers("jaild"))
    _check_names(stack)
    interpolation = Interpolation(stack)
    section = Section(DEFINITION, stack, interpolation)
    notes = [note for name in SECTIONS for note in noted(stack, name, interpolation)]
    return DaemonConfig(section.read(schema.LOGLEVEL), section.read(schema.DBPURGEAGE)), tuple(
        notes
    )


def _check_names(stack: Layers) -> None:
    table = schema.of(Scope.DAEMON)
    used = {option_of(name) for value in stack.everything() for name in references(value.text)}
    for section in (DEFAULT, *stack.sections):
        if section not in SECTIONS:
            hint = values.nearest(section, SECTIONS)
            message = f"[{section[:64]}] is not a section of jaild.conf"
            raise InvalidConfig(message, *stack.header(section), hint)
        for name, value in stack.options(section).items():
            if name not in table and name not in used:
                message = f"'{name[:64]}' in [{section}] is not an option of jaild.conf"
                hint = values.nearest(name, table)
                raise InvalidConfig(message, value.path, value.line, hint)
