# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from jaild.config import read
from jaild.config.interpolate import MAX_TEXT, Interpolation
from jaild.config.layers import Layers
from jaild.core.errors import InvalidConfig


def resolve(*files: str, section: str = "sshd", option: str = "x", **known: str) -> str:
    layers = Layers()
    for number, text in enumerate(files):
        layers.add(read.parse(text.encode(), f"{number}.conf"))
    value = layers.get(section, option)
    assert value
    return Interpolation(layers, {"built-in": "100%"}, known).resolve(section, value)


def test_own_option_before_default() -> None:
    text = "[DEFAULT]\nx = %(y)s-%(z)s\ny = 1\nz = 2\n[sshd]\nz = 3\n"
    assert resolve(text) == "1-3"


def test_default_even_if_overridden() -> None:
    assert resolve("[DEFAULT]\ny = 1\n[sshd]\ny = 2\nx = %(default/y)s%(y)s\n") == "12"


def test_other_section() -> None:
    text = (
        "[DEFAULT]\nd = 9\n[nginx]\ny = %(z)s\nz = 1\n[sshd]\nz = 2\nx = %(nginx/y)s%(nginx/d)s\n"
    )
    assert resolve(text) == "19"


def test_name_percent_and_case() -> None:
    assert resolve("[sshd]\nFoo = a\nx = %(__name__)s %% %(FOO)s %%(y)s") == "sshd % a %(y)s"


def test_built_in_is_taken_literally() -> None:
    assert resolve("[sshd]\nx = %(built-in)s") == "100%"


def test_known_is_the_value_of_the_files_before() -> None:
    files = [
        "[sshd]\nx = 1\n",
        "[sshd]\nx = %(known/x)s 2\n",
        "[sshd]\nx = 0\nx = %(known/x)s 3\n",
    ]
    assert resolve(*files) == "1 2 3"


def test_known_falls_back_to_the_filter_and_to_default() -> None:
    assert resolve("[sshd]\nx = %(known/x)s b", x="a") == "a b"
    assert resolve("[DEFAULT]\nx = a\n[sshd]\nx = %(known/x)s b") == "a b"


def mistake(text: str) -> str:
    with pytest.raises(InvalidConfig) as caught:
        resolve(text)
    return str(caught.value)


def test_unset_option_is_reported_where_it_is_named() -> None:
    text = "[DEFAULT]\ny = %(nothing)s\n[sshd]\nx = %(y)s\n"
    assert mistake(text) == "0.conf:2: %(nothing)s names an option that is not set anywhere"
    assert "%(s/y)s" in mistake("[sshd]\nx = %(s/y)s")
    assert "%(known/x)s" in mistake("[sshd]\nx = %(known/x)s")


@pytest.mark.parametrize("text", ["5%", "%d", "%(y)", "%()s", "%(a%(y)s)s", "%(y"])
def test_lone_percent_is_refused(text: str) -> None:
    assert "percent sign" in mistake(f"[sshd]\ny = 1\nx = {text}")


@pytest.mark.parametrize("y", ["%(x)s", "%(y)s", "%(sshd/x)s", "%(default/z)s"])
def test_circle_is_refused(y: str) -> None:
    assert "circle" in mistake(f"[DEFAULT]\nz = %(y)s\n[sshd]\nx = %(y)s\ny = {y}")


def test_bombs_are_refused() -> None:
    steps = "".join(f"x{n} = %(x{n + 1})s%(x{n + 1})s\n" for n in range(24))
    assert "too many" in mistake(f"[sshd]\nx = %(x0)s\n{steps}x24 =\n")
    assert "64 KiB" in mistake(f"[sshd]\nx = %(x0)s\n{steps}x24 = {'a' * 1000}\n")
    assert "64 KiB" in mistake(f"[sshd]\nx = {'a' * (MAX_TEXT + 1)}\n")
    assert "64 KiB" in mistake(f"[sshd]\nx = %%{'a' * MAX_TEXT}\n")
