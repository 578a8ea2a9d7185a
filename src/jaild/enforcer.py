# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module is the process jaild-enforcer: root's hand on ufw, served over D-Bus."""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from jaild import __version__
from jaild.config import command_line
from jaild.config.load import Tree, load
from jaild.config.model import Config
from jaild.core.address import Network
from jaild.core.errors import InvalidConfig
from jaild.dbus.bus import Bus
from jaild.dbus.files import Files
from jaild.dbus.loop import Loop, leave
from jaild.enforce import bus_names
from jaild.enforce.addresses import HostAddresses
from jaild.enforce.choice import Choice
from jaild.enforce.drift import DriftWatch
from jaild.enforce.engine import Result
from jaild.enforce.server import Enforcer
from jaild.enforce.sockets import Sockets
from jaild.enforce.ufw import UfwMissing
from jaild.enforce.unheard import Unheard
from jaild.enforce.veto import Veto
from jaild.frame import EXIT_UNAVAILABLE, alive, attend, callers, carry_out
from jaild.journal import log
from jaild.journal.notify import notify

logger = logging.getLogger("jaild.enforcer")

EXIT_NOT_AUTHORISED = 4


def main(argv: Sequence[str] | None = None) -> int:
    """Run the process; return its exit status."""
    options = _parse(argv)
    log.start()
    if os.geteuid() != 0:
        logger.error("jaild-enforcer changes the firewall and must run as root")
        return EXIT_NOT_AUTHORISED
    if options.flush:
        return carry_out(flush)
    return carry_out(lambda: serve(command_line.tree(options)))


def flush() -> int:
    """Remove every rule of jaild's from ufw, now and without the bus."""
    try:
        count = Choice(alive).flush()
    except UfwMissing:
        sys.stdout.write("ufw is not installed: there are no rules to remove\n")
    else:
        sys.stdout.write(f"{count} {'rule' if count == 1 else 'rules'} of jaild removed from ufw\n")
    return 0


def serve(tree: Tree) -> int:
    """Serve org.jaild1.Enforcer until SIGTERM."""
    process = _Process(tree)
    process.start()
    return process.run()


class _Process:
    """Everything the process is made of."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._status = 0
        self._loop = Loop()
        self._files = Files(self._loop, self._reload)
        self._bus = Bus.system()
        self._config = _configure(tree)
        self._watch_config()
        self._veto = Veto(self._ignored())
        self._hosts = HostAddresses(self._loop, self._hosts_changed)
        self._veto.set_hosts(self._hosts.current)
        self._sockets = Sockets(self._loop)
        engine = Choice(alive)
        self._drift = DriftWatch(self._loop, engine.look, self._drifted)
        self._enforcer = Enforcer(
            Unheard(engine, self._drift.deaf),
            self._veto,
            lambda: self._hosts.current,
            self._bus.uid_of,
            callers(),
            self._changed,
        )

    def start(self) -> None:
        """Publish the object, take the name and tell systemd; raises BusError."""
        attend(self._loop, self._bus, self._reload, self._fail)
        self._door = self._bus.publish(bus_names.PATH, self._enforcer, bus_names.introspection())
        self._drift.start()
        self._bus.own(bus_names.NAME, lambda: self._fail("the name on the bus is lost"))
        notify(READY=1, STATUS="ready; no change yet")
        logger.info("jaild-enforcer %s is ready", __version__)

    def run(self) -> int:
        """Serve; return the exit status."""
        self._loop.run()
        notify(STOPPING=1)
        return self._status

    def _changed(self, result: Result) -> None:
        self._drift.settled(result)
        outcome = result.outcome
        if result.new and outcome.state == "active":
            self._loop.soon(lambda: self._sockets.end(result.new))
        notify(
            STATUS=f"ufw {outcome.state}; last change: {outcome.added} rules added,"
            f" {outcome.dropped} dropped"
        )

    def _drifted(self, reason: str) -> None:
        self._door.emit("Drifted", reason)

    def _hosts_changed(self) -> None:
        self._veto.set_hosts(self._hosts.current)
        self._door.emit("HostAddressesChanged")

    def _watch_config(self) -> None:
        # jaild has no right to signal this process, so it sees for itself when ignoreip may change.
        folders = (self._tree.etc, self._tree.etc / "jail.d")
        lists = self._config.files if self._config is not None else ()
        self._files.follow([*(folder for folder in folders if folder.is_dir()), *lists])

    def _reload(self) -> None:
        before, config = self._ignored(), _configure(self._tree)
        self._config = config or self._config
        self._watch_config()
        if self._ignored() != before:
            self._veto.set_ignored(self._ignored())
            logger.info("ignoreip has changed: %d networks", len(self._ignored()))

    def _ignored(self) -> tuple[Network, ...]:
        return self._config.ignored if self._config is not None else ()

    def _fail(self, why: str) -> None:
        logger.error("%s", why)
        self._status = EXIT_UNAVAILABLE
        self._loop.quit()


def _configure(tree: Tree) -> Config | None:
    """Log as the configuration says and return it; None if it is unusable."""
    try:
        config = load(tree)
    except InvalidConfig as error:
        logger.warning("ignoreip is that of the last good configuration, if any: %s", error)
        return None
    logging.getLogger().setLevel(config.daemon.loglevel)
    return config


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="jaild-enforcer",
        description="Changes ufw for jaild; started by systemd, not by hand.",
    )
    command_line.add_tree(parser)
    parser.add_argument(
        "--flush", action="store_true", help="remove every rule of jaild's from ufw, and end"
    )
    parser.add_argument("--version", action="version", version=f"jaild-enforcer {__version__}")
    return parser.parse_args(argv)


def start() -> NoReturn:
    """Be the process: run it and end with its exit status."""
    leave(main())


if __name__ == "__main__":
    start()
