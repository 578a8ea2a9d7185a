# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module is the process jaild: it builds the service from the rooms and runs it."""

import argparse
import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from jaild import __version__
from jaild.api import names
from jaild.api.door import Door
from jaild.config import command_line
from jaild.config.load import load
from jaild.config.model import Config
from jaild.core.errors import InvalidConfig
from jaild.dbus.bus import Bus
from jaild.dbus.files import Files
from jaild.dbus.loop import SETTLE_MS, Loop, leave
from jaild.enforce.client import Client
from jaild.frame import EXIT_UNAVAILABLE, attend, carry_out
from jaild.journal import log
from jaild.journal.notify import notify
from jaild.journal.record import Recorder
from jaild.journal.recorded import recorded
from jaild.lookup.client import Client as Lookup
from jaild.service.service import Parts, Service
from jaild.state.store import Store

logger = logging.getLogger("jaild")

PRUNE_MS = 6 * 3600 * 1000
# While entries are read that were missed, systemd is asked this often to wait on.
PATIENCE_MS = 30_000


def main(argv: Sequence[str] | None = None) -> int:
    """Run the process; returns its exit status."""
    options = _parse(argv)
    log.start()
    return carry_out(lambda: _Process(options).run())


class _Process:
    """Everything the process is made of."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._tree = command_line.tree(options)
        config = load(self._tree)
        logging.getLogger().setLevel(config.daemon.loglevel)
        _tell(config)
        self._status = 0
        self._loop = Loop()
        self._lists = Files(self._loop, self._list_changed)
        self._lists.follow(config.files)
        self._bus = Bus.system()
        self._serving = False
        self._door: Door | None = None
        self._store = Store(options.state)
        self._recorder = Recorder()
        client = Client(self._bus, self._drifted, self._addresses_changed)
        parts = Parts(
            loop=self._loop,
            store=self._store,
            firewall=client,
            recorder=self._recorder,
            now=lambda: time.time_ns() // 1000,
            load=self._load,
            status=_say,
            lookup=Lookup(self._bus),
            recorded=recorded,
        )
        self._service = Service(parts, config)

    def run(self) -> int:
        """Serve until SIGTERM; returns the exit status."""
        attend(self._loop, self._bus, self._reload, self._fail)
        self._loop.every(PRUNE_MS, self._service.prune)
        self._ask_for_patience(0)
        self._service.start(self._ready)
        try:
            self._loop.run()
        finally:
            notify(STOPPING=1)
            if self._serving:
                self._recorder.stopped(self._service.at_work)
            self._service.stop()
            self._store.close()
        return self._status

    def _ask_for_patience(self, read: int) -> None:
        """Let systemd wait on for READY while entries come in that were missed, or for ufw.

        For ufw no longer than the enforcer may take: a change that fails is one that has ended.
        """

        def again() -> None:
            if self._serving:
                return
            count = self._service.entries_read
            status = ""
            if count > read:
                status = f"reading what was missed: {count} entries so far"
            elif "firewall" in self._service.missing:
                status = "waiting for the firewall to have all bans"
            if status:
                notify(EXTEND_TIMEOUT_USEC=4 * PATIENCE_MS * 1000, STATUS=status)
            self._ask_for_patience(count)

        self._loop.after(PATIENCE_MS, again)

    def _ready(self) -> None:
        self._door = Door(self._bus, self._loop, self._service)
        self._bus.own(names.BUS, lambda: self._fail("the name on the bus is lost"))
        self._serving = True
        notify(READY=1)
        self._recorder.started(self._service.at_work)
        logger.info("jaild %s is ready", __version__)

    def _load(self) -> Config:
        config = load(self._tree)
        self._lists.follow(config.files)
        logging.getLogger().setLevel(config.daemon.loglevel)
        _tell(config)
        return config

    def _reload(self) -> None:
        notify(RELOADING=1, MONOTONIC_USEC=time.monotonic_ns() // 1000)
        try:
            self._service.reload()
        except InvalidConfig:
            # Recorded by the service, with file and line; the old configuration stays.
            pass
        finally:
            notify(READY=1)

    def _list_changed(self) -> None:
        if not self._serving:
            self._loop.after(SETTLE_MS, self._list_changed)
            return
        logger.info("a list that the configuration names has changed")
        self._reload()

    def _drifted(self, reason: str) -> None:
        self._service.firewall_drifted(reason)

    def _addresses_changed(self) -> None:
        self._service.addresses_changed()

    def _fail(self, why: str) -> None:
        logger.critical("%s", why)
        self._status = EXIT_UNAVAILABLE
        self._loop.quit()


def _say(text: str) -> None:
    notify(STATUS=text)


def _tell(config: Config) -> None:
    for note in config.notes:
        logger.info("%s", note)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="jaild",
        description="Reads the journal and bans attackers; started by systemd, not by hand.",
    )
    state = Path(os.environ.get("STATE_DIRECTORY", "/var/lib/jaild").split(":")[0])
    command_line.add_tree(parser)
    parser.add_argument(
        "--state",
        type=Path,
        default=state / "jaild.sqlite3",
        metavar="FILE",
        help="the state file (default: %(default)s)",
    )
    parser.add_argument("--version", action="version", version=f"jaild {__version__}")
    return parser.parse_args(argv)


def start() -> NoReturn:
    """Be the process: run it and end with its exit status."""
    leave(main())


if __name__ == "__main__":
    start()
