# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A loop whose time passes only when a test says so, and a service that runs on it."""

import heapq
import itertools

from jaild.config.load import Tree, load
from jaild.enforce.memory import Memory
from jaild.journal.record import Recorder
from jaild.journal.recorded import of_fields
from jaild.lookup.memory import Memory as Answers
from jaild.service.service import Parts, Service
from jaild.state.store import Store
from tests.verbs import SHIPPED, START, jail_config


class Timer:
    """Something on the clock; ``every`` repeats it."""

    def __init__(self, callback, every=0):
        self.callback = callback
        self.every = every
        self.cancelled = False

    def cancel(self):
        self.cancelled = True


class Clockwork:
    """Stands in for the loop; ``now()`` is microseconds since the epoch."""

    def __init__(self):
        self.time = START
        self._due = []
        self._order = itertools.count()
        self.watched = []

    def now(self):
        return self.time

    def after(self, milliseconds, callback):
        return self._put(Timer(callback), milliseconds)

    def soon(self, callback):
        return self.after(0, callback)

    def every(self, milliseconds, callback):
        return self._put(Timer(callback, milliseconds), milliseconds)

    def watch_fd(self, fd, callback):
        self.watched.append(Timer(callback))
        return self.watched[-1]

    def announce(self):
        """Let the watched descriptors become readable."""
        for watch in [watch for watch in self.watched if not watch.cancelled]:
            watch.callback()
        self.pass_time()

    def pass_time(self, seconds=0.05):
        """Let time pass and everything happen that is due."""
        end = self.time + int(seconds * 1_000_000)
        while self._due and self._due[0][0] <= end:
            when, _, timer = heapq.heappop(self._due)
            self.time = max(self.time, when)
            if timer.cancelled:
                continue
            timer.callback()
            if timer.every:
                self._put(timer, timer.every)
        self.time = end

    def timers(self):
        """Return how many timers are running."""
        return sum(not timer.cancelled for _, _, timer in self._due)

    def _put(self, timer, milliseconds):
        heapq.heappush(self._due, (self.time + milliseconds * 1000, next(self._order), timer))
        return timer


class Diary:
    """Hears everything, as a listener and as the journal."""

    def __init__(self):
        self.events = []
        self.records = []

    def ban_added(self, ban):
        self.events.append(("added", ban.jail, ban.address))

    def ban_removed(self, ban, reason):
        self.events.append(("removed", ban.jail, ban.address, reason))

    def reloaded(self):
        self.events.append(("reloaded",))

    def jails_changed(self):
        pass

    def send(self, text, fields):
        self.records.append((text, fields))

    def recorded(self, _since):
        """Return what there are records of, as the journal would tell."""
        found = ({name: v.encode() for name, v in fields.items()} for _, fields in self.records)
        return frozenset(filter(None, map(of_fields, found)))


class House:
    """A service with everything around it, in a folder of its own."""

    def __init__(self, folder, **options):
        self.folder = folder
        self.etc = folder / "etc"
        self.journal = folder / "journal"
        self.journal.mkdir(exist_ok=True)
        jail_config(self.etc, **options)
        self.firewall = Memory()
        self.lookup = Answers()
        self.clock = Clockwork()
        self.diary = Diary()
        self.status = ""
        self.ready = False

    def load(self):
        return load(Tree(etc=self.etc, shipped=SHIPPED))

    def open(self):
        """Start a service, as after a boot, and return it when it is ready."""
        parts = Parts(
            loop=self.clock,
            store=Store(self.folder / "state"),
            firewall=self.firewall,
            recorder=Recorder(self.diary.send),
            now=self.clock.now,
            load=self.load,
            status=self._say,
            lookup=self.lookup,
            recorded=self.diary.recorded,
            journal=self.journal,
        )
        self.store = parts.store
        service = Service(parts, self.load())
        service.listeners.append(self.diary)
        service.start(self._be_ready)
        self.clock.pass_time()
        return service

    def close(self, service):
        service.stop()
        self.store.close()

    def _say(self, text):
        self.status = text

    def _be_ready(self):
        self.ready = True
