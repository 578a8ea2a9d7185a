# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module gives a lab a mail server, as Debian sets it up for one host, and reads its mail.

exim is set up for local delivery, postfix as "Local only"; mail for example.org stays in the lab. A
root has their packages in apt's cache: each takes the other's place when it is installed. Besides
there are servers of a few lines, on the lab's loopback: whois, SMTP with TLS and a login, and HTTP.
"""

import base64
import email
import email.policy
import json
import shlex
from email.message import EmailMessage
from pathlib import Path
from tempfile import TemporaryDirectory

from tests import certificate
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
_SMTP_UNIT = "lab-smtp"
_SMTP_FOLDER = "/var/lib/lab-smtp"
# Port, folder, and what AUTH PLAIN has to say; before STARTTLS and that it takes no mail.
_SMTP = """\
import pathlib, socketserver, ssl, sys
folder = pathlib.Path(sys.argv[2])
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
class Handler(socketserver.StreamRequestHandler):
    def say(self, *lines):
        self.wfile.write("".join(line + "\\r\\n" for line in lines).encode())
    def handle(self):
        encrypted = inside = False
        self.say("220 lab")
        while line := self.rfile.readline():
            verb, *words = line.decode().upper().split() or [""]
            if verb == "QUIT":
                self.say("221 bye")
                return
            if verb in ("EHLO", "HELO"):
                inside = False
                self.say("250-lab", "250 AUTH PLAIN" if encrypted else "250 STARTTLS")
            elif verb == "STARTTLS":
                self.say("220 go on")
                secure = context.wrap_socket(self.connection, server_side=True)
                self.rfile, self.wfile = secure.makefile("rb"), secure.makefile("wb", 0)
                encrypted = True
            elif verb == "AUTH":
                inside = encrypted and line.split()[2].decode() == sys.argv[3]
                self.say("235 welcome" if inside else "535 wrong password")
            elif not inside:
                self.say("530 log in first")
            elif verb == "DATA":
                self.say("354 go on")
                data = b"".join(iter(self.rfile.readline, b".\\r\\n"))
                (folder / f"{len(list(folder.glob('*.eml')))}.eml").write_bytes(data)
                self.say("250 taken")
            else:
                self.say("250 ok")
socketserver.TCPServer.allow_reuse_address = True
socketserver.TCPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
_HOOK_UNIT = "lab-hook"
_HOOK_FILE = "/var/lib/lab-hook"
_HOOK = """\
import http.server, json, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        with open(sys.argv[2], "a") as file:
            print(json.dumps([dict(self.headers), body]), file=file, flush=True)
        self.send_response(204)
        self.end_headers()
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
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
    _serve(lab, _WHOIS_UNIT, _WHOIS, port, text)


def take_with_password(lab: Lab, port: int, user: str, password: str) -> None:
    """Take mails at a port of the lab's loopback, from those who encrypt and log in.

    The lab then trusts the server's certificate.
    """
    with TemporaryDirectory() as folder:
        for path in certificate.files(Path(folder)):
            lab.put(path, f"{_SMTP_FOLDER}/{path.name}")
            if path.name == "certificate.pem":
                lab.put(path, "/usr/local/share/ca-certificates/lab.crt")
    lab.run(["update-ca-certificates"])
    secret = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
    _serve(lab, _SMTP_UNIT, _SMTP, port, _SMTP_FOLDER, secret)


def taken(lab: Lab) -> list[EmailMessage]:
    """Return the mails that came in with a password, oldest first."""
    script = (
        "import base64, pathlib, sys;"
        " [print(base64.b64encode(pathlib.Path(sys.argv[1], f'{n}.eml').read_bytes()).decode())"
        " for n in range(len(list(pathlib.Path(sys.argv[1]).glob('*.eml'))))]"
    )
    lines = lab.run(["python3", "-c", script, _SMTP_FOLDER]).stdout.splitlines()
    parse = email.message_from_bytes
    return [parse(base64.b64decode(line), policy=email.policy.default) for line in lines]


def take_posts(lab: Lab, port: int) -> None:
    """Take what is posted to a port of the lab's loopback."""
    lab.run(["touch", _HOOK_FILE])
    _serve(lab, _HOOK_UNIT, _HOOK, port, _HOOK_FILE)


def posts(lab: Lab) -> list[tuple[dict[str, str], str]]:
    """Return headers and body of all that was posted."""
    found = [json.loads(line) for line in lab.run(["cat", _HOOK_FILE]).stdout.splitlines()]
    return [(headers, body) for headers, body in found]


def _serve(lab: Lab, unit: str, script: str, port: int, *arguments: str) -> None:
    lab.run(["systemctl", "stop", unit], check=False)
    command = ["systemd-run", "--quiet", "--collect", f"--unit={unit}", "--"]
    lab.run([*command, "python3", "-c", script, str(port), *arguments])
    heard = ["ss", "-Hltn", f"sport = :{port}"]
    lab.wait(lambda: bool(lab.run(heard).stdout), 10, unit)
