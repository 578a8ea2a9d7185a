# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module hands mails to the program sendmail, which every mail server of Debian's has.

Recipients are arguments and are not looked for in the mail; no shell is involved.
"""

import os
import signal
import subprocess
import tempfile
from contextlib import suppress
from email.message import EmailMessage
from pathlib import Path

from jaild.config.mail_doubts import SENDMAIL, needs_rights
from jaild.config.model import MailConfig
from jaild.core.text import printable
from jaild.notify.model import DeliveryFailed

SECONDS = 60.0
# How long it is waited for after it was killed.
KILLED_SECONDS = 10.0

# sysexits.h: the mail or its recipients are at fault.
_PERMANENT = {os.EX_DATAERR, os.EX_NOUSER, os.EX_NOHOST}
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
_LONGEST = 300


def hindrance(*, is_sandboxed: bool) -> str:
    """Return why the program cannot work in a sandbox, "" if it can or is not there.

    Under NoNewPrivileges=yes it does not get the rights of its owner: exim then fails, and postfix
    waits for ever. So it is not even tried.
    """
    if not (is_sandboxed and needs_rights()):
        return ""
    return (
        f"{SENDMAIL} needs rights that it does not get in the sandbox of jaild-notify.service,"
        " see MAIL in jail.conf(5)"
    )


class Sendmail:
    """Runs the program for each mail."""

    def __init__(
        self, mail: MailConfig, program: Path = SENDMAIL, seconds: float = SECONDS
    ) -> None:
        """Take sender and recipients from the jail's mail."""
        self._argv = [str(program), "-i", "-f", mail.sender, "--", *mail.to]
        self._name = str(program)
        self._seconds = seconds

    def send(self, message: EmailMessage) -> None:
        """Hand a mail over; raises DeliveryFailed."""
        data = message.as_bytes(policy=message.policy.clone(linesep="\n"))
        # Files, not pipes: a server that goes on delivering may keep what it was given open.
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as said:
            given.write(data)
            given.seek(0)
            try:
                process = subprocess.Popen(
                    self._argv, stdin=given, stdout=said, stderr=said, cwd="/",
                    env=_ENVIRONMENT, start_new_session=True,
                )  # fmt: skip
            except OSError as error:
                raise DeliveryFailed(f"{self._name} cannot be run: {error.strerror}") from error
            status = self._wait(process)
            said.seek(0)
            words = said.read(4 * _LONGEST).decode(errors="replace")
        if status != os.EX_OK:
            raise DeliveryFailed(
                self._failure(status, words),
                permanent=status in _PERMANENT,
                content=status == os.EX_DATAERR,
            )

    def _wait(self, process: "subprocess.Popen[bytes]") -> int:
        try:
            return process.wait(self._seconds)
        except subprocess.TimeoutExpired:
            text = f"{self._name} did not end within {self._seconds:g} s and {_kill(process)}"
            raise DeliveryFailed(text) from None

    def _failure(self, status: int, words: str) -> str:
        how = f"exit status {status}" if status > 0 else f"signal {-status}"
        said = printable(" ".join(words.split()))[:_LONGEST]
        return f"{self._name} failed: {how}" + (f", {said}" if said else "")


def _kill(process: "subprocess.Popen[bytes]") -> str:
    """Kill a program and all that it has started; return what became of it."""
    with suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    try:
        process.wait(KILLED_SECONDS)
    except subprocess.TimeoutExpired:
        # One with a set-user-ID bit is somebody else's, who alone may kill it.
        return "could not be killed"
    return "was killed"
