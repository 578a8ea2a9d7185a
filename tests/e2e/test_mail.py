# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The mail that the guide promises: real attacks, a real mail server, a real mailbox."""

import json
import re
import time

import pytest

from jaild.core.text import printable
from tests.lab import mail
from tests.lab.lab import Lab

pytestmark = pytest.mark.e2e

WHOIS_PORT = 4343
WHOIS = (
    "inetnum: 203.0.113.0/24\r\ndescr: \x1b[2Jevil\r\nFrom nobody\r\n.\r\n~!touch /tmp/owned\r\n"
)
# Word for word what guides say, but for the names of the places.
GUIDE = """\
[DEFAULT]
ignoreip = 127.0.0.1/8 192.168.1.0/24
destemail = admin@example.org
sender = jaild@example.org
mta = {mta}
action = %(action_mwl)s
{more}
"""
SSHD = """\
[sshd]
enabled = true
banaction = ufw
port = ssh
filter = sshd
logpath = %(sshd_log)s
maxretry = 5
"""
# A service that writes down what it is told as it is: a login name of several lines.
EVIL = "x\r\n.\r\nBcc: alice@example.org\n\nFrom root Thu\n~!touch /tmp/owned\n\x1b[2J"
DOOR = """\
[Definition]
failregex = ^login of [\\s\\S]* failed from <HOST>$
journalmatch = _SYSTEMD_UNIT=door.service
"""
TELL = "import sys; from systemd import journal; [journal.send(sys.argv[1]) for _ in range(5)]"


# One of the two in each, as both have both.
SERVERS = {"bookworm": "exim4", "trixie": "postfix"}


@pytest.fixture(scope="module")
def house(suite, deb):
    """A lab with jaild and a mail server, set up as the guide says."""
    with Lab.up(suite, deb=deb) as lab:
        mail.install(lab, SERVERS[suite])
        mail.answer_whois(lab, WHOIS_PORT, WHOIS)
        lab.write(
            "/etc/jaild/jaild.local", f"[Definition]\nwhois.server = 127.0.0.1:{WHOIS_PORT}\n"
        )
        lab.write("/etc/jaild/jail.d/ssh.local", SSHD)
        configure(lab)
        yield lab


def configure(lab, mta="mail", more=""):
    lab.write("/etc/jaild/jail.local", GUIDE.format(mta=mta, more=more))
    lab.run(["jailctl", "reload"])
    lab.run(["systemctl", "reload", "jaild-notify"])


def arrived(lab, count=1, seconds=30):
    lab.wait(lambda: len(mail.messages(lab)) >= count, seconds, f"mail {count}")
    return mail.messages(lab)


@pytest.fixture
def lab(house):
    """The same, with empty mailboxes."""
    mail.clear(house)
    return house


def logged(lab, address):
    """What sshd has said of an address."""
    lines = lab.journal("-u", "ssh", "-o", "cat").splitlines()
    return [line for line in lines if re.search(rf"Failed password.* from {address} port", line)]


def quoted(message):
    """The lines of others in a mail, as they were before they were set in."""
    text = message.get_content().replace("\r\n", "\n")
    return [line.removeprefix("  ") for line in text.split("\n") if line.startswith("  ")]


