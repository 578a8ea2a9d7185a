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
from jaild import daemon, enforcer, looker, notifier
from jaild.cli import main
from jaild.cli.verb import Exit
from jaild.config import schema
from jaild.config.load import Tree, examine
from jaild.config.schema import Scope
from jaild.core import errors
from jaild.core.filter import Filter
from jaild.journal.record import MessageId
from tests import manual
from tests.manual import Command, File

ROOT = Path(__file__).parents[2]
API = ROOT / "src/jaild/api"
SHIPPED = ROOT / "src/jaild/data"
PAGES = sorted(path.stem for path in manual.PAGES.glob("*.scd"))
# Where the options of each kind of file are described.
OPTIONS = {
    Scope.DAEMON: ("jaild.conf.5", "OPTIONS OF THE DAEMON"),
    Scope.JAIL: ("jail.conf.5", "OPTIONS OF A JAIL"),
    Scope.FILTER: ("jaild-filter.5", "OPTIONS OF A FILTER"),
    Scope.ACTION: ("jail.conf.5", "OPTIONS OF AN ACTION"),
}


def page(name: str) -> str:
    return (manual.PAGES / f"{name}.scd").read_text()


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


@pytest.mark.parametrize("scope", Scope)
def test_options_are_those_of_the_schema(scope):
    name, title = OPTIONS[scope]
    assert entries(section(page(name), title)) == set(schema.of(scope))


@pytest.mark.parametrize(
    "option",
    [o for o in schema.OPTIONS if o.effect is schema.Effect.HONOURED and o.default],
    ids=lambda option: f"{option.scope}-{option.name}",
)
def test_the_default_of_an_option_is_in_its_paragraph(option):
    name, title = OPTIONS[option.scope]
    text = section(page(name), title).replace("\\", "")
    shown = {
        (Scope.JAIL, "filter"): "the name of the jail, with the parameter mode",
        (Scope.JAIL, "maxmatches"): "*maxretry*",
        (Scope.JAIL, "action"): "%(action_)s",
        (Scope.ACTION, "port"): "the jail's",
        (Scope.ACTION, "protocol"): "the jail's",
    }.get((option.scope, option.name), option.default)
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
    # Of a pattern and a match only the configuration speaks, as InvalidConfig; what is too slow
    # ends a jail.
    inner = {"JaildError", "InvalidMatch", "InvalidPattern", "TooSlow"}
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
    for run in (daemon.main, enforcer.main, looker.main, notifier.main):
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


def test_every_shipped_filter_is_described_and_no_other():
    # What filters include is no filter.
    shipped = {
        path.stem
        for path in (SHIPPED / "filter.d").glob("*.conf")
        if not path.stem.endswith("common")
    }
    text = page("jaild-filters.7")
    assert entries(text.partition("# SEE ALSO")[0]) == shipped


def test_every_page_is_installed():
    listed = (ROOT / "debian/jaild.manpages").read_text().split()
    assert sorted(listed) == [f"build/man/{name}" for name in PAGES]


def test_one_page_stands_beside_fail2bans_of_the_same_name():
    # dh_installman takes the suffix from the heading: man5/jail.conf.5jaild.
    heads = {name: page(name).partition("\n")[0] for name in PAGES}
    own = {"jail.conf.5": "jail.conf(5jaild)"}
    assert heads == {name: re.sub(r"\.(\d)$", r"(\1)", name) for name in PAGES} | own


@pytest.mark.parametrize("name", PAGES)
def test_pages_refer_to_pages_that_exist(name):
    named = re.findall(r"\*((?:jail|org\.jaild)[^*]*)\*\((\d)\)", page(name))
    assert {f"{title}.{number}" for title, number in named} <= set(PAGES)
    see = section(page(name), "SEE ALSO")
    assert len(set(re.findall(r"\*([^*]+)\*\(", see))) == see.count("(")


def test_examples_of_the_manual_are_files_and_commands_in_order():
    steps = manual.examples("jaild-filter.5", "A FILTER OF YOUR OWN")
    files = [step.path for step in steps if isinstance(step, File)]
    assert [Path(path).name for path in files] == [
        "door.py", "door.service", "door.conf", "door.local",
    ]  # fmt: skip
    assert Command("root", "jailctl unban door 192.0.2.7", "1\n") in steps
    (application,) = (s.text for s in steps if isinstance(s, File) and s.path.endswith(".py"))
    compile(application, "door.py", "exec")


def test_examples_of_jails_are_without_mistakes(tmp_path):
    steps = manual.examples("jail.conf.5", "EXAMPLES")
    assert all(isinstance(step, File) for step in steps)
    for number, files in enumerate(blocks(steps)):
        assert not mistakes(tmp_path / str(number), files)


def test_the_example_of_a_filter_is_not_deceived(tmp_path):
    steps = manual.examples("jaild-filter.5", "A FILTER OF YOUR OWN")
    files = [step for step in steps if isinstance(step, File) and "/etc/jaild/" in step.path]
    assert not mistakes(tmp_path, files)
    (door,) = (j for j in examine(Tree(tmp_path, SHIPPED)).config.jails if j.name == "door")
    judge = Filter("door", door.filter.failregex).judge
    lines = [step.line for step in steps if isinstance(step, Command) and "echo" in step.line]
    assert lines
    for line in lines:
        assert judge(re.search("'(.*)'", line)[1]).address == "192.0.2.7"


def blocks(steps: list[File]) -> Iterator[list[File]]:
    """Files that belong together: a filter with the jail before it."""
    together: list[File] = []
    for step in steps:
        if together and "/filter.d/" not in step.path:
            yield together
            together = []
        together.append(step)
    yield together


def mistakes(etc: Path, files: list[File]) -> list[str]:
    for file in files:
        path = etc / Path(file.path).relative_to("/etc/jaild")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.text)
    return [str(mistake) for mistake in examine(Tree(etc, SHIPPED)).mistakes]


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
