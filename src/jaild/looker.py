# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module is the process jaild-lookup: runs ignorecommand and resolves names, without rights.

The bus starts it with the first question; it ends by itself when none has come for a while.
"""

import argparse
import logging
from collections.abc import Sequence
from typing import NoReturn

from jaild import __version__
from jaild.config import command_line
from jaild.config.load import Tree
from jaild.config.model import Config
from jaild.dbus.bus import DBUS, DBUS_PATH, Bus
from jaild.dbus.call import Call
from jaild.dbus.loop import Loop, leave
from jaild.frame import EXIT_UNAVAILABLE, attend, callers, carry_out
from jaild.journal import log
from jaild.journal.notify import notify
from jaild.lookup import bus_names
from jaild.lookup.idle import Idle
from jaild.lookup.server import Looker
from jaild.lookup.settings import Settings

logger = logging.getLogger("jaild.looker")

IDLE_SECONDS = 60.0
# Time for the last answers to leave the process.
GRACE_MS = 200


def main(argv: Sequence[str] | None = None) -> int:
    """Run the process; return its exit status."""
    options = _parse(argv)
    log.start()
    return carry_out(lambda: serve(command_line.tree(options), int(options.idle * 1000)))


def serve(tree: Tree, idle_ms: int) -> int:
    """Serve org.jaild1.Lookup until nobody has asked for so long, or SIGTERM."""
    process = _Process(tree)
    process.start(idle_ms)
    return process.run()


class _Process:
    """Everything the process is made of."""

    def __init__(self, tree: Tree) -> None:
        self._status = 0
        self._is_leaving = False
        self._loop = Loop()
        self._bus = Bus.system()
        self._settings = Settings(tree, _loaded)
        self._idle = Idle(self._loop, self._rested)
        self._looker = Looker(self._loop, self._settings, self._bus.uid_of, callers(), self._idle)

    def start(self, idle_ms: int) -> None:
        """Publish the object, take the name and tell systemd; raises BusError."""
        attend(self._loop, self._bus, self._settings.reload, self._fail)
        self._bus.publish(bus_names.PATH, self._looker, bus_names.introspection())
        self._bus.own(bus_names.NAME, lambda: self._fail("the name on the bus is lost"))
        self._idle.arm(idle_ms)
        notify(READY=1, STATUS="ready")
        logger.debug("jaild-lookup %s is ready", __version__)

    def run(self) -> int:
        """Serve; return the exit status."""
        self._loop.run()
        notify(STOPPING=1)
        return self._status

    def _rested(self) -> None:
        if self._is_leaving:
            self._loop.quit()
            return
        self._is_leaving = True
        # From now on systemd lets whoever asks next wait for a new process; then the name goes,
        # and what was asked before it went is still answered.
        notify(STOPPING=1, STATUS="nobody asks")
        release = Call(DBUS, DBUS_PATH, DBUS, "ReleaseName", "s", (bus_names.NAME,))
        self._bus.call(release, lambda _answer: self._idle.arm(GRACE_MS))

    def _fail(self, why: str) -> None:
        if not self._is_leaving:
            logger.error("%s", why)
            self._status = EXIT_UNAVAILABLE
            self._loop.quit()


def _loaded(config: Config) -> None:
    logging.getLogger().setLevel(config.daemon.loglevel)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="jaild-lookup",
        description="Runs ignorecommand and resolves names for jaild; started by the system bus.",
    )
    command_line.add_tree(parser)
    parser.add_argument(
        "--idle", type=float, default=IDLE_SECONDS, metavar="SECONDS",
        help="end when nobody has asked for so long (default: %(default)g)",
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"jaild-lookup {__version__}")
    return parser.parse_args(argv)


def start() -> NoReturn:
    """Be the process: run it and end with its exit status."""
    leave(main())


if __name__ == "__main__":
    start()
