# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Let fail2ban's own ufw action ban so many addresses one after the other; prints the seconds.

Run by tests.bench.firewall with fail2ban's packages in the path, inside ufw's own namespaces.
"""

import logging
import sys
import time
from pathlib import Path

from fail2ban.client.actionreader import ActionReader
from fail2ban.server.action import CommandAction
from fail2ban.server.jail import Jail

ETC = Path(__file__).parents[3] / "build/peer/etc/fail2ban"


def action():
    """Return fail2ban's ufw action as its own jail sets it."""
    reader = ActionReader("ufw", "sshd", {}, basedir=str(ETC))
    reader.read()
    reader.getOptions(None)
    made = CommandAction(Jail("sshd"), "ufw")
    for command in reader.convert():
        if command[0] == "multi-set":
            for name, value in command[-1]:
                setattr(made, name, value)
    return made


def main():
    logging.disable(logging.CRITICAL)
    made = action()
    begun = time.perf_counter()
    for address in sys.argv[1:]:
        made.ban({"ip": address, "failures": 5, "family": "inet4"})
    print(time.perf_counter() - begun)


if __name__ == "__main__":
    main()
