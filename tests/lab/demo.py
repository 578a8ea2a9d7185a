# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module tells jaild's story on a real host: attack, ban, unban, each step checked."""

import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.lab import furnish, net
from tests.lab.attack import Attempt, Login, Outcome
from tests.lab.lab import Lab
from tests.lab.place import REPOSITORY, LabError

ATTACKER = "198.51.100.7"
BYSTANDER = "203.0.113.20"
# One less than the shipped maxretry.
FIRST = (ATTACKER,) * 4
EVIDENCE = "JAILD_ADDRESS,JAILD_FAILURES,JAILD_CURSORS"
MOST_TRIES = 12
UNBAN = ("busctl", "call", "org.jaild1", "/org/jaild1", "org.jaild1.Manager", "Unban", "ss", "sshd")


class DemoError(Exception):
    """Something that the story promises did not happen; its text is one sentence for a person."""


@dataclass(frozen=True, slots=True)
class Narrator:
    """The voice on the terminal, in colour where somebody looks."""

    coloured: bool

    def section(self, text: str) -> None:
        """Begin a part of the story."""
        self._print(f"\n{self._paint('1;36', text)}")

    def tell(self, text: str) -> None:
        """Say a sentence."""
        self._print(f"  {text}")

    def show(self, command: str, output: str) -> None:
        """Show a command and what it printed."""
        self._print(f"  {self._paint('1', '$ ' + command)}")
        for line in output.rstrip().splitlines():
            self._print(f"    {line}")

    def attempt(self, attempt: Attempt) -> None:
        """Show one attempt to log in."""
        colour = "32" if attempt.outcome in {Outcome.REFUSED, Outcome.ACCEPTED} else "33"
        outcome = self._paint(colour, attempt.outcome)
        self._print(f"    {attempt.at:%H:%M:%S}  ssh from {attempt.source:<16} {outcome}")

    def _paint(self, colour: str, text: str) -> str:
        return f"\033[{colour}m{text}\033[0m" if self.coloured else text

    def _print(self, text: str) -> None:
        print(text, flush=True)


@dataclass(frozen=True, slots=True)
class Story:
    """The lab it happens in and the voice that tells it."""

    lab: Lab
    voice: Narrator

    def tell(self) -> None:
        """Tell the story; raises DemoError at the first thing that does not happen."""
        begun = f"@{int(time.time())}"
        self.lab.wait(self._is_active, 20, "jaild's start")
        self.voice.show("systemctl is-active jaild.service", "active")
        self._attack()
        self._evidence(begun)
        self._firewall()
        self._unban()

    def _is_active(self) -> bool:
        return not self.lab.run(["systemctl", "is-active", "jaild.service"], check=False).returncode

    def _attack(self) -> None:
        self.voice.section(f"{ATTACKER} guesses root's password, {BYSTANDER} mistypes it once")
        # The first guesses at once, as attackers do: sshd and PAM let each one wait for seconds.
        seen = list(self.lab.attack([*FIRST, BYSTANDER], 1, told=self.voice.attempt))
        while len(seen) < MOST_TRIES and not any(one.outcome == Outcome.REFUSED for one in seen):
            seen += self.lab.attack([ATTACKER], 1, told=self.voice.attempt)
        reached = all(one.outcome == Outcome.DENIED for one in seen[: len(FIRST) + 1])
        expect(reached, "the first attempts did not reach sshd")
        expect(seen[-1].outcome == Outcome.REFUSED, f"{ATTACKER} was never shut out")

    def _evidence(self, begun: str) -> None:
        self.voice.section("What sshd wrote into the journal")
        said = self._show(
            "journalctl", "--no-pager", "-u", "ssh", "--since", begun, "-g", "^Failed"
        )
        expect(ATTACKER in said, "sshd's lines about the attack are not in the journal")

        self.voice.section("What jaild made of it")
        bans = self._show("jailctl", "bans")
        expect(ATTACKER in bans, f"jailctl bans does not list {ATTACKER}")
        expect(BYSTANDER not in bans, f"{BYSTANDER} was banned for one mistake")
        expect(ATTACKER in self._show("jailctl", "status", "sshd"), "jailctl status lacks the ban")
        record = self._show("journalctl", "--no-pager", "-u", "jaild", "--since", begun)
        expect(ATTACKER in record, "jaild's record of the ban is not in the journal")
        evidence = self._show(
            *("journalctl", "--no-pager", "--output=verbose", f"--output-fields={EVIDENCE}"),
            f"JAILD_ADDRESS={ATTACKER}",
        )
        expect("JAILD_CURSORS=" in evidence, "the record does not point to sshd's entries")

    def _firewall(self) -> None:
        self.voice.section("What ufw does now")
        expect(ATTACKER in self._show("ufw", "status"), "the ban is not in ufw")
        for source, outcome in ((ATTACKER, "refused"), (BYSTANDER, "open")):
            found = self.lab.probe(source)
            self.voice.tell(f"a connection from {source} to {net.HOST_V4} port 22: {found}")
            expect(found == outcome, f"a connection from {source} is {found}, not {outcome}")

    def _unban(self) -> None:
        self.voice.section("The administrator lets the address in again, over D-Bus")
        answer = self._show(*UNBAN, ATTACKER)
        expect(answer.strip() == "u 1", f"Unban answered '{answer.strip()}', not 'u 1'")
        login = Login(furnish.ALICE, furnish.PASSWORDS[furnish.ALICE])
        (attempt,) = self.lab.attack([ATTACKER], 1, login, told=self.voice.attempt)
        expect(attempt.outcome == Outcome.ACCEPTED, f"{ATTACKER} still cannot log in")
        self.voice.tell(f"{furnish.ALICE} has logged in from {ATTACKER} with the right password.")

    def _show(self, *command: str) -> str:
        output = self.lab.run(command).stdout
        self.voice.show(" ".join(command), output)
        return output


def expect(fact: object, otherwise: str) -> None:
    """Raise DemoError with the sentence unless the fact holds."""
    if not fact:
        raise DemoError(otherwise)


def package() -> Path:
    """Return the newest package in build/; raises DemoError if there is none."""
    found = sorted(
        (REPOSITORY / "build").glob("jaild_*_all.deb"), key=lambda path: path.stat().st_mtime
    )
    expect(found, "there is no build/jaild_*_all.deb: run 'make deb' first")
    return found[-1]


def play(voice: Narrator) -> None:
    """Set the stage, tell the story and clear the stage."""
    begun = time.monotonic()
    voice.section("A throw-away Debian with systemd, sshd and ufw")
    with Lab.up("bookworm", deb=package(), tell=voice.tell) as lab:
        booted = time.monotonic() - begun
        voice.tell(f"booted, {package().name} installed with apt: {booted:.1f} s")
        Story(lab, voice).tell()
    voice.section(f"All of it happened, in {time.monotonic() - begun:.1f} s. Nothing is left.")


def main() -> int:
    """Play the demo; return an exit status."""
    # A termination unwinds like an interrupt, so that the lab is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        play(Narrator(sys.stdout.isatty() and "NO_COLOR" not in os.environ))
    except (DemoError, LabError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


if __name__ == "__main__":
    sys.exit(main())
