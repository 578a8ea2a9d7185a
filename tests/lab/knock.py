# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module tells whether sources can open a TCP connection; it runs in the attackers' network.

Arguments: port, seconds to wait. Each line of standard input is "SOURCE TARGET"; each line of
output "SOURCE open|refused|timeout".
"""

import errno
import socket
import sys
from concurrent.futures import ThreadPoolExecutor

# What a rejected connection looks like: a reset, or one of the unreachable answers.
REFUSALS = (errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES, errno.EPERM)


def knock(source: str, target: str, port: int, seconds: float) -> str:
    """Try one connection and return what became of it."""
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as wire:
        wire.settimeout(seconds)
        wire.bind((source, 0))
        try:
            wire.connect((target, port))
        except TimeoutError:
            return "timeout"
        except OSError as error:
            if error.errno in REFUSALS:
                return "refused"
            raise
        return "open"


def main() -> None:
    """Knock from every source given."""
    port, seconds = int(sys.argv[1]), float(sys.argv[2])
    pairs = [line.split() for line in sys.stdin]
    with ThreadPoolExecutor(64) as pool:
        tasks = [pool.submit(knock, source, target, port, seconds) for source, target in pairs]
        for (source, _), task in zip(pairs, tasks, strict=True):
            sys.stdout.write(f"{source} {task.result()}\n")


if __name__ == "__main__":
    main()
