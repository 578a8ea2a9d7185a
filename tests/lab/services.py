# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module furnishes a root with a web and a mail server, set up as their manuals say.

nginx asks for a password at / and logs to the journal; postfix lets dovecot check the passwords of
those who send mail; dovecot knows the host's own accounts.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.lab.furnish import ALICE, PASSWORDS

PACKAGES = ("nginx", "postfix", "dovecot-imapd")
PORTS = {"http": 80, "smtp": 25, "imap": 143}

# Debian's own configuration names a file; this is the line that the filters' manual asks for.
NGINX_LOG = "error_log syslog:server=unix:/dev/log,nohostname;"
NGINX_SITE = """\
server {
    listen 80 default_server;
    listen [::]:80 default_server;
    root /var/www/html;
    location / {
        auth_basic "members";
        auth_basic_user_file /etc/nginx/htpasswd;
    }
}
"""
POSTFIX = """\
compatibility_level = 3.6
myhostname = lab.example
mydestination = lab.example, localhost
mynetworks = 127.0.0.0/8 [::1]/128
inet_interfaces = all
inet_protocols = all
alias_maps =
# There is no name server to ask.
smtpd_peername_lookup = no
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_sasl_auth_enable = yes
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination
"""
# Attackers need not be slowed down here: PAM waits two seconds, dovecot's penalty grows to 17.
PAM = """\
auth required pam_unix.so nodelay
account required pam_unix.so
"""
DOVECOT = """\
auth_mechanisms = plain login
auth_failure_delay = 0
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service auth {
  unix_listener /var/spool/postfix/private/auth {
    mode = 0660
    user = postfix
    group = postfix
  }
}
"""
# Version 2.4 renamed what allows passwords without TLS.
CLEARTEXT = {"2.3": "disable_plaintext_auth = no\n", "2.4": "auth_allow_cleartext = yes\n"}
FILES = {
    "etc/nginx/htpasswd": f"{ALICE}:{{PLAIN}}{PASSWORDS[ALICE]}\n",
    "etc/nginx/sites-available/default": NGINX_SITE,
    "var/www/html/index.html": "members only\n",
    "etc/postfix/main.cf": POSTFIX,
    "etc/pam.d/dovecot": PAM,
}


def hooks() -> Iterator[str]:
    """Yield mmdebstrap's hooks, in shell, the root being ``$1``."""
    for port in PORTS.values():
        yield f'unshare --net chroot "$1" ufw allow {port}/tcp'
    # dovecot puts its socket there, and may start before postfix makes the directory.
    yield 'chroot "$1" install -d -o postfix -g root -m 0700 /var/spool/postfix/private'


def recipe() -> Iterator[str]:
    """Yield all that decides what furnishing does, for the cache's key."""
    yield from (*PACKAGES, *hooks(), NGINX_LOG, DOVECOT)
    yield from (f"{path}\n{text}" for path, text in FILES.items())
    yield from (f"{version}\n{line}" for version, line in CLEARTEXT.items())


def furnish(root: Path) -> None:
    """Write the servers' configuration into the root."""
    for path, text in FILES.items():
        (root / path).write_text(text)
    settings = root / "etc/nginx/nginx.conf"
    kept = [line for line in settings.read_text().splitlines() if not line.startswith("error_log")]
    settings.write_text("\n".join([NGINX_LOG, *kept, ""]))
    cleartext = CLEARTEXT[dovecot_version(root)]
    (root / "etc/dovecot/local.conf").write_text(DOVECOT + cleartext)


def dovecot_version(root: Path) -> str:
    """Return the version of the root's dovecot, as "2.3"."""
    status = (root / "var/lib/dpkg/status").read_text()
    found = re.search(
        r"^Package: dovecot-core\n(?:.+\n)*?Version: 1:(\d+\.\d+)", status, re.MULTILINE
    )
    return found[1] if found else ""
