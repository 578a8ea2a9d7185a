# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module gives a lab a mail server, as Debian sets it up for one host, and reads its mail.

exim is set up for local delivery, postfix as "Local only"; mail for example.org stays in the lab. A
root has their packages in apt's cache: each takes the other's place when it is installed.
"""

import email
import email.policy
import json
import shlex
from email.message import EmailMessage

from tests.lab.furnish import MAIL_SERVERS
from tests.lab.lab import Lab

DOMAIN = "example.org"
BOXES = "/var/mail"
_SETTINGS = {
    "exim4": (
        "exim4-config exim4/dc_eximconfig_configtype select local delivery only; not on a network\n"
        f"exim4-config exim4/dc_other_hostnames string lab:{DOMAIN}\n"
    ),
    "postfix": "postfix postfix/main_mailer_type select Local only\n",
}
# exim has no mailbox for root, whose mail is to be somebody's.
_ALIASES = "postmaster: root\nadmin: root\nroot: alice\n"
_WHOIS_UNIT = "lab-whois"
_WHOIS = """\
import socketserver, sys
class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        self.rfile.readline()
        self.wfile.write(sys.argv[2].encode())
socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def install(lab: Lab, server: str) -> None:
    """Install ``exim4`` or ``postfix``; raises LabError if it does not listen."""
    lab.write("/etc/aliases", _ALIASES)
    lab.run(["debconf-set-selections"], input=_SETTINGS[server])
    command = ["apt-get", "install", "--yes", "--no-install-recommends", MAIL_SERVERS[server]]
    lab.run(command, timeout=300)
    lab.run(["newaliases"])
    if server == "postfix":
        # "Local only" does not ask for domains.
        lab.run(["postconf", "-e", f"mydestination = lab, {DOMAIN}, localhost"])
        lab.run(["systemctl", "restart", "postfix"])
    heard = ["ss", "-Hltn", "sport = :25"]
    lab.wait(lambda: "127.0.0.1:25" in lab.run(heard).stdout, 20, f"{server}'s port")


def messages(lab: Lab, user: str = "alice") -> list[EmailMessage]:
    """Return the mails in a user's mailbox, oldest first, as the mail server has put them there."""
    script = (
        "import json, mailbox, sys; box = mailbox.mbox(sys.argv[1], create=False);"
        " print(json.dumps([box.get_bytes(key).decode('latin-1') for key in box.keys()]))"
    )
    path = f"{BOXES}/{user}"
    if lab.run(["test", "-e", path], check=False).returncode:
        return []
    texts = json.loads(lab.run(["python3", "-c", script, path]).stdout)
    parse = email.message_from_bytes
    return [parse(text.encode("latin-1"), policy=email.policy.default) for text in texts]


def clear(lab: Lab) -> None:
    """Empty all mailboxes."""
    lab.run(["sh", "-c", f"rm -f {shlex.quote(BOXES)}/*"])


def answer_whois(lab: Lab, port: int, text: str) -> None:
    """Answer every question to a whois server on the lab's loopback with a text."""
    quiet_about_it(lab)
    command = ["systemd-run", "--quiet", "--collect", f"--unit={_WHOIS_UNIT}", "--"]
    lab.run([*command, "python3", "-c", _WHOIS, str(port), text])
    heard = ["ss", "-Hltn", f"sport = :{port}"]
    lab.wait(lambda: bool(lab.run(heard).stdout), 10, "the whois server")


def quiet_about_it(lab: Lab) -> None:
    """End the whois server, if there is one."""
    lab.run(["systemctl", "stop", _WHOIS_UNIT], check=False)
