# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The service against a model of it, through whatever may happen in any order.

Time has a grid of 100 ms. Entries come at its points, bans by hand 30 ms later, everything else
after 60 ms, and after 90 ms all is compared: so no ban ends at the moment at which something else
happens, but entries do come at the very ends of bans and windows.
"""

import shutil
from collections import Counter
from dataclasses import replace
from unittest import mock

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule, run_state_machine_as_test

from jaild.core.errors import FirewallFailed, InvalidConfig
from jaild.state.store import Store
from tests.memory_journal import MemoryReader
from tests.model import SECOND, Line, Rules
from tests.model_compare import HOSTS, NETWORKS, OWN, Comparing
from tests.model_house import Crash
from tests.verbs import entry

TICK = SECOND // 10
ENTRIES, BY_HAND, OTHER, LOOK = 0, 30_000, 60_000, 90_000

UNITS = ("door.service", "gate.service", "other.service")
FIRST = {
    "door": Rules(units=("door.service",)),
    # It spares somebody in a network that others attack from.
    "gate": Rules(
        units=("gate.service",),
        maxretry=2,
        ignoreip=("2001:db8:0:1::2",),
        multipliers=(1, 2, 5),
        maxtime=30,
    ),
    "both": Rules(units=("door.service", "gate.service"), maxretry=5, findtime=9, bantime=20),
}
# Entries of one moment: who wrote them, of whom, and which are of no concern.
SOME_LINES = st.lists(
    st.tuples(st.sampled_from(UNITS[:2]), st.sampled_from(HOSTS), st.integers(1, 3)),
    min_size=1,
    max_size=4,
)
ODD_LINES = st.sampled_from(
    (
        ("other.service", "failure from 192.0.2.1"),
        ("door.service", "no failure from 192.0.2.1"),
        ("door.service", "failure from 192.0.2.1 and 192.0.2.2"),
        ("gate.service", "failure from 192.0.2.256"),
        ("gate.service", "all is well"),
    )
)
# In seconds: a little, about a findtime, about a bantime.
STEPS = st.sampled_from((0.1, 0.2, 0.5, 1, 3.9, 4, 4.1, 5, 9, 10, 10.1, 12, 20, 31))
LAGS = st.sampled_from((0, 0, 0, 0.1, 0.4))
JAILS = st.sampled_from(tuple(FIRST))
ANYBODY = st.sampled_from(HOSTS + NETWORKS)
CHANGES = st.one_of(
    st.fixed_dictionaries({"maxretry": st.integers(1, 5)}),
    st.fixed_dictionaries({"findtime": st.sampled_from((2, 4, 9))}),
    st.fixed_dictionaries({"bantime": st.sampled_from((3, 10, 20, -1))}),
    st.fixed_dictionaries({"port": st.sampled_from(("", "22"))}),
    st.fixed_dictionaries(
        {"ignoreip": st.sampled_from(((), ("192.0.2.1",), ("192.0.2.0/24", "2001:db8::/48")))}
    ),
)


class Machine(Comparing):
    """Does the same to both."""

    def __init__(self):
        super().__init__()
        self.lines = []
        self.rules = dict(FIRST)
        self.own = self.house.firewall.hosts = OWN
        self.last = 0

    @initialize()
    def begin(self):
        self.house.configure(self.rules)
        self._open()

    def teardown(self):
        if self.house.service is not None:
            self.house.close(cleanly=False)
        shutil.rmtree(self.house.folder)

    # Time and entries

    def settle(self):
        self._at(LOOK)

    def _at(self, offset):
        """Let time pass to the next moment of a kind."""
        wait = (offset - self.now) % TICK or TICK
        self.house.let_pass(wait)
        if self.house.service is not None:
            self.model.pass_time(self.now)

    def _write(self, some, odd=(), lag=0.0):
        """Write entries of this moment, or of one shortly before it that follows the last."""
        time = max(self.now - int(lag * SECOND), self.last + TICK)
        time = min(time, self.now)
        self.last = time
        found = []
        for unit, address, times in some:
            found += [(unit, f"failure from {address}", address)] * times
        found += [(unit, text, None) for unit, text in odd]
        for number, (unit, text, address) in enumerate(found):
            self.lines.append(Line(time, unit, address))
            made = entry(text, pid=number % 3, unit=unit)
            self.house.journal.extend([made._replace(time=time)])

    @rule(some=SOME_LINES, odd=st.lists(ODD_LINES, max_size=2), lag=LAGS)
    def entries(self, some, odd, lag):
        self._at(ENTRIES)
        self._write(some, odd, lag)
        self._announced()

    def _announced(self):
        self.model.read(self.lines, self.now)
        self.house.clock.announce()

    @rule(seconds=STEPS)
    def time_passes(self, seconds):
        self._pass(seconds)

    def _pass(self, seconds):
        # In small steps: what ends at different times ends in its order.
        self.house.let_pass(round(seconds * SECOND))
        if self.house.service is not None:
            self.model.pass_time(self.now)

    # By hand

    @rule(jail=JAILS, address=ANYBODY, seconds=st.sampled_from((0, 0, 5, 15, -1)))
    def ban(self, jail, address, seconds):
        self._at(BY_HAND)
        if jail not in self.rules:
            return
        why = self.model.ban(jail, address, seconds, self.now)
        answer = self._ban(jail, address, seconds)
        assert answer == [why or self._trouble()], (answer, why)

    def _trouble(self):
        return "FirewallFailed" if self.house.firewall.failure else ""

    def _ban(self, jail, address, seconds):
        usec = 2**64 - 1 if seconds < 0 else seconds * SECOND
        answers = []

        def done(error):
            answers.append(type(error).__name__ if error else "")

        self.house.service.ban(jail, address, usec, "by hand", done)
        self.house.clock.pass_time(0.01)
        return answers

    @rule(jail=st.one_of(st.just(""), JAILS), address=ANYBODY)
    def unban(self, jail, address):
        self._at(OTHER)
        if jail and jail not in self.rules:
            return
        self._lifted(self.house.service.unban, self.model.unban, jail, address)

    @rule(jail=st.one_of(st.just(""), JAILS))
    def unban_all(self, jail):
        self._at(OTHER)
        if jail and jail not in self.rules:
            return
        self._lifted(self.house.service.unban_all, self.model.unban_all, jail)

    def _lifted(self, real, modelled, *what):
        count, answers = modelled(*what), []
        real(*what, answers.append)
        self.house.clock.pass_time(0.01)
        if count and self.house.firewall.failure:
            assert [type(answer) for answer in answers] == [FirewallFailed]
        else:
            assert answers == [count]

    # Jails and their configuration

    @rule(jail=JAILS)
    def stop_jail(self, jail):
        self._at(OTHER)
        if jail in self.rules and self.model.state(jail) == "running":
            self._lifted(self.house.service.stop_jail, self.model.stop_jail, jail)

    @precondition(lambda self: self.model.stopped)
    @rule(data=st.data())
    def start_jail(self, data):
        self._at(OTHER)
        jail = data.draw(st.sampled_from(sorted(self.model.stopped)))
        self.model.start_jail(jail)
        self.house.service.start_jail(jail)

    def _change(self, jail, change):
        """Change the files: an option, a mistake (True) made or mended, a jail gone (None)."""
        rules = dict(self.rules)
        if jail not in rules:
            rules[jail] = FIRST[jail]
        elif change is None and jail != "gate":
            del rules[jail]
        elif change is True and jail != "gate":
            rules[jail] = replace(rules[jail], broken=not rules[jail].broken)
        elif isinstance(change, dict):
            rules[jail] = replace(rules[jail], broken=False, **change)
        self.house.configure(rules)
        return rules

    @rule(jail=JAILS, change=st.one_of(CHANGES, CHANGES, st.none(), st.just(True)))
    def reload(self, jail, change):
        self._at(OTHER)
        self.rules = self._change(jail, change)
        self.model.reload(self.rules)
        mistakes = any(jail.broken for jail in self.rules.values())
        try:
            self.house.service.reload()
        except InvalidConfig:
            assert mistakes
        else:
            assert not mistakes

    # The life of the service

    def _open(self):
        self.model.start(self.rules, self.own)
        self.model.end_bans(self.now)
        self.model.read(self.lines, self.now)
        self.house.open()
        self.house.clock.pass_time(0.01)
        assert self.house.ready

    def _down_time(self, data):
        """Let the service be down: time passes, things are changed, entries are written."""
        for _ in range(data.draw(st.integers(0, 3))):
            self._pass(data.draw(STEPS))
            self._at(ENTRIES)
            self._write(data.draw(SOME_LINES))
        if data.draw(st.booleans()):
            self._pass(data.draw(STEPS))
        if data.draw(st.integers(0, 3)) == 0:
            change = st.one_of(CHANGES, st.none(), st.just(True))
            self.rules = self._change(data.draw(JAILS), data.draw(change))
        self._at(OTHER)
        self._open()

    @rule(cleanly=st.booleans(), data=st.data())
    def restart(self, cleanly, data):
        self._at(OTHER)
        if cleanly:
            self.model.forget_suspects(self.model.last)
        self.house.close(cleanly=cleanly)
        self._go_back()
        self._down_time(data)

    def _go_back(self):
        """Entries that changed nothing need not be behind the position that was saved."""
        other = Store(self.house.folder / "state")
        position = other.load().position
        other.close()
        cursor = position.cursor if position is not None else ""
        last = position.entry_time if position is not None else 0
        number = int(cursor.partition("=")[2] or -1)
        oldest = min((number for number, _ in self.house.journal), default=len(self.lines))
        if number < oldest:
            # What it points to is gone, and with it how many of its moment have been read.
            later = (n for n, entry in self.house.journal if entry.time > last)
            number = next(later, len(self.lines)) - 1
        self.model.go_back(number + 1, last)

    def _command(self, jail, address=None):
        """Ban an address by hand, or lift all bans of a jail."""
        if address is not None:
            self.model.ban(jail, address, 0, self.now)
            self._ban(jail, address, 0)
        else:
            self.model.unban_all(jail)
            self.house.service.unban_all(jail, lambda _count: None)
            self.house.clock.pass_time(0.01)

    @rule(
        where=st.sampled_from(("commit", "committed", "firewall", "answer", "record")),
        what=st.one_of(SOME_LINES, st.tuples(JAILS, ANYBODY), st.tuples(JAILS)),
        data=st.data(),
    )
    def crash(self, where, what, data):
        """Let the process end in the middle of something."""
        by_hand = isinstance(what, tuple)
        self._at(BY_HAND if by_hand else ENTRIES)
        before = self.model.copy()
        self.house.set_trap(where)
        saved = True
        try:
            if not by_hand:
                self._write(what)
                self._announced()
            elif what[0] in self.rules:
                self._command(*what)
        except Crash:
            saved = where != "commit"
        self.house.clear_trap()
        if saved:
            # Bans may have ended during this, and nobody been told.
            self.model.end_bans(self.now)
        else:
            self.model = before
        self._compare_told(before)
        self.house.close(cleanly=False)
        self._go_back()
        self._down_time(data)

    def _compare_told(self, before):
        """What was decided and saved may not be told yet: the next start does it."""
        told = self.house.told()
        assert not Counter(told) - Counter(self.model.records)
        assert not Counter(before.records) - Counter(told)

    @rule(own=st.sampled_from((OWN, (*OWN, "192.0.2.1"), (*OWN, "198.51.100.7"))))
    def own_addresses(self, own):
        self._at(OTHER)
        self.own = self.house.firewall.hosts = own
        self.house.service.addresses_changed()
        self.model.set_own(own)

    @rule()
    def firewall_fails(self):
        self._at(OTHER)
        self.house.firewall.failure = FirewallFailed("ufw is on fire")

    @precondition(lambda self: self.house.firewall.failure)
    @rule(noticed=st.booleans())
    def firewall_works(self, noticed):
        self._at(OTHER)
        self.house.firewall.failure = None
        if noticed:
            self.house.service.firewall_drifted("ufw has been restarted")

    @rule(data=st.data())
    def firewall_loses_rules(self, data):
        self._at(OTHER)
        rules = self.house.firewall.rules
        if rules:
            rules.discard(data.draw(st.sampled_from(sorted(rules))))
            self.house.service.firewall_drifted("user.rules has changed")

    @rule(most=st.integers(0, 3))
    def vacuum(self, most):
        """Let the journal forget what has been read."""
        if self.model.lines_read == len(self.lines):
            self.house.journal.vacuum(most)

    @rule()
    def prune(self):
        self._at(OTHER)
        self.house.service.prune()


def test_model():
    # A step takes some milliseconds: fewer and shorter runs than other properties have, unless
    # there is time.
    most = settings().max_examples
    thorough = most > settings.get_profile("default").max_examples
    with mock.patch("jaild.service.reading.JournalReader", MemoryReader):
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=most if thorough else most // 4,
                stateful_step_count=40 if thorough else 15,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
