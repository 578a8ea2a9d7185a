# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module guesses passwords of web and mail servers; it runs in the attackers' network.

Arguments: protocol (http, smtp or imap), port, how often each source guesses. Standard input: on
the first line user and password as JSON, then "SOURCE TARGET" on each. Each line of output is
"SOURCE NUMBER denied|accepted|refused|timeout|closed", number counted from 1.
"""

import base64
import errno
import http.client
import imaplib
import json
import smtplib
import socket
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

SECONDS = 20
# What a rejected connection looks like: a reset, or one of the unreachable answers.
REFUSALS = (errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES, errno.EPERM)
CUT = (ConnectionResetError, BrokenPipeError, http.client.HTTPException,
       smtplib.SMTPServerDisconnected, imaplib.IMAP4.abort)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Guess:
    """One attempt to log in."""

    source: str
    target: str
    port: int
    user: str
    password: str

    def connect(self) -> socket.socket:
        """Open a connection from the source."""
        return socket.create_connection(
            (self.target, self.port), SECONDS, source_address=(self.source, 0)
        )


def web(guess: Guess) -> bool:
    """Ask for a page that needs a password; tell whether it was given."""
    pair = base64.b64encode(f"{guess.user}:{guess.password}".encode()).decode()
    wire = http.client.HTTPConnection(
        guess.target, guess.port, SECONDS, source_address=(guess.source, 0)
    )
    try:
        wire.request("GET", "/", headers={"Authorization": f"Basic {pair}"})
        return wire.getresponse().status == http.HTTPStatus.OK
    finally:
        wire.close()


def submission(guess: Guess) -> bool:
    """Log in to send mail; tell whether that was allowed."""
    with smtplib.SMTP(
        guess.target, guess.port, "client.example", SECONDS, source_address=(guess.source, 0)
    ) as wire:
        wire.ehlo()
        wire.user, wire.password = guess.user, guess.password
        try:
            # Not login(): that tries each mechanism, and one attempt would be two.
            wire.auth("PLAIN", wire.auth_plain)
        except smtplib.SMTPAuthenticationError:
            return False
        return True


class Mailbox(imaplib.IMAP4):
    """IMAP from an address of one's choice."""

    def __init__(self, guess: Guess) -> None:
        self._guess = guess
        super().__init__(guess.target, guess.port, SECONDS)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        return self._guess.connect()


def mailbox(guess: Guess) -> bool:
    """Log in to read mail; tell whether that was allowed."""
    with Mailbox(guess) as wire:
        try:
            # imaplib quotes the password only.
            quoted = guess.user.replace("\\", "\\\\").replace('"', '\\"')
            wire.login(f'"{quoted}"', guess.password)
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error:
            return False
        return True


PROTOCOLS: dict[str, Callable[[Guess], bool]] = {
    "http": web, "smtp": submission, "imap": mailbox,
}  # fmt: skip


def outcome(log_in: Callable[[Guess], bool], guess: Guess) -> str:
    """Make one attempt and return what became of it."""
    try:
        return "accepted" if log_in(guess) else "denied"
    except TimeoutError:
        return "timeout"
    except CUT:
        return "closed"
    except OSError as error:
        if error.errno in REFUSALS:
            return "refused"
        raise


def main() -> None:
    """Guess from every source given, all at once, one attempt after the other from each."""
    protocol, port, tries = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    user, password = json.loads(sys.stdin.readline())
    guesses = [Guess(*line.split(), port, user, password) for line in sys.stdin]

    def siege(guess: Guess) -> list[str]:
        return [
            f"{guess.source} {number} {outcome(PROTOCOLS[protocol], guess)}\n"
            for number in range(1, tries + 1)
        ]

    with ThreadPoolExecutor(64) as pool:
        for lines in pool.map(siege, guesses):
            sys.stdout.writelines(lines)


if __name__ == "__main__":
    main()
