# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module takes over fail2ban's configuration: what its administrator wrote, as jaild reads it.

Nothing is written here, and nothing of the source is changed.
"""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from jaild.config.bring.daemon import Daemon
from jaild.config.bring.filters import Filters
from jaild.config.bring.jails import Jails
from jaild.config.bring.model import NewFile, Outcome, Proposal, Remark
from jaild.config.bring.stage import Stage
from jaild.config.bring.stock import Stock
from jaild.config.bring.trial import Trial
from jaild.config.tree import Tree
from jaild.core.errors import InvalidConfig

_MARKS = ("jail.conf", "jail.local", "jail.d", "filter.d", "fail2ban.conf", "fail2ban.local")
_ACTIONS = "action.d"


def propose(source: Path, tree: Tree, checksums: Mapping[str, str]) -> Proposal:
    """Return what would be written into ``tree.etc`` to take over the tree ``source``.

    ``checksums`` are those of Stock. Raises InvalidConfig if there is no such tree.
    """
    if not any((source / name).exists() for name in _MARKS):
        message = "there is no configuration of fail2ban here"
        raise InvalidConfig(message, str(source), hint="name a directory such as /etc/fail2ban")
    stock = Stock(source, checksums)
    jails = Jails(source, tree, stock)
    daemon = Daemon(Tree(source, source), tree, stock)
    unreadable = (*jails.unreadable, *daemon.unreadable)
    if unreadable:
        return Proposal(tree.etc, unreadable=unreadable)
    with tempfile.TemporaryDirectory(prefix="jaild-import-") as folder:
        filters = Filters(source, Stage(Path(folder), tree), stock)
        return _tried(source, jails, daemon, filters)


def _tried(source: Path, jails: Jails, daemon: Daemon, filters: Filters) -> Proposal:
    """Return what is left once everything was tried out."""
    files = filters.files(jails.filters())
    actions = list(_actions(source, filters.stock))
    for file in actions:
        filters.stage.put(file)
    drafts = jails.drafts()
    settings = daemon.draft()
    drafts += [settings] if settings else []
    trial = Trial(filters.stage, drafts, (*files, *actions), jails)
    found = trial.run()
    running = [jail.name for jail in found.config.jails] if found.config else []
    remarks = (
        *jails.remarks,
        *daemon.remarks,
        *filters.remarks,
        *trial.remarks,
        *trial.notes(found),
        *trial.rest(found),
        *_added(source, jails.enabled, running),
    )
    return Proposal(
        filters.stage.real_path,
        tuple(sorted((*files, *actions, *trial.files()), key=lambda file: file.path)),
        tuple(dict.fromkeys(sorted(remarks, key=lambda one: (one.path, one.line)))),
        tuple(running),
        tuple(name for name in jails.enabled if name not in running),
    )


def _actions(source: Path, stock: Stock) -> Iterator[NewFile]:
    """Yield the administrator's own actions, of which jaild reads how they ban, and runs none."""
    folder = source / _ACTIONS
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        relative = f"{_ACTIONS}/{path.name}"
        plain = path.suffix in (".conf", ".local") and not path.name.startswith(".")
        if plain and path.is_file() and stock.is_stock(relative) is False:
            yield NewFile(relative, path.read_bytes(), str(path))


def _added(source: Path, enabled: tuple[str, ...], running: list[str]) -> Iterator[Remark]:
    for name in running:
        if name not in enabled:
            why = f"jaild runs this jail and fail2ban does not; [{name}] enabled = false stops it"
            yield Remark(Outcome.NOTED, str(source), 0, f"jail {name}", why)
