# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The mail that the guide promises: real attacks, a real mail server, a real mailbox."""

import hashlib
import hmac
import json
import re
import time

import pytest

from jaild.core.text import printable
from tests.lab import mail
from tests.lab.lab import Lab
from tests.manual import PAGES

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

DROP_IN = "/etc/systemd/system/jaild-notify.service.d/lab.conf"

# One of the two in each, as both have both.
SERVERS = {"bookworm": "exim4", "trixie": "postfix"}


@pytest.fixture(scope="module")
def house(suite, deb):
    """A lab with jaild and a mail server, set up as the guide says."""
    with Lab.up(suite, deb=deb) as lab:
        mail.install(lab, SERVERS[suite])
        mail.answer_whois(lab, WHOIS_PORT, WHOIS)
        settle(lab)
        lab.write("/etc/jaild/jail.d/ssh.local", SSHD)
        configure(lab)
        yield lab


def settle(lab, *more):
    """Set what is the notifier's own."""
    lines = ("[Definition]", f"whois.server = 127.0.0.1:{WHOIS_PORT}", *more, "")
    lab.write("/etc/jaild/jaild.local", "\n".join(lines))


def add_to_unit(lab, text):
    """Write a drop-in of the notifier's unit, "" for none, and restart it."""
    lab.write(DROP_IN, text)
    lab.run(["systemctl", "daemon-reload"])
    lab.run(["systemctl", "restart", "jaild-notify"])


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
    yield house
    settle(house)
    if house.run(["test", "-s", DROP_IN], check=False).returncode == 0:
        add_to_unit(house, "")


def server_of(lab):
    """The name of the mail server that is installed."""
    said = lab.run(["sh", "-c", "systemctl is-active -q exim4 && echo exim4 || echo postfix"])
    return said.stdout.strip()


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
    unit = server_of(lab)
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


def test_bans_that_are_put_in_force_again_are_not_told_again(lab):
    configure(lab)
    attacker = "203.0.113.70"

    def told(address):
        return sum(f"banned {address} " in one["Subject"] for one in mail.messages(lab))

    lab.attack([attacker], tries=5)
    lab.wait(lambda: told(attacker), 30, "the mail")
    mail.clear(lab)
    lab.run(["systemctl", "restart", "jaild", "jaild-enforcer", "jaild-notify"])
    lab.wait(lambda: lab.probe(attacker) in {"refused", "timeout"}, 20, "the ban")
    # One that comes later is told, and no other.
    lab.attack(["203.0.113.71"], tries=5)
    lab.wait(lambda: told("203.0.113.71"), 30, "the other mail")
    time.sleep(2)
    assert (told(attacker), told("203.0.113.71")) == (0, 1)


def test_a_start_and_a_stop_are_told_if_asked_for(lab):
    configure(lab, more="mail.startstop = yes")
    lab.run(["jailctl", "stop", "sshd"])
    lab.run(["jailctl", "start", "sshd"])
    arrived(lab, 2)
    lab.run(["systemctl", "restart", "jaild"])

    def found():
        subjects = (one["Subject"] for one in mail.messages(lab))
        return sorted(subject for subject in subjects if " sshd: " in subject)

    lab.wait(lambda: len(found()) == 4, 30, "four mails")
    expected = ["watches no more"] * 2 + ["watches"] * 2
    assert found() == [f"[jaild] sshd: {state} on lab" for state in expected]


SMTP_PORT = 4587
USER, PASSWORD = "alerts", "correct-horse-mail"


def said_by(lab, *command, works=True):
    """What a command prints, its lines joined."""
    done = lab.run(command, check=False)
    assert (done.returncode == 0) == works, done
    return " ".join(f"{done.stdout} {done.stderr}".split())


def credential(lab, name, text):
    """Give the notifier a credential, as the manual says."""
    lab.write(f"/etc/jaild/{name}", f"{text}\n")
    lab.run(["chmod", "600", f"/etc/jaild/{name}"])
    add_to_unit(lab, f"[Service]\nLoadCredential={name}:/etc/jaild/{name}\n")


def test_a_server_that_wants_a_password(lab):
    mail.take_with_password(lab, SMTP_PORT, USER, PASSWORD)
    settle(lab, "smtp.server = localhost", f"smtp.port = {SMTP_PORT}", f"smtp.user = {USER}")
    credential(lab, "smtp-password", PASSWORD)
    configure(lab, mta="smtp")
    assert "it answers as lab, encrypted" in said_by(lab, "jailctl", "check", "--reach")
    said = lab.run(["jailctl", "notify", "test", "sshd"]).stdout.splitlines()
    assert said[-1] == "delivered"
    assert any(line.endswith("(mta = smtp): handed over") for line in said)
    (sample,) = mail.taken(lab)
    assert sample["Subject"] == "[jaild] sshd: test from lab"
    lab.attack(["203.0.113.80"], tries=5)
    lab.wait(lambda: len(mail.taken(lab)) == 2, 30, "the mail")
    assert mail.taken(lab)[1]["Subject"] == "[jaild] sshd: banned 203.0.113.80 from lab"
    # Nobody else may read it, and what is wrong with it is said.
    read = ["runuser", "-u", "jaild", "--", "cat", "/etc/jaild/smtp-password"]
    assert lab.run(read, check=False).returncode
    credential(lab, "smtp-password", "not-this-one")
    failed = lab.run(["jailctl", "notify", "test", "sshd"], check=False)
    assert failed.returncode == 1
    assert "535 wrong password" in failed.stdout
    assert "not-this-one" not in failed.stdout + lab.journal("-u", "jaild-notify")
    assert len(mail.taken(lab)) == 2


