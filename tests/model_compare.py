# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a service and its model must have in common, at any time."""

from hypothesis.stateful import RuleBasedStateMachine, invariant

from jaild.core.rule import Rule
from jaild.state.store import Store
from tests.model import SECOND, Model
from tests.model_house import House

HOSTS = (
    "192.0.2.1",
    "192.0.2.2",
    "198.51.100.7",
    "2001:db8::1",
    "2001:db8::2",
    "2001:db8:0:1::1",
    "2001:db8:0:1::2",
)
# The host has an address in the first of the two networks, which is therefore never banned whole.
OWN = ("2001:db8::2",)
NETWORKS = ("192.0.2.0/24", "192.0.2.0/30", "2001:db8:0:1::/64", "2001:db8:0:1::/66")


class Comparing(RuleBasedStateMachine):
    """Has a house and a model, and compares them after each step."""

    def __init__(self):
        super().__init__()
        self.house = House()
        self.model = Model()
        self.looks = 0

    @property
    def now(self):
        return self.house.clock.time

    def settle(self):
        """Let all that is under way come to its end."""

    @invariant()
    def same(self):
        if self.house.service is None:
            return
        self.settle()
        self._same_bans()
        self._same_jails()
        self._same_firewall()
        self._same_store()
        self._same_explanations()
        agree(by_address(self.house.told()), by_address(self.model.records))

    def _same_bans(self):
        bans = [plain(ban) for ban in self.house.service.bans("")]
        agree(sorted(bans), sorted(map(plain, self.model.bans)))
        for ban in self.model.bans:
            assert ban.jail in self.model.dead or not self.model.spared(ban.jail, ban.address)
            assert not self.model.shielded(ban.address)

    def _same_jails(self):
        states = {jail.name: jail for jail in self.house.service.jail_states()}
        agree(sorted(states), sorted(self.model.rules))
        for name, jail in states.items():
            agree(jail.state, self.model.state(name))
            agree(jail.banned_now, sum(ban.jail == name for ban in self.model.bans))
            if name in self.model.removed:
                continue
            agree(jail.banned_total, self.model.banned_total.get(name, 0))
            if name in self.model.running():
                agree(jail.failed_total, self.model.failed_total.get(name, 0))

    def _same_firewall(self):
        if self.house.service._keeper.problem:
            return
        rules = {self._rule(ban) for ban in self.model.bans}
        agree(sorted(self.house.firewall.rules), sorted(rules))

    def _rule(self, ban):
        if ban.jail in self.model.dead:
            return Rule(ban.jail, ban.address)
        port = self.model.rules[ban.jail].port
        return Rule(ban.jail, ban.address, port, "tcp" if port else "any")

    def _same_store(self):
        other = Store(self.house.folder / "state")
        try:
            saved, past = other.load(), other.past(HOSTS + NETWORKS, 100_000)
        finally:
            other.close()
        agree(sorted(map(plain, saved.bans)), sorted(map(plain, self.model.bans)))
        expected = sorted((plain(ban), how) for ban, how in self.model.past)
        agree(sorted((plain(ban), end_of(how)) for ban, how in past), expected)
        found = sorted(
            (jail, address, failure.time)
            for jail, address, failure in saved.failures
            if jail not in self.model.rules
            or failure.time > self.now - self.model.rules[jail].findtime * SECOND
        )
        agree(found, self._counting())

    def _counting(self):
        return sorted(
            (one.jail, one.unit, one.time)
            for one in self.model.failures
            if one.time > self.now - self.model.rules[one.jail].findtime * SECOND
        )

    def _same_explanations(self):
        # One address a time, in turn: to explain all takes longer than everything else.
        host = HOSTS[self.looks % len(HOSTS)]
        self.looks += 1
        for jail in self.house.service.explain(host).jails:
            self._same_standing(host, jail)

    def _same_standing(self, host, jail):
        name = jail.name
        agree(jail.state, self.model.state(name))
        holding = self.model.holding(name, host)
        agree(jail.ban and jail.ban.until, max((ban.until for ban in holding), default=None))
        if name not in self.model.dead:
            agree(bool(jail.ignored), self.model.spared(name, host))
        if name in self.model.running():
            window = self.model.window(name, self.model.unit(name, host), self.now)
            agree([one.time for one in jail.failures], [one.time for one in window])
            agree(jail.maxretry, self.model.rules[name].maxretry)


def agree(real, modelled):
    """Compare; Hypothesis shows the shortest way here, this what came of it."""
    assert real == modelled, f"the service: {real}\nthe model: {modelled}"


def by_address(records):
    """Return records in an order that leaves what befell one address as it was."""
    return sorted(records, key=lambda one: one[1:3])


def plain(ban):
    return (ban.jail, ban.address, ban.since, ban.until, ban.failures)


def end_of(how):
    kinds = {"past": "late", "its time is over": "over", "replaced by another": "replaced"}
    return kinds.get(how, "lifted")
