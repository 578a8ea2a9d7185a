# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module knows whether the kernel's chains still are what a rules file says, without listing.

Listing takes the kernel longer the more rules there are, much longer than in proportion. But it
counts every change of its rules, whoever makes it: while that number stays, and the file too, what
was true of both still is. It does not count the rules of iptables of the old kind, and its number
then stays for ever. So the number is believed once it was seen to count a change of our own.
"""

from collections.abc import Callable, Mapping

from jaild.enforce.netfilter import Question
from jaild.enforce.rules_file import Stamp

_GENERATION = Question(kind=16, answer=15, number=1)


def read() -> int | None:
    """Return the number of the kernel's present rules; None if it does not tell."""
    return _GENERATION.ask()


def parse(data: bytes) -> int | None:
    """Return the number in the kernel's answer; None if there is none."""
    return _GENERATION.parse(data)


class Agreement:
    """Which families' chains agree with which version of their file."""

    def __init__(self, generation: Callable[[], int | None] = read) -> None:
        self._read = generation
        self._generation: int | None = None
        self._is_disturbed = False
        self._counted: set[int] = set()
        self._loaded: set[int] = set()
        self._equal: dict[int, Stamp] = {}
        self._complete: dict[int, Stamp] = {}

    def begin(self) -> None:
        """Begin to look at the kernel, and perhaps to change it."""
        self.refresh()
        self._is_disturbed = False

    def refresh(self) -> None:
        """Look whether anybody else changed the kernel's rules: then nothing is known any more."""
        now = self._read()
        self._loaded.clear()
        if now is None or now != self._generation:
            self._forget()
            self._is_disturbed = True
        self._generation = now

    def load(self, family: int, load: Callable[[], None]) -> bool:
        """Change a family's chains; return whether nobody else changed anything meanwhile."""
        before = self._generation
        load()
        self._generation = self._read()
        self._equal.pop(family, None)
        self._complete.pop(family, None)
        if before is None or self._generation != before + 1:
            self._forget()
            self._is_disturbed = True
            self._counted.discard(family)
            return False
        self._counted.add(family)
        self._loaded.add(family)
        return True

    def left(self) -> int | None:
        """Return the number that we have left; None if others may have changed things as well."""
        return None if self._is_disturbed else self._generation

    def is_counted(self, family: int) -> bool:
        """Return whether the kernel has counted our last change of a family: nf_tables has it."""
        return family in self._counted

    def settle(self, stamps: Mapping[int, Stamp | None]) -> None:
        """Take that the files are in place whose rules have been loaded since refresh()."""
        for family in self._loaded:
            stamp = stamps.get(family)
            if stamp is not None:
                self._equal[family] = stamp
        self._loaded.clear()

    def seen(self, family: int, stamp: Stamp | None) -> None:
        """Take that a list of the chains has just had all rules of jaild's of this version."""
        if stamp is not None and family in self._counted:
            self._complete[family] = stamp

    def is_equal(self, family: int, stamp: Stamp | None) -> bool:
        """Return whether the family's chains are exactly those of this version of its file."""
        return stamp is not None and self._equal.get(family) == stamp

    def is_complete(self, family: int, stamp: Stamp | None) -> bool:
        """Return whether the family's chains have all rules of jaild's in this version."""
        is_complete = stamp is not None and self._complete.get(family) == stamp
        return is_complete or self.is_equal(family, stamp)

    def _forget(self) -> None:
        self._loaded.clear()
        self._equal.clear()
        self._complete.clear()
