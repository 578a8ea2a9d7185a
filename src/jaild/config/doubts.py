# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module finds what a jail can be told and is unlikely to be meant."""

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from jaild.config import program, sparing
from jaild.config.listed import path_of
from jaild.config.model import JailConfig, Note
from jaild.config.option import Option
from jaild.config.section import Section
from jaild.core.address import Network, of_network
from jaild.core.never import NEVER

T = TypeVar("T")


def doubts(config: JailConfig, section: Section, folder: Path) -> Iterator[Note]:
    """Yield warnings about a jail without mistakes; paths of lists start from a folder."""
    yield from _denied(config, section)
    for option in (sparing.IGNOREIP, sparing.DENYIP):
        for file in section.read(option).files:
            if _others_may_write(path_of(file, folder)):
                yield _writable(config, section, option, file)
    if config.ignorecommand:
        yield from _command(config, section)


def _others_may_write(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH))
    except OSError:
        return False


def _writable(config: JailConfig, section: Section, option: Option[T], file: str) -> Note:
    sentence = f"{option.name} of [{config.name}]: others than its owner may write to {file}"
    return Note(*section.place_of(option, file), sentence, "warning")


def _denied(config: JailConfig, section: Section) -> Iterator[Note]:
    spared = _overlaps(config.denyip, (*config.ignoreip, *NEVER)) if config.denyip else []
    if spared:
        denied, ignored = spared[0]
        names = "is in" if denied.subnet_of(ignored) else "holds"  # type: ignore[arg-type]
        why = "which is never banned" if ignored in NEVER else "and ignoreip wins"
        sentence = f"denyip of [{config.name}]: {_shown(denied)} {names} {_shown(ignored)}, {why}"
        more = len(spared) - 1
        sentence += f"; {more} more overlap{'s' if more == 1 else ''} likewise" if more else ""
        yield Note(*section.place_of(sparing.DENYIP, _shown(denied)), sentence, "warning")


def _command(config: JailConfig, section: Section) -> Iterator[Note]:
    path, key = config.ignorecommand[0], config.ignorecache.key
    if not (Path(path).is_file() and os.access(path, os.X_OK)):
        sentence = f"ignorecommand of [{config.name}]: {path} is no program that can be run"
        yield Note(*section.place_of(sparing.IGNORECOMMAND, path), sentence, "warning")
    elif _others_may_write(Path(path)):
        yield _writable(config, section, sparing.IGNORECOMMAND, path)
    if not program.names_address(key):
        sentence = (
            f"ignorecache of [{config.name}]: its key '{key}' is the same for many addresses, "
            "so that the answer for one of them spares, or does not spare, all of them; "
            "the usual key is <ip>"
        )
        yield Note(*section.place_of(sparing.IGNORECACHE, key), sentence, "warning")


def _overlaps(
    denied: tuple[Network, ...], ignored: tuple[Network, ...]
) -> list[tuple[Network, Network]]:
    """Return the members of denied that share an address with one of ignored, each with that."""
    # Of two networks that overlap, one holds the other.
    found = dict(_held(denied, ignored))
    for one, holder in _held(ignored, denied):
        found.setdefault(holder, one)
    return list(found.items())


def _held(inner: Iterable[Network], outer: Iterable[Network]) -> Iterator[tuple[Network, Network]]:
    """Yield each member of inner that lies in one of outer, with that."""
    starts: dict[int, dict[int, dict[int, Network]]] = {4: {}, 6: {}}
    for one in outer:
        by_start = starts[one.version].setdefault(one.max_prefixlen - one.prefixlen, {})
        by_start[int(one.network_address)] = one
    for one in inner:
        start, bits = int(one.network_address), one.max_prefixlen - one.prefixlen
        for wider, by_start in starts[one.version].items():
            if wider >= bits and (holder := by_start.get(start >> wider << wider)):
                yield one, holder
                break


def _shown(network: Network) -> str:
    return str(of_network(network))
