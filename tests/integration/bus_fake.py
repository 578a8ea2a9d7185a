# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module is a service without journal, store and firewall, for what stands before it."""

from dataclasses import dataclass, field, replace

from jaild.core import address
from jaild.core.address import Networks
from jaild.core.ban import FOREVER, Ban
from jaild.core.errors import AddressDenied, AddressIgnored, InvalidConfig, JaildError, NoSuchJail
from jaild.core.tally import Failure

NOW = 1_790_000_000_000_000
MINUTE = 60_000_000


@dataclass(frozen=True)
class FakeStatus:
    name: str
    state: str = "running"
    reason: str = ""
    filter: str = "sshd"
    match: str = "_SYSTEMD_UNIT=ssh.service"
    maxretry: int = 5
    findtime: int = 10 * MINUTE
    bantime: int = 10 * MINUTE
    failed_now: int = 1
    failed_total: int = 7
    banned_now: int = 0
    banned_total: int = 0
    addresses: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ("127.0.0.0/8",)
    actions: tuple[str, ...] = ()


@dataclass(frozen=True)
class FakeStanding:
    name: str
    state: str = "running"
    maxretry: int = 5
    findtime: int = 10 * MINUTE
    failures: tuple[Failure, ...] = ()
    unit: str = "192.0.2.7"
    ends: int | None = None
    ignored: str = ""
    ban: Ban | None = None
    why: str = "no failures in the last 10m"
    inside: int = 0
    offences: int | None = None
    next_ban: int | None = None


@dataclass(frozen=True)
class FakeExplanation:
    address: str
    jails: tuple[FakeStanding, ...] = ()
    past: tuple[tuple[Ban, str], ...] = ()
    ignored: str = ""
    problem: str = ""


@dataclass
class FakeService:
    version: str = "0.1.0"
    entries_read: int = 42
    cursor: str = "s=1;i=2"
    listeners: list = field(default_factory=list)
    jails: dict = field(default_factory=lambda: {n: FakeStatus(n) for n in ("sshd", "nginx-auth")})
    kept: list = field(default_factory=list)
    calls: list = field(default_factory=list)
    invalid: str = ""
    denied: tuple[str, ...] = ()
    explanation: FakeExplanation | None = None

    @property
    def ban_count(self):
        return len(self.kept)

    @property
    def jail_names(self):
        return list(self.jails)

    def jail_states(self):
        return [self.jail_status(name) for name in self.jails]

    def jail_status(self, name):
        self._find(name)
        mine = tuple(ban.address for ban in self.kept if ban.jail == name)
        return replace(self.jails[name], banned_now=len(mine), addresses=mine)

    def bans(self, jail):
        if jail:
            self._find(jail)
        return [ban for ban in self.kept if jail in ("", ban.jail)]

    def explain(self, address_text):
        if self.explanation is not None:
            return self.explanation
        bans = {ban.jail: ban for ban in self.kept if ban.address == address_text}
        standings = (FakeStanding(name, ban=bans.get(name)) for name in self.jails)
        return FakeExplanation(address_text, tuple(standings))

    def ban(self, jail, address_text, duration_usec, reason, done):
        self.calls.append(("ban", jail, address_text, duration_usec, reason))
        self._find(jail)
        if address.to_network(address_text).is_loopback:
            done(AddressIgnored(f"{address_text} is never banned: it is in ignoreip"))
            return
        length = duration_usec or self.jails[jail].bantime
        until = FOREVER if length == FOREVER else NOW + length
        ban = Ban(jail, address_text, NOW, until, 0, reason)
        self.kept.append(ban)
        total = self.jails[jail].banned_total + 1
        self.jails[jail] = replace(self.jails[jail], banned_total=total)
        for listener in self.listeners:
            listener.ban_added(ban)
        done(None)

    def unban(self, jail, address_text, done):
        self.calls.append(("unban", jail, address_text))
        if address_text in self.denied:
            done(AddressDenied(f"{address_text} stays banned: denyip of jail sshd lists it"))
            return
        hit = Networks([address.to_network(address_text)])
        holding = address.covering(address_text)
        done(
            self._lift(
                lambda ban: (
                    (ban.address in holding or hit.find(ban.address)) and jail in ("", ban.jail)
                ),
                jail,
            )
        )

    def unban_all(self, jail, done):
        self.calls.append(("unban_all", jail))
        done(self._lift(lambda ban: jail in ("", ban.jail), jail))

    def reload(self):
        self.calls.append(("reload",))
        if self.invalid:
            raise InvalidConfig(self.invalid, "/etc/jaild/jail.local", 3, "did you mean maxretry?")
        for listener in self.listeners:
            listener.reloaded()

    def start_jail(self, name):
        self._change(name, "running")

    def stop_jail(self, name, done):
        self._change(name, "stopped")
        done(None)

    def _change(self, name, state):
        self.calls.append((state, name))
        self._find(name)
        self.jails[name] = replace(self.jails[name], state=state)
        for listener in self.listeners:
            listener.jails_changed()

    def _find(self, name):
        if name not in self.jails:
            raise NoSuchJail(f"there is no jail '{name}'")

    def _lift(self, chosen, jail) -> int | JaildError:
        if jail and jail not in self.jails:
            return NoSuchJail(f"there is no jail '{jail}'")
        lifted = [ban for ban in self.kept if chosen(ban)]
        self.kept = [ban for ban in self.kept if ban not in lifted]
        for ban in lifted:
            for listener in self.listeners:
                listener.ban_removed(ban, "unban")
        return len(lifted)
