# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

from collections.abc import Callable

import pytest

from jaild.config import values
from jaild.core.ban import FOREVER
from jaild.core.errors import JaildError


@pytest.mark.parametrize("text", ["1", "on", "True", "YES"])
def test_true(text: str) -> None:
    assert values.boolean(text) is True


@pytest.mark.parametrize("text", ["0", "off", "False", "NO"])
def test_false(text: str) -> None:
    assert values.boolean(text) is False


@pytest.mark.parametrize("text", ["", "ture", "y", "2", "enabled", "-1"])
def test_neither_is_a_mistake(text: str) -> None:
    with pytest.raises(JaildError, match="true or false"):
        values.boolean(text)


def test_integer() -> None:
    parse = values.integer(1, 100)
    assert parse("5") == 5
    for text in ("", "0", "101", "-5", "5.0", "five", "\u0665", "9" * 5000, "1_0", "+5"):
        with pytest.raises(JaildError, match="whole number from 1 to 100"):
            parse(text)


def test_lengths_of_time() -> None:
    assert values.length("-1") == FOREVER
    assert values.span("10m") == 600_000_000
    for parse, text in ((values.span, "-1"), (values.span, "0"), (values.length, "0s")):
        with pytest.raises(JaildError):
            parse(text)


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("ssh", "22"),
        ("https, http 22", "22,80,443"),
        ("6000:6010,ssh", "22,6000:6010"),
        ("0:65535", ""),
        ("1:65535", ""),
    ],
)
def test_ports(text: str, ports: str) -> None:
    assert values.ports(text) == ports


@pytest.mark.parametrize("text", ["", "shh", "65536", "22-25", "é", "a" * 500, "0", "10:5", "a b"])
def test_ports_refused(text: str) -> None:
    with pytest.raises(JaildError):
        values.ports(text)


def test_protocol() -> None:
    assert [values.protocol(text) for text in ("TCP", "udp", "all", "tcp,udp")] == [
        "tcp",
        "udp",
        "any",
        "any",
    ]
    with pytest.raises(JaildError):
        values.protocol("icmp")


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("info", "INFO"),
        ("NOTICE", "INFO"),
        ("HEAVYDEBUG", "DEBUG"),
        ("4", "DEBUG"),
        ("35", "WARNING"),
    ],
)
def test_loglevel(text: str, level: str) -> None:
    assert values.loglevel(text) == level


def test_loglevel_refused() -> None:
    with pytest.raises(JaildError, match="did you mean DEBUG"):
        values.loglevel("debgu")


def test_nearest() -> None:
    assert values.nearest("bantme", ["findtime", "bantime"]) == "did you mean bantime?"
    assert values.nearest("quux", ["findtime", "bantime"]) == ""
    assert values.nearest("x" * 100_000, ["x" * 100_000]) == ""


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (values.choice("auto", "yes"), "YES", "yes"),
        (values.backend, "systemd[journalflags=1]", "systemd"),
        (values.factor, "1.5", 1.5),
        (values.factor, "2.0 / 4", 0.5),
        (values.multipliers, "1 5, 30\n60", (1, 5, 30, 60)),
        (values.addition, "", 0),
        (values.addition, "0", 0),
        (values.addition, "5m", 300_000_000),
        (values.longest, "", FOREVER),
        (values.longest, "5w", 3_024_000_000_000),
    ],
)
def test_options_not_obeyed_are_typed(
    parse: Callable[[str], object], text: str, value: object
) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(
    ("parse", "text", "sentence"),
    [
        (values.choice("auto", "yes"), "ja", "it has to be auto or yes"),
        (values.choice("yes", "warn", "no"), "wran", "did you mean warn?"),
        (values.backend, "sytemd", "did you mean systemd?"),
        (values.factor, "0", "a number above zero"),
        (values.factor, "1/0", "a number above zero"),
        (values.factor, "much", "a number above zero"),
        (values.multipliers, "1 x", "whole numbers above zero"),
        (values.bantime_formula, "ban.Tme * 2", "knows no 'ban.Tme'"),
        (values.bantime_formula, "1 / (ban.Count - 3)", "divides by nothing"),
        (values.addition, "-1", "for ever"),
        (values.longest, "soon", "is not a duration"),
    ],
)
def test_options_not_obeyed_are_refused(
    parse: Callable[[str], object], text: str, sentence: str
) -> None:
    with pytest.raises(JaildError) as caught:
        parse(text)
    assert sentence in str(caught.value)
