# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module is the command jailctl: the verbs, on the system bus."""

import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jaild.api.client import Client


def main() -> None:
    """Run jailctl; a person at a terminal may be asked for a password."""
    # While GLib waits for an answer Python notices no Ctrl-C, so the kernel has to end this (130 in
    # a shell); also while the imports go on, which would print a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from jaild.cli.main import run  # noqa: PLC0415

    sys.exit(run(sys.argv[1:], _connect))


def _connect() -> "Client":
    from jaild.api.client import Client  # noqa: PLC0415
    from jaild.dbus.caller import Caller  # noqa: PLC0415

    # There is no standard input at all when it was closed before the start.
    return Client(Caller(interactive=sys.stdin is not None and sys.stdin.isatty()))


if __name__ == "__main__":
    main()