def test_the_mail_servers_own_program_cannot_work_in_the_sandbox(lab):
    configure(lab, mta="sendmail")
    path = lab.run(["systemctl", "show", "-P", "FragmentPath", "jaild-notify"]).stdout.strip()
    dropped = (
        "Type",
        "NotifyAccess",
        "BusName",
        "Exec",
        "Restart",
        "Watchdog",
        "StateDir",
        "Timeout",
    )
    kept = [
        line
        for line in lab.run(["cat", path]).stdout.partition("[Install]")[0].splitlines()
        if not line.startswith(dropped)
    ]
    # Within [Service], which is the last section.
    kept += [
        "Type=oneshot",
        "TimeoutStartSec=20s",
        "StandardInput=data",
        "StandardInputText=Subject: from the sandbox",
        "ExecStart=/usr/sbin/sendmail -i -f jaild@example.org -- admin@example.org",
    ]
    lab.write("/run/systemd/system/lab-sendmail.service", "\n".join([*kept, ""]))
    lab.run(["systemctl", "daemon-reload"])
    assert lab.run(["systemctl", "start", "lab-sendmail"], check=False).returncode
    time.sleep(2)
    assert mail.messages(lab) == []
    # That is known, and where mails go instead.
    instead = "in place of /usr/sbin/sendmail, which cannot work in a sandbox"
    assert instead in said_by(lab, "jailctl", "check", "--reach")
    assert said_by(lab, "jailctl", "notify", "test", "sshd").endswith("delivered")
    arrived(lab)
    unit = server_of(lab)
    lab.run(["systemctl", "stop", unit])
    try:
        doubts = "needs rights that jaild-notify.service does not give"
        assert doubts in said_by(lab, "jailctl", "check")
        assert instead in said_by(lab, "jailctl", "check", "--reach", works=False)
        assert "failed" in said_by(lab, "jailctl", "notify", "test", "sshd", works=False)
    finally:
        lab.run(["systemctl", "start", unit])


def test_the_manuals_drop_in_closes_the_network_and_mail_arrives(lab):
    text = (PAGES / "jaild.conf.5.scd").read_text()
    (drop_in,) = re.findall(r"^```\n(\[Service\]\nIPAddressDeny=.*?)^```$", text, re.M | re.S)
    add_to_unit(lab, drop_in)
    configure(lab)
    address = "203.0.113.90"
    lab.attack([address], tries=5)
    (message,) = arrived(lab)
    assert message["Subject"] == f"[jaild] sshd: banned {address} from lab"
    assert "inetnum: 203.0.113.0/24" in quoted(message)
    script = "import socket; socket.create_connection(('127.0.0.1', 22), 5)"
    command = ["systemd-run", "--wait", "--quiet", "-p", "IPAddressDeny=any", "--"]
    filtered = lab.run([*command, "python3", "-c", script], check=False).returncode != 0
    print("IPAddressDeny= filters here" if filtered else "IPAddressDeny= does nothing here")


HOOK_PORT = 4580
SECRET = "hook-secret"


def test_a_signed_request_over_a_kill(lab):
    settle(lab, f"webhook.url = http://127.0.0.1:{HOOK_PORT}/hooks/T0KEN-of-the-lab")
    credential(lab, "webhook-secret", SECRET)
    configure(lab)
    attackers = [f"203.0.113.{n}" for n in range(95, 98)]
    for attacker in attackers:
        # Nobody listens yet.
        lab.attack([attacker], tries=5)
        lab.run(["systemctl", "kill", "--signal=KILL", "jaild-notify"])
    waits = "webhook at 127.0.0.1 cannot be reached"
    lab.wait(lambda: waits in lab.journal("-u", "jaild-notify"), 30, "the failure")
    mail.take_posts(lab, HOOK_PORT)
    lab.run(["systemctl", "kill", "--signal=KILL", "jaild-notify"])

    def bans():
        return [ban for _, body in mail.posts(lab) for ban in json.loads(body)["bans"]]

    lab.wait(lambda: {ban["address"] for ban in bans()} >= set(attackers), 150, "the requests")
    # An object may come twice, a ban has one id.
    assert len({ban["id"] for ban in bans()}) == len({ban["address"] for ban in bans()}) == 3
    for headers, body in mail.posts(lab):
        signed = headers["X-Jaild-Timestamp"].encode() + b"." + body.encode()
        made = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
        assert headers["X-Jaild-Signature"] == f"sha256={made}"
    assert "T0KEN" not in lab.journal("-u", "jaild-notify")
