# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What exists is in the manual, and what the manual names exists."""

import re
import tomllib
from argparse import ArgumentParser, _SubParsersAction
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

import jaild
from jaild import daemon, enforcer
from jaild.cli import main
from jaild.cli.verb import Exit
from jaild.config import schema
from jaild.core import errors
from jaild.journal.record import MessageId

ROOT = Path(__file__).parents[2]
API = ROOT / "src/jaild/api"


def page(name: str) -> str:
    return (ROOT / "man" / f"{name}.scd").read_text()


def section(text: str, *titles: str) -> str:
    """The sections of a page with these titles."""
    parts = re.split(r"^# (.+)$", text, flags=re.MULTILINE)
    found = dict(zip(parts[1::2], parts[2::2], strict=True))
    return "".join(found[title] for title in titles)


def entries(text: str) -> set[str]:
    """The names that paragraphs of a list begin with: one or several ``*name*``."""
    heads = [line for line in text.splitlines() if line.startswith("*")]
    return {name for line in heads for name in re.findall(r"(?:^|, )\*([^*]+)\*", line)}


def paragraph(text: str, name: str) -> str:
    """The indented paragraph of an entry."""
    found = re.search(rf"^[^\t\n]*\*{re.escape(name)}\*.*\n((?:\t.*\n)+)", text, re.MULTILINE)
    assert found, name
    return " ".join(found[1].split())


def test_options_are_those_of_the_schema():
    text = page("jaild.conf.5")
    documented = {
        schema.Scope.JAIL: entries(section(text, "OPTIONS OF A JAIL")),
        schema.Scope.DAEMON: entries(section(text, "OPTIONS OF THE DAEMON")),
    }
    for scope, names in documented.items():
        assert names == set(schema.of(scope))


@pytest.mark.parametrize(
    "option",
    [o for o in schema.OPTIONS if o.effect is schema.Effect.HONOURED and o.default],
    ids=lambda option: option.name,
)
def test_the_default_of_an_option_is_in_its_paragraph(option):
    text = page("jaild.conf.5").replace("\\", "")
    shown = {
        "filter": "the name of the jail, with the parameter mode",
        "maxmatches": "*maxretry*",
        "action": "%(action_)s",
    }.get(option.name, option.default)
    assert f"Default: {shown}" in paragraph(text, option.name)


def test_members_of_the_bus_are_listed_with_their_signatures():
    text = page("org.jaild1.5")
    listed = re.findall(r"```\n(interface .*?)\n```", text, re.DOTALL)
    files = ("org.jaild1.Manager.xml", "org.jaild1.Jail.xml")
    assert listed == ["\n".join(listing(API / name)) for name in files]


@pytest.mark.parametrize(
    ("file", "title"),
    [("org.jaild1.Manager.xml", "THE MANAGER"), ("org.jaild1.Jail.xml", "A JAIL")],
)
def test_every_member_of_the_bus_is_described(file, title):
    members = {part.get("name") for kind in ("method", "signal", "property")
               for part in ET.parse(API / file).iter(kind)}  # fmt: skip
    assert entries(section(page("org.jaild1.5"), title)) == members


def listing(path: Path) -> Iterator[str]:
    """An interface as the manual lists it."""
    (interface,) = ET.parse(path).iter("interface")
    yield f"interface {interface.get('name')}"
    for method in interface.iter("method"):
        given = arguments(method, "in")
        answered = arguments(method, "out")
        yield f"  {method.get('name')}({given})" + (f" -> {answered}" if answered else "")
    for signal in interface.iter("signal"):
        yield f"  signal {signal.get('name')}({arguments(signal, None)})"
    for known in interface.iter("property"):
        yield f"  property {known.get('type')} {known.get('name')}"


def arguments(member: ET.Element, direction: str | None) -> str:
    found = [arg for arg in member.iter("arg") if arg.get("direction") == direction]
    return ", ".join(f"{arg.get('type')} {arg.get('name')}" for arg in found)


def test_errors_of_the_bus_are_documented():
    documented = entries(section(page("org.jaild1.5"), "ERRORS"))
    # Of a pattern and a match only the configuration speaks, as InvalidConfig.
    inner = {"JaildError", "InvalidMatch", "InvalidPattern"}
    classes = {name for name, kind in vars(errors).items()
               if isinstance(kind, type) and issubclass(kind, errors.JaildError)}  # fmt: skip
    assert documented == (classes - inner) | {"Internal"}


def verbs() -> dict[str, ArgumentParser]:
    actions = main.parser()._actions
    return dict(next(a for a in actions if isinstance(a, _SubParsersAction)).choices)


def test_verbs_are_those_of_the_command_line():
    assert entries(section(page("jailctl.1"), "VERBS")) == set(verbs())


def test_options_of_jailctl_are_those_of_the_command_line():
    parsers = [main.parser(), *verbs().values()]
    known = {word for parser in parsers for a in parser._actions for word in a.option_strings}
    assert entries(section(page("jailctl.1"), "OPTIONS")) == known


def test_options_of_the_daemons_are_those_of_their_command_lines(capsys):
    for run in (daemon.main, enforcer.main):
        with pytest.raises(SystemExit):
            run(["--help"])
    known = set(re.findall(r"(?<![\w-])--?[a-z]+", capsys.readouterr().out))
    assert entries(section(page("jaild.8"), "OPTIONS")) == known


def test_exit_statuses_are_documented():
    by_signal = 128
    known = {str(int(status)) for status in Exit if status < by_signal}
    assert entries(section(page("jailctl.1"), "EXIT STATUS")) == known


def test_message_ids_are_documented_and_explained():
    known = {kind.value for kind in MessageId}
    catalog = (ROOT / "units/catalog/jaild.catalog").read_text()
    assert set(re.findall(r"^-- (\w+)$", catalog, re.MULTILINE)) == known
    assert set(re.findall(r"\*([0-9a-f]{32})\*", page("jaild.8"))) == known


def test_fields_of_the_journal_are_documented():
    code = (ROOT / "src/jaild/journal/record.py").read_text()
    documented = entries(section(page("jaild.8"), "JOURNAL"))
    assert set(re.findall(r"\bJAILD_[A-Z_]+", code)) <= documented


def test_there_is_one_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    changelog = (ROOT / "debian/changelog").read_text()
    news = (ROOT / "NEWS.md").read_text()
    assert project["version"] == jaild.__version__
    assert changelog.startswith(f"jaild ({jaild.__version__}) ")
    assert re.search(r"^## (\S+)", news, re.MULTILINE)[1] == jaild.__version__


@pytest.mark.parametrize("name", ["README.md", ".ci/run"])
def test_make_targets_that_are_named_exist(name):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(
        r"^(?: {4})?(?:sudo )?make ([a-z]+)", (ROOT / name).read_text(), re.MULTILINE
    )
    assert named
    assert set(named) <= targets
