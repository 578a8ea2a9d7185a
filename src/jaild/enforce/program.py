# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module runs the firewall's own programs, without a shell and with a time limit."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from jaild.core.errors import FirewallFailed

# On a busy machine, iptables needs half a minute to list 100,000 rules.
TIMEOUT_SECONDS = 120
_WORDS_MAX = 300
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}


def run(
    argv: Sequence[str], *, stdin: IO[bytes] | None = None, accept: Sequence[int] = (0,)
) -> tuple[int, str]:
    """Return exit status and standard output; raises FirewallFailed with the program's words."""
    name = Path(argv[0]).name
    try:
        ended = subprocess.run(
            argv,
            stdin=stdin or subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
            env=_ENVIRONMENT,
            cwd="/",
            check=False,
        )
    except OSError as error:
        raise FirewallFailed(f"{name} cannot be started: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise FirewallFailed(f"{name} did not end within {TIMEOUT_SECONDS} s") from error
    output = ended.stdout.decode(errors="replace")
    if ended.returncode not in accept:
        said = one_line(ended.stderr.decode(errors="replace") or output)
        raise FirewallFailed(f"{name} failed: {said or f'exit status {ended.returncode}'}")
    return ended.returncode, output


def one_line(text: str) -> str:
    """Return a program's words on one line, cut to a sensible length."""
    return " ".join(text.split())[:_WORDS_MAX]
