# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

from pathlib import Path

import pytest

from jaild.config.load import load
from jaild.config.model import Config
from jaild.config.tree import IN_SOURCE, Tree
from jaild.core.errors import InvalidConfig

MINUTE = 60_000_000


def put(etc: Path, text: str) -> Config:
    (etc / "jaild.local").write_text(text)
    return load(Tree(etc, IN_SOURCE))


def refused(etc: Path, text: str) -> str:
    with pytest.raises(InvalidConfig) as caught:
        put(etc, text)
    return str(caught.value)


def test_settings_of_the_daemon(tmp_path: Path) -> None:
    text = "[Definition]\nloglevel = debug\ndbpurgeage = 1w\nsocket = /x\n[Thread]\nstacksize = 64"
    config = put(tmp_path, text)
    assert (config.daemon.loglevel, config.daemon.dbpurgeage) == ("DEBUG", 10_080 * MINUTE)
    assert [note.line for note in config.notes] == [4, 6]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "[Definition]\nloglevl = INFO\n",
            "'loglevl' in [Definition] is not an option of jaild.conf",
        ),
        ("[Definition]\nloglevel = LOUD\n", "loglevel of [Definition] is 'LOUD'"),
        ("\n[Definitions]\n", "[Definitions] is not a section of jaild.conf (did you mean Def"),
    ],
)
def test_mistakes_in_the_settings(tmp_path: Path, text: str, sentence: str) -> None:
    message = refused(tmp_path, text)
    assert message.startswith(f"{tmp_path}/jaild.local:2: ")
    assert sentence in message
