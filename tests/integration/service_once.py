# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A service over a folder of journal files that ends at the journal's end, or kills itself before.

``service_once.py JOURNAL STATE ETC [before|after N]``: with the last two, SIGKILL hits before or
after the N-th commit. Prints nothing; what happened is in the state file.
"""

import os
import signal
import sys
from pathlib import Path

from jaild.config.load import Tree, load
from jaild.dbus.loop import Loop
from jaild.enforce.memory import Memory
from jaild.journal.record import Recorder
from jaild.service import feed
from jaild.service.service import Parts, Service
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


def main(journal, state, etc, moment="", number="0"):
    # Small turns: more commits, more moments to die at.
    feed.TURN = 3
    loop = Loop()
    tree = Tree(etc=Path(etc), shipped=SHIPPED)
    config = load(tree)
    store = DyingStore(Path(state))
    store.moment, store.left = moment, int(number)
    parts = Parts(
        loop=loop,
        store=store,
        firewall=Memory(),
        recorder=Recorder(lambda _text, _fields: None),
        now=lambda: START + 50_000_000,
        load=lambda: config,
        status=lambda _text: None,
        journal=Path(journal),
    )
    service = Service(parts, config)
    service.start(loop.quit)
    loop.run()
    service.stop()
    store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
