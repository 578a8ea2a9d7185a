# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters written for fail2ban, unmodified: the verdict and address that fail2ban gives.

fail2ban itself is asked: the distribution's package, unpacked beside this tree and never installed,
with its filters and the annotated lines of its own tests. A name in the place of the address counts
for nobody, and neither does an address that is none, such as 192.030.0.6.
"""

import json
import logging
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pytest

from jaild.config.compile import compile_filter
from jaild.config.filter import one_filter
from jaild.config.tree import Tree
from jaild.core.address import parse_host
from jaild.core.detector import Detector
from jaild.core.entry import Entry
from jaild.core.errors import InvalidAddress, InvalidConfig
from jaild.core.filter import Kind
from tests.verbs import SECOND, SHIPPED, START

ROOT = Path(__file__).parents[2] / "build/peer"
ETC = ROOT / "etc/fail2ban"
PACKAGES = ROOT / "usr/lib/python3/dist-packages"
LOGS = PACKAGES / "fail2ban/tests/files/logs"

pytestmark = pytest.mark.skipif(not LOGS.exists(), reason="make test unpacks the package")

# A line as syslog writes it; the date is the journal's matter.
LINE = re.compile(
    r"(?:<\d+>)?(?:[A-Z][a-z]{2} +\d+ [\d:]{8}|\d{4}-\d\d-\d\dT[\d:]{8}\S*) "
    r"(?P<host>\S+) (?P<ident>[^\s\[:]+)(?:\[(?P<pid>\d+)\])?: (?P<message>.*)"
)
OPTIONS = re.compile(r"#+ ?filterOptions:\s*(.+)")
# What the annotations of the lines say about the tests themselves.
NOT_THE_FILTERS = ("logtype", "checkAllRegex")


class Case(NamedTuple):
    """Lines that belong together, for one filter with these parameters."""

    name: str
    options: dict[str, str]
    lines: list[re.Match[str]]


def cases(path: Path) -> Iterator[Case]:
    name = path.name.removesuffix("-journal")
    options, lines = [{}], []
    for text in [*path.read_text(errors="replace").split("\n"), "# filterOptions: {}"]:
        found = OPTIONS.match(text)
        line = None if text.startswith("#") else LINE.fullmatch(text)
        if line:
            lines.append(line)
        if found:
            yield from (Case(name, one, lines) for one in options if lines)
            read = json.loads(found[1])
            options, lines = read if isinstance(read, list) else [read], []


def of_the_filter(options):
    return {
        name: value
        for name, value in options.items()
        if not name.startswith("test") and name not in NOT_THE_FILTERS
    }


@pytest.fixture(scope="module")
def peer():
    """Returns what makes fail2ban's own filter, in its journal mode."""
    sys.path.insert(0, str(PACKAGES))
    readers = import_module("fail2ban.client.filterreader")
    filters = import_module("fail2ban.server.filter")
    jails = import_module("fail2ban.server.jail")

    def make(name, options):
        reader = readers.FilterReader(
            name, "j", {**options, "logtype": "journal"}, basedir=str(ETC)
        )
        reader.read()
        reader.getOptions(None)
        made = filters.Filter(jails.Jail("j"))
        made.checkFindTime = False
        made.setUseDns("raw")
        adders = {"addfailregex": made.addFailRegex, "addignoreregex": made.addIgnoreRegex}
        for command in reader.convert():
            option, given = command[2], command[3]
            for value in given if command[0] == "multi-set" else [given]:
                if option in adders:
                    adders[option](value)
                elif option == "prefregex":
                    made.prefRegex = value
        return made

    logging.disable(logging.CRITICAL)
    yield make
    logging.disable(logging.NOTSET)
    sys.path.remove(str(PACKAGES))


def call_of(name, options):
    return name + "[" + ", ".join(f'{key}="{value}"' for key, value in options.items()) + "]"


def blamed_by_jaild(case):
    tree = Tree(etc=ETC, shipped=SHIPPED)
    call = call_of(case.name, of_the_filter(case.options))
    detector = Detector(compile_filter(one_filter(tree, call)))
    for number, line in enumerate(case.lines):
        fields = {"_HOSTNAME": line["host"], "SYSLOG_IDENTIFIER": line["ident"]}
        fields |= {"SYSLOG_PID": line["pid"]} if line["pid"] else {}
        raw = {name: value.encode() for name, value in fields.items()}
        found = detector.take(Entry(START + number * SECOND, line["message"], raw))
        yield found.address if found.kind is Kind.FAILURE else None


def blamed_by_peer(case, peer):
    judge = peer(case.name, of_the_filter(case.options))
    for number, line in enumerate(case.lines):
        pid = f"[{line['pid']}]" if line["pid"] else ""
        text = f"{line['host']} {line['ident']}{pid}: {line['message']}"
        found = judge.processLine(("", "", text), START / SECOND + number)
        yield address(str(found[0][1])) if found else None


def address(text):
    try:
        return parse_host(text)
    except InvalidAddress:
        return None


def all_cases():
    for path in sorted(LOGS.iterdir()) if LOGS.exists() else ():
        if path.is_file():
            yield from cases(path)


def needs_several_lines(name):
    tree = Tree(etc=ETC, shipped=SHIPPED)
    try:
        one_filter(tree, name)
    except InvalidConfig as error:
        return "several lines" in str(error)
    return False


def test_verdicts_agree(peer):
    names = {path.stem for path in (ETC / "filter.d").glob("*.conf")}
    total, differences = 0, []
    for case in all_cases():
        if case.name not in names or needs_several_lines(case.name):
            continue
        theirs, ours = list(blamed_by_peer(case, peer)), list(blamed_by_jaild(case))
        total += len(theirs)
        for line, their, our in zip(case.lines, theirs, ours, strict=True):
            if their != our:
                differences.append((case.name, case.options, their, our, line[0]))
    assert total > 500
    assert not differences


@pytest.mark.parametrize(
    "name",
    sorted(path.stem for path in (ETC / "filter.d").glob("*.conf")) if ETC.exists() else [],
)
def test_every_filter_loads_or_says_why_not(name):
    tree = Tree(etc=ETC, shipped=SHIPPED)
    try:
        compile_filter(one_filter(tree, name))
        refusal = ""
    except InvalidConfig as error:
        refusal = str(error)
    # Files that others include are no filters by themselves.
    assert not refusal or name.endswith("common") or "several lines" in refusal
