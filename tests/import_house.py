# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fail2ban tree, jaild's own files, and a directory to import into."""

import hashlib
import json
from pathlib import Path

from jaild.cli.main import run
from jaild.config.load import examine
from jaild.config.tree import Tree

# jaild as shipped: two jails, one of them watching.
SHIPPED = {
    "jail.conf": "[DEFAULT]\nbantime = 10m\nmaxretry = 5\nbanaction = ufw\n"
    'action_ = %(banaction)s[port="%(port)s", protocol="%(protocol)s"]\naction = %(action_)s\n'
    "web_log = journal\n[sshd]\nenabled = true\nport = ssh\n[web]\nport = http,https\n",
    "jaild.conf": "[Definition]\nloglevel = INFO\ndbpurgeage = 1d\n",
    "filter.d/sshd.conf": "[Definition]\nfailregex = ^bad <HOST>$\njournalmatch = _UID=0\n",
    "filter.d/web.conf": "[Definition]\nfailregex = ^worse <HOST>$\njournalmatch = _UID=33\n",
    "filter.d/common.conf": "[DEFAULT]\n__prefix_line = \\S+ \\S+: \n",
}
# fail2ban as shipped: jails that jaild knows and one that it lacks.
STOCK = {
    "jail.conf": "[INCLUDES]\nbefore = paths-debian.conf\n"
    "[DEFAULT]\nbantime = 10m\nmaxretry = 5\nbackend = auto\nbanaction = iptables-multiport\n"
    'action_ = %(banaction)s[name=%(__name__)s, port="%(port)s"]\naction = %(action_)s\n'
    "[sshd]\nport = ssh\nlogpath = %(sshd_log)s\n"
    "[web]\nport = http,https\nlogpath = %(web_log)s\n"
    "[squid]\nport = 3128\nmaxretry = 7\nlogpath = /var/log/squid.log\n",
    "paths-debian.conf": "[DEFAULT]\nsshd_log = /var/log/auth.log\nweb_log = /var/log/web\n",
    "fail2ban.conf": "[Definition]\nloglevel = INFO\nlogtarget = /var/log/fail2ban.log\n",
    "filter.d/sshd.conf": "[Definition]\nfailregex = ^x <HOST>$\n",
    "filter.d/common.conf": "[DEFAULT]\n__prefix_line = .*\n",
    "filter.d/squid.conf": "[INCLUDES]\nbefore = apache-common.conf\n[Definition]\n"
    "failregex = ^%(_part)s <HOST>$\njournalmatch = _SYSTEMD_UNIT=squid.service\n",
    "filter.d/apache-common.conf": "[INCLUDES]\nbefore = common.conf\n[DEFAULT]\n_part = denied\n",
    "action.d/iptables-multiport.conf": "[Definition]\nactionban = x\n",
    "jail.d/defaults-debian.conf": "[sshd]\nenabled = true\n",
}


def put(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


class House:
    """A fail2ban tree, jaild's own files, and the directory to write into."""

    def __init__(self, root: Path, capsys) -> None:
        self.source, self.into, self.shipped = root / "f2b", root / "etc", root / "shipped"
        put(self.source, STOCK)
        put(self.shipped, SHIPPED)
        self._capsys = capsys

    def run(self, *words: str) -> tuple[int, str, str]:
        places = ("--into", str(self.into), "--shipped", str(self.shipped))
        try:
            status = run(["import", str(self.source), *places, *words], None)
        except SystemExit as end:
            status = end.code
        out, err = self._capsys.readouterr()
        return status, out, err

    def after(self, files: dict[str, str], *words: str) -> dict:
        put(self.source, files)
        status, out, err = self.run("--json", *words)
        assert (status, err) == (0, "")
        found = json.loads(out)
        found["files"] = {
            str(Path(file["path"]).relative_to(self.into)): file["content"]
            for file in found["files"]
        }
        return found

    def is_sound(self) -> bool:
        return not examine(Tree(self.into, self.shipped)).mistakes


def checksums() -> dict[str, str]:
    """What the package of fail2ban would say of STOCK."""
    return {
        f"/etc/fail2ban/{name}": hashlib.md5(text.encode()).hexdigest()
        for name, text in STOCK.items()
    }
