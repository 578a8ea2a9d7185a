# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module reads the files that lists of addresses name with ``file:``.

Such a file has the same items, one or several a line; ``#`` and ``;`` begin comments.
"""

import gc
import os
import pwd
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from jaild.config import read
from jaild.config.listed import Listed, Parse, path_of, sorted_out
from jaild.config.mistakes import Mistakes
from jaild.core.address import Network
from jaild.core.errors import InvalidConfig, JaildError

MAX_FILE = 8 * 1024**2
MAX_ITEMS = 100_000
# Nobody mends more lines at once.
MAX_MISTAKES = 100
MAX_WORD = 300

_SHOWN = 60
_COMMENT = re.compile(r"[#;]")


class Lists:
    """The list files that a configuration names; each is read once, however many jails name it."""

    def __init__(self, folder: Path) -> None:
        """Take the folder that relative paths start from."""
        self._folder = folder
        self._read: dict[tuple[Path, Parse], Listed | InvalidConfig] = {}
        self._whole: dict[tuple[Listed, Parse], Listed] = {}

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files that have been asked for, whether or not they could be read."""
        return tuple(dict.fromkeys(path for path, _ in self._read))

    def whole(self, written: Listed, parse: Parse) -> Listed:
        """Return a list together with what the files say that it names; ``parse`` as for those.

        Equal lists give the same object. Raises InvalidConfig, with path and line for a mistake in
        a file, without for a file that cannot be read.
        """
        if not written.files:
            return written
        key = written, parse
        if key not in self._whole:
            # All are asked for before one fails, so that it is known which may be mended.
            found = [self._of(file, parse) for file in written.files]
            mistakes = [one for one in found if isinstance(one, InvalidConfig)]
            if mistakes:
                raise mistakes[0]
            lists = [written, *(one for one in found if isinstance(one, Listed))]
            items = (item for one in lists for item in (*one.networks, *one.names))
            self._whole[key] = sorted_out(items)
        return self._whole[key]

    def readable(self, written: Listed, parse: Parse) -> tuple[Network, ...]:
        """Return a list's networks and those of the files that have no mistake."""
        found = [self._of(file, parse) for file in written.files]
        lists = [written, *(one for one in found if isinstance(one, Listed))]
        return tuple(dict.fromkeys(network for one in lists for network in one.networks))

    def _of(self, file: str, parse: Parse) -> Listed | InvalidConfig:
        path = path_of(file, self._folder)
        key = path, parse
        if key not in self._read:
            try:
                with _nothing_collected():
                    self._read[key] = _list(path, parse)
            except OSError as error:
                sentence = f"'{file}' cannot be read: {error.strerror or error}"
                if isinstance(error, PermissionError):
                    sentence += f"; user {_reader()} has to be able to read it"
                self._read[key] = InvalidConfig(sentence, text=file)
            except InvalidConfig as error:
                self._read[key] = error if error.path else _unusable(file, error)
        return self._read[key]


def _reader() -> str:
    """Return who has to be able to read lists: this process if it is one of jaild's."""
    try:
        own = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        own = ""
    return own if own.startswith("jaild") else "jaild"


@contextmanager
def _nothing_collected() -> Iterator[None]:
    # So many new objects, all of them kept, would make the garbage collector half of the work.
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _unusable(file: str, error: InvalidConfig) -> InvalidConfig:
    return InvalidConfig(f"'{file}' cannot be used: {error.message}", hint=error.hint, text=file)


def _list(path: Path, parse: Parse) -> Listed:
    """Return what a list file says; raises OSError and InvalidConfig."""
    text = read.content(path, MAX_FILE).decode("utf-8-sig", errors="replace")
    words = list(islice(_words(text), MAX_ITEMS + 1))
    if len(words) > MAX_ITEMS:
        raise InvalidConfig(f"this file has more than {MAX_ITEMS} entries")
    # A file's name may be any bytes; what is shown on D-Bus is text.
    shown = os.fsencode(path).decode(errors="replace")
    items: list[Network | str] = []
    mistakes: list[InvalidConfig] = []
    for line, word in words:
        try:
            items.append(_item(word, parse))
        except JaildError as error:
            mistakes.append(InvalidConfig(str(error), shown, line, text=word[:_SHOWN]))
            if len(mistakes) >= MAX_MISTAKES:
                break
    if mistakes:
        raise Mistakes(mistakes)
    return sorted_out(items)


def _words(text: str) -> Iterator[tuple[int, str]]:
    """Yield the items of a list file, each with the number of its line."""
    for number, line in enumerate(text.split("\n"), 1):
        for word in _COMMENT.split(line, 1)[0].replace(",", " ").split():
            yield number, word


def _item(word: str, parse: Parse) -> Network | str:
    if len(word) > MAX_WORD:
        raise InvalidConfig(f"'{word[:_SHOWN]}…' is not an address, network or host name")
    if word.startswith("file:"):
        raise InvalidConfig(f"'{word}' stands in a list itself; name it beside this one")
    return parse(word)
