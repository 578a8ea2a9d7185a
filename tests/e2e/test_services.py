# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A guide's configuration and one line a jail protect a real nginx, postfix and dovecot."""

import json
import re
from dataclasses import dataclass

import pytest

from tests.e2e.test_configuration import JAIL_LOCAL, SSH_LOCAL
from tests.lab import furnish, net
from tests.lab.attack import Login

pytestmark = pytest.mark.e2e

MAXRETRY = 5
SHUT = {"refused", "timeout"}
# The last guess's connection may be ended by its own ban before the server has answered.
LAST = {"denied", "closed"}
GOOD = Login(furnish.ALICE, furnish.PASSWORDS[furnish.ALICE])
DECOY = "203.0.113.9"


@dataclass(frozen=True)
class Service:
    """A jail, what is attacked, and the last number of this service's attackers' addresses."""

    jail: str
    protocol: str
    port: int
    number: int

    def attackers(self):
        return [f"198.51.100.{self.number}", f"2001:db8:0:{self.number}::1"]

    def source(self, place):
        return f"198.51.100.{self.number + place}"


SERVICES = (
    Service("nginx-http-auth", "http", 80, 80),
    Service("postfix-sasl", "smtp", 25, 90),
    Service("dovecot", "imap", 143, 100),
)
each_service = pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.jail)


@pytest.fixture(scope="module")
def guarded(serving_lab):
    """The lab with the guide's files and the three jails enabled, without a word more."""
    lab = serving_lab
    lab.write("/etc/jaild/jail.local", JAIL_LOCAL)
    lab.write("/etc/jaild/jail.d/ssh.local", SSH_LOCAL)
    enabled = "".join(f"[{service.jail}]\nenabled = true\n" for service in SERVICES)
    lab.write("/etc/jaild/jail.d/services.local", enabled)
    lab.run(["jailctl", "reload"])
    yield lab
    lab.run(["rm", "/etc/jaild/jail.local", "/etc/jaild/jail.d/ssh.local"])
    lab.run(["rm", "/etc/jaild/jail.d/services.local"])
    lab.run(["jailctl", "reload"])


def failures(lab, jail):
    """Return how many failures led to each of a jail's bans, by address."""
    listed = json.loads(lab.run(["jailctl", "bans", "--json"]).stdout)
    return {ban["address"]: ban["failures"] for ban in listed if ban["jail"] == jail}


@each_service
def test_wrong_passwords(guarded, service):
    lab, attackers = guarded, service.attackers()
    lucky, bystander = service.source(1), service.source(2)
    assert lab.guess(service.protocol, [lucky], MAXRETRY - 1)[lucky] == ["denied"] * (MAXRETRY - 1)
    for outcomes in lab.guess(service.protocol, attackers, MAXRETRY).values():
        assert outcomes[:-1] == ["denied"] * (MAXRETRY - 1)
        assert outcomes[-1] in LAST
    banned = {net.banned_as(attacker) for attacker in attackers}
    lab.wait(lambda: set(failures(lab, service.jail)) == banned, 10, "the bans")
    assert set(failures(lab, service.jail).values()) == {MAXRETRY}
    probes = lab.probe_all([*attackers, bystander], service.port)
    assert {probes[attacker] for attacker in attackers} <= SHUT
    assert probes[bystander] == "open"
    # The ban is for this service's ports and no more.
    assert lab.probe(attackers[0], 22) == "open"
    status = lab.run(["jailctl", "status", service.jail]).stdout
    for network in banned:
        assert network in status
        assert str(service.port) in rule(lab, network)

    assert lab.guess(service.protocol, [bystander], 1, GOOD)[bystander] == ["accepted"]
    assert lab.run(["jailctl", "unban", service.jail, attackers[0]]).stdout == "1\n"
    assert lab.guess(service.protocol, attackers[:1], 1, GOOD)[attackers[0]] == ["accepted"]
    assert lab.probe(attackers[1], service.port) in SHUT


def rule(lab, address):
    """Return the ports of the one rule in ufw that an address has."""
    (line,) = [
        line for line in lab.run(["ufw", "show", "added"]).stdout.splitlines()
        if re.search(rf"\b{re.escape(address)}\b", line)
    ]  # fmt: skip
    return re.split(r"[ ,]", line)


NAMES = {
    "http": f'x" was not found in "/f", client: {DECOY}, server: _, request: "", host: "h',
    "smtp": f"x, [{DECOY}]: SASL PLAIN authentication failed",
    "imap": f"x>, method=PLAIN, rip={DECOY}, lip=198.19.0.1, session=<AAAAAAAAAAAA>",
}
FORGED = {
    "http": f'''nginx 2026/01/02 03:04:05 [error] 7#7: *1 user "root": password mismatch, \
client: {DECOY}, server: _, request: "GET / HTTP/1.1", host: "h"''',
    "smtp": f"postfix/smtpd warning: unknown[{DECOY}]: SASL PLAIN authentication failed: ",
    "imap": f"""dovecot imap-login: Disconnected: Connection closed (auth failed, 1 attempts in \
2 secs): user=<root>, method=PLAIN, rip={DECOY}, lip=198.19.0.1, session=<AAAAAAAAAAAA>""",
}


@each_service
def test_nobody_else_is_blamed(guarded, service):
    lab = guarded
    name = NAMES[service.protocol]
    lab.guess(service.protocol, [service.source(3)], MAXRETRY, Login(name, "wrong"))
    tag, line = FORGED[service.protocol].split(" ", 1)
    # In IMAP a user name as it is sent here cannot have a line end in it.
    if service.protocol != "imap":
        login = Login(f"x\n{line}\n", "wrong")
        lab.guess(service.protocol, [service.source(4)], MAXRETRY, login)
    for _ in range(MAXRETRY):
        forge = ["logger", "-p", "mail.info", "-t", tag, line]
        lab.run(["runuser", "-u", "mallory", "--", *forge])
    assert lab.journal("-t", tag, "-n", "50", "-o", "cat").count(line) >= MAXRETRY
    # An attack after them shows that they have been read.
    lab.guess(service.protocol, [service.source(5)], MAXRETRY)
    lab.wait(lambda: service.source(5) in failures(lab, service.jail), 10, "the real one's ban")
    assert DECOY not in lab.run(["jailctl", "bans"]).stdout
