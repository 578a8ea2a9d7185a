# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A service that can be stopped, ended in the middle of anything, and started again."""

import os
import signal
import tempfile
from pathlib import Path

from jaild.config.load import Tree, load
from jaild.enforce.memory import Memory
from jaild.enforce.veto import Veto
from jaild.journal.record import MessageId, Recorder
from jaild.lookup.memory import Memory as Nobody
from jaild.service.service import Parts, Service
from jaild.state.store import Store
from tests.clockwork import Clockwork, Diary
from tests.memory_journal import MemoryJournal
from tests.model import SECOND


class Crash(BaseException):
    """The process ends here, at once."""


class TrappedDiary(Diary):
    """A diary at which the process may end."""

    trap = ""

    def send(self, text, fields):
        if self.trap == "record":
            raise Crash
        super().send(text, fields)


class Wary(Memory):
    """A firewall that bans no network that would hit somebody who is spared."""

    def __init__(self, ignored):
        super().__init__()
        self._ignored = ignored

    def _become(self, wanted, done):
        veto = Veto(self._ignored(), self.hosts)
        networks = {rule.address for rule in wanted if "/" in rule.address}
        self.refuses = {one: why for one in networks if (why := veto.reason(one))}
        super()._become(wanted, done)


class House:
    """The service, and what is around it; ``service`` is None while it does not run."""

    def __init__(self):
        # Where a sync takes no time.
        shared = Path("/dev/shm")
        self.folder = Path(tempfile.mkdtemp(dir=shared if os.access(shared, os.W_OK) else None))
        self.etc = self.folder / "etc"
        (self.etc / "filter.d").mkdir(parents=True)
        knock = "[Definition]\nfailregex = ^failure from <ADDR>$\n"
        (self.etc / "filter.d/knock.conf").write_text(knock)
        self.firewall = Wary(lambda: self.load().ignored)
        self.diary = TrappedDiary()
        self.journal = MemoryJournal()
        self.clock = Clockwork()
        self.service = None
        self.store = None
        self.status = ""

    def configure(self, rules):
        parts = []
        for name, jail in rules.items():
            parts.append(
                f"[{name}]\nenabled = true\nfilter = knock\nport = {jail.port or '0:65535'}\n"
                f"maxretry = {jail.maxretry}\nfindtime = {jail.findtime}\n"
                f"bantime = {jail.bantime}\nignoreip = {' '.join(jail.ignoreip)}\njournalmatch ="
            )
            parts += [f"  _SYSTEMD_UNIT={unit}" for unit in jail.units]
            if jail.multipliers:
                parts.append("bantime.increment = true")
                parts.append(f"bantime.multipliers = {' '.join(map(str, jail.multipliers))}")
            if jail.maxtime:
                parts.append(f"bantime.maxtime = {jail.maxtime}")
            if jail.broken:
                parts.append("protocol = pigeon")
        (self.etc / "jail.conf").write_text("\n".join(parts) + "\n")

    def load(self):
        return load(Tree(etc=self.etc, shipped=self.folder / "shipped"))

    def open(self):
        clock = Clockwork()
        clock.time = self.clock.time
        self.clock = clock
        self.store = Store(self.folder / "state")
        parts = Parts(
            loop=clock,
            store=self.store,
            firewall=self.firewall,
            recorder=Recorder(self.diary.send),
            now=clock.now,
            load=self.load,
            status=self._say,
            lookup=Nobody(),
            recorded=self.diary.recorded,
            journal=self.journal,
        )
        self.service = Service(parts, self.load())
        self.service.listeners.append(self.diary)
        self.ready = False
        self.service.start(self._be_ready)

    def _be_ready(self):
        self.ready = True

    def _say(self, text):
        self.status = text

    def let_pass(self, microseconds):
        # A clockwork takes seconds and cuts what is left of a microsecond.
        self.clock.pass_time((microseconds + 0.5) / SECOND)

    def close(self, *, cleanly):
        """Stop the service, or let it be gone."""
        if cleanly:
            self.service.stop()
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        reading = self.service._reading
        if reading._open is not None:
            reading._open.reader.close()
        self.store.close()
        self.service = None
        clock = Clockwork()
        clock.time = self.clock.time
        self.clock = clock

    def set_trap(self, where):
        """Let the process end: before a commit, after it, at the firewall, or at the record."""
        commit, apply, sync = Store.commit, Memory.apply, Memory.sync

        def crashing(call, when):
            def crash(one, *args, **options):
                if when != "commit":
                    call(one, *args, **options)
                raise Crash

            return crash

        self.diary.trap = where
        if where in ("commit", "committed"):
            self.store.commit = crashing(commit, where).__get__(self.store)
        elif where in ("firewall", "answer"):
            when = "commit" if where == "firewall" else "after"
            self.firewall.apply = crashing(apply, when).__get__(self.firewall)
            self.firewall.sync = crashing(sync, when).__get__(self.firewall)

    def clear_trap(self):
        self.diary.trap = ""
        for one, name in (
            (self.store, "commit"),
            (self.firewall, "apply"),
            (self.firewall, "sync"),
        ):
            vars(one).pop(name, None)

    def told(self):
        """Return the bans and their ends that the journal has records of."""
        found = []
        for _, fields in self.diary.records:
            who = (fields.get("JAILD_JAIL"), fields.get("JAILD_ADDRESS"))
            if fields["MESSAGE_ID"] == MessageId.BANNED:
                names = ("JAILD_SINCE_USEC", "JAILD_UNTIL_USEC", "JAILD_FAILURES")
                found.append(("banned", *who, *(int(fields[name]) for name in names)))
            elif fields["MESSAGE_ID"] == MessageId.UNBANNED:
                found.append(("unbanned", *who))
        return found