@pytest.mark.parametrize(("mta", "address"), [("mail", "203.0.113.7"), ("sendmail", "203.0.113.8")])
def test_the_guides_mail(lab, mta, address):
    configure(lab, mta)
    lab.attack([address, "203.0.113.99"], tries=2)
    lab.attack([address], tries=5)
    (message,) = arrived(lab)
    assert message["Subject"] == f"[jaild] sshd: banned {address} from lab"
    assert message["From"] == "jaild <jaild@example.org>"
    assert message["To"] == "admin@example.org"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime is not None
    assert message["Message-ID"].startswith("<jaild.")
    assert not message.is_multipart()
    assert not message.defects
    said = logged(lab, address)
    assert len(said) >= 5
    lines = quoted(message)
    found = [line for line in lines if "Failed password" in line]
    # Exactly the lines of that attacker, each with its time, unit and process.
    assert [line.partition("]: ")[2] for line in found] == said[:5]
    assert all(
        re.match(r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d ssh\[\d+\]: ", line) for line in found
    )
    assert "203.0.113.99" not in message.get_content()
    assert "inetnum: 203.0.113.0/24" in lines
    assert "descr: \ufffd[2Jevil" in lines
    assert f"sudo jailctl unban sshd {address}" in lines


def test_a_hostile_name_arrives_harmless(lab):
    lab.write("/etc/jaild/filter.d/door.conf", DOOR)
    configure(lab, more="[door]\nenabled = true\nport = 80\n")
    address = "203.0.113.17"
    told = f"login of {EVIL} failed from {address}"
    lab.run(["systemd-run", "--wait", "--unit=door", "--", "python3", "-c", TELL, told])
    (message,) = arrived(lab)
    assert message["Subject"] == f"[jaild] door: banned {address} from lab"
    assert message["Bcc"] is None
    assert [one.addr_spec for one in message["To"].addresses] == ["admin@example.org"]
    text = message.get_content()
    assert all(char.isprintable() or char in "\r\n" for char in text)
    assert not [line for line in text.splitlines() if line.startswith((".", "~", "From ", ">"))]
    found = [line for line in quoted(message) if "login of" in line]
    assert len(found) == 5
    assert all(f"]: login of {printable(EVIL)} failed from {address}" in line for line in found)
    assert lab.run(["test", "-e", "/tmp/owned"], check=False).returncode
    assert len(mail.messages(lab)) == 1


def test_in_a_digest_all_are_in_one_mail(lab):
    configure(lab, more="mail.digest = 10s")
    attackers = [f"203.0.113.{n}" for n in range(30, 34)]
    lab.attack(attackers, tries=5)
    (message,) = arrived(lab)
    assert message["Subject"] == "[jaild] sshd: banned 4 addresses on lab"
    text = message.get_content()
    for address in attackers:
        assert len(re.findall(rf"Failed password for root from {re.escape(address)} ", text)) == 5


def test_a_mail_server_that_was_away_loses_nothing(lab):
    configure(lab)
    server = lab.run(["sh", "-c", "systemctl is-active -q exim4 && echo exim4 || echo postfix"])
    unit = server.stdout.strip()
    lab.run(["systemctl", "stop", unit])
    attackers = [f"203.0.113.{n}" for n in range(50, 54)]
    for attacker in attackers:
        lab.attack([attacker], tries=5)
        lab.run(["systemctl", "kill", "--signal=KILL", "jaild-notify"])
    lab.wait(lambda: "waits" in lab.journal("-u", "jaild-notify"), 30, "the failure")
    lab.run(["systemctl", "kill", "--signal=KILL", "jaild-notify"])
    lab.run(["systemctl", "start", unit])

    def lines():
        """Return how many log lines of each attacker there are in all mails."""
        texts = "\n".join(message.get_content() for message in mail.messages(lab))
        return [texts.count(f"Failed password for root from {one} port") for one in attackers]

    lab.wait(lambda: all(lines()), 150, "all to be told of")
    assert lines() == [5] * len(attackers)


BANS = 5000
FLOOD = f"for n in range({BANS}): print(f'login of x failed from 198.18.{{n // 250}}.{{n % 250}}')"


def test_a_flood_of_bans_is_told_in_few_mails_and_holds_up_no_ban(lab):
    lab.write("/etc/jaild/filter.d/door.conf", DOOR)
    door = "[door]\nenabled = true\nport = 80\nmaxretry = 1\nmail.digest = 5s\n"
    configure(lab, more=f"mail.limit = 5\n{door}")
    begun = time.monotonic()
    flood = ["systemd-run", "--wait", "--unit=door", "-p", "LogRateLimitIntervalSec=0"]
    lab.run([*flood, "--", "python3", "-c", FLOOD])
    lab.wait(
        lambda: len(json.loads(lab.run(["jailctl", "bans", "--json"]).stdout)) >= BANS,
        60,
        "the bans",
    )
    print(f"{BANS} bans after {time.monotonic() - begun:.1f} s")
    attacker = "203.0.113.60"
    lab.attack([attacker], tries=5)
    lab.wait(lambda: lab.probe(attacker) in {"refused", "timeout"}, 10, "the ban of another")

    def told():
        texts = [message.get_content() for message in mail.messages(lab)]
        return set(re.findall(r"\b198\.18\.\d+\.\d+\b", "\n".join(texts)))

    lab.wait(lambda: len(told()) == BANS, 120, "all to be told of")
    assert len([one for one in mail.messages(lab) if "door" in one["Subject"]]) <= 5
