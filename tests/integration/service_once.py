# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A service over a folder of journal files that ends at the journal's end, or kills itself before.

``service_once.py JOURNAL STATE ETC [before|after N]``: with the last two, SIGKILL hits before or
after the N-th commit. Prints nothing; what happened is in the state file.
"""

import argparse
import os
import signal
from pathlib import Path

from jaild.config.load import Tree, load
from jaild.core.position import Position
from jaild.dbus.loop import Loop
from jaild.enforce.memory import Memory
from jaild.journal.record import Recorder
from jaild.lookup.memory import Memory as Answers
from jaild.service import feed
from jaild.service.service import Parts, Service
from jaild.state.batch import Batch
from jaild.state.store import Store
from tests.verbs import SHIPPED, START


class DyingStore(Store):
    """A store that does not live to see its N-th commit, or not much longer."""

    moment = ""
    left = 0

    def commit(self, batch, *, durable=False):
        self.left -= 1
        if self.left == 0 and self.moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        super().commit(batch, durable=durable)
        if self.left == 0 and self.moment == "after":
            os.kill(os.getpid(), signal.SIGKILL)


def main(options):
    feed.TURN = options.turn
    loop = Loop()
    tree = Tree(etc=options.etc, shipped=SHIPPED)
    config = load(tree)
    store = DyingStore(options.state)
    if options.all:
        # At its very first start it would only look back one finding window.
        store.commit(Batch(position=Position("", 0, 0)))
    store.moment, store.left = options.moment, options.number
    parts = Parts(
        loop=loop,
        store=store,
        firewall=Memory(),
        recorder=Recorder(lambda _text, _fields: None),
        now=lambda: options.now,
        load=lambda: config,
        status=lambda _text: None,
        lookup=Answers(),
        recorded=lambda _since: (),
        journal=options.journal,
    )
    service = Service(parts, config)
    service.start(loop.quit)
    loop.run()
    service.stop()
    store.close()


def parsed():
    parser = argparse.ArgumentParser()
    for name in ("journal", "state", "etc"):
        parser.add_argument(name, type=Path)
    parser.add_argument("moment", nargs="?", default="")
    parser.add_argument("number", nargs="?", type=int, default=0)
    # Small turns: more commits, more moments to die at.
    parser.add_argument("--turn", type=int, default=3)
    parser.add_argument("--now", type=int, default=START + 50_000_000)
    parser.add_argument("--all", action="store_true", help="as if it had run since the beginning")
    return parser.parse_args()


if __name__ == "__main__":
    main(parsed())
