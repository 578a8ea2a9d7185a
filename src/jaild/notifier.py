# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module is the process jaild-notify: it tells of bans by mail and webhook.

It follows jaild's records in the journal and may wait for servers: nothing waits for it.
"""

import argparse
import logging
import os
import signal
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from jaild import __version__
from jaild.config import command_line
from jaild.config.load import load
from jaild.core.errors import InvalidConfig
from jaild.dbus.bus import Bus
from jaild.dbus.files import Files
from jaild.dbus.loop import Loop, leave
from jaild.frame import EXIT_UNAVAILABLE, alive, attend, carry_out
from jaild.journal import log
from jaild.journal.notify import notify
from jaild.journal.reader import JournalReader
from jaild.journal.record import Recorder
from jaild.journal.source import Place
from jaild.notify import bus_names, notices
from jaild.notify.desk import Desk, World
from jaild.notify.queue import Queue
from jaild.notify.server import Notifier
from jaild.notify.settings import of_config
from jaild.notify.world import RealParts

logger = logging.getLogger("jaild.notifier")


# The journal forgets; a place in it that is this old at most is not taken for forgotten.
SAVE_MS = 6 * 3600 * 1000


def main(argv: Sequence[str] | None = None) -> int:
    """Run the process; return its exit status."""
    options = _parse(argv)
    log.start()
    return carry_out(lambda: serve(options))


def serve(options: argparse.Namespace) -> int:
    """Tell of what happens until SIGTERM."""
    process = _Process(options)
    process.start()
    return process.run()


class _Process:
    """Everything the process is made of."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._tree = command_line.tree(options)
        self._status = 0
        self._ending = False
        self._loop = Loop()
        self._files = Files(self._loop, self._reload)
        self._bus = Bus.system()
        place = Place(directory=options.journal)
        world = World(
            loop=self._loop,
            open_journal=lambda: JournalReader(notices.MATCH, options.journal),
            parts=lambda settings: RealParts(settings.notify, alive, place, self._is_ending),
            now=lambda: time.time_ns() // 1000,
            tell=_say,
            recorder=Recorder(identifier="jaild-notify"),
            host=socket.gethostname(),
        )
        self._desk = Desk(world, Queue(options.state))

    def start(self) -> None:
        """Publish the object, take the name and tell systemd; raises BusError."""
        attend(self._loop, self._bus, self._reload, self._fail)
        # The loop would hear of it after the present turn, which may take minutes; Python at once.
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, self._end)
        notifier = Notifier(self._bus.uid_of, self._desk.try_out)
        self._bus.publish(bus_names.PATH, notifier, bus_names.introspection())
        self._loop.every(SAVE_MS, self._desk.save)
        self._bus.own(bus_names.NAME, lambda: self._fail("the name on the bus is lost"))
        self._reload()
        notify(READY=1)
        logger.debug("jaild-notify %s is ready", __version__)

    def run(self) -> int:
        """Serve; return the exit status."""
        try:
            self._loop.run()
        finally:
            notify(STOPPING=1)
            self._desk.stop()
        return self._status

    def _reload(self) -> None:
        folders = (self._tree.etc, *(self._tree.etc / name for name in ("jail.d", "jaild.d")))
        self._files.follow(folder for folder in folders if folder.is_dir())
        try:
            config = load(self._tree)
        except InvalidConfig as error:
            # As jaild itself: it goes on with what it has, and so do its mails.
            logger.warning("the configuration is the last good one, if any: %s", error)
            _say(f"bad configuration: {error}")
            return
        logging.getLogger().setLevel(config.daemon.loglevel)
        self._desk.use(of_config(config, self._desk.settings))

    def _is_ending(self) -> bool:
        return self._ending

    def _end(self, _signum: int, _frame: FrameType | None) -> None:
        self._ending = True
        self._loop.quit()

    def _fail(self, why: str) -> None:
        logger.error("%s", why)
        self._status = EXIT_UNAVAILABLE
        self._loop.quit()


def _say(text: str) -> None:
    notify(STATUS=text)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="jaild-notify",
        description="Tells of bans by mail and webhook; started by systemd, not by hand.",
    )
    state = Path(os.environ.get("STATE_DIRECTORY", "/var/lib/jaild-notify").split(":")[0])
    command_line.add_tree(parser)
    parser.add_argument(
        "--journal", type=Path, metavar="DIR",
        help="follow the journal files in a directory instead of the host's journal",
    )  # fmt: skip
    parser.add_argument(
        "--state", type=Path, default=state / "queue.sqlite3", metavar="FILE",
        help="the queue (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"jaild-notify {__version__}")
    return parser.parse_args(argv)


def start() -> NoReturn:
    """Be the process: run it and end with its exit status."""
    leave(main())


if __name__ == "__main__":
    start()
