# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""These are the fixtures of the end-to-end tests: the built package, and labs with it installed.

A machine that cannot hold a lab skips them all and says so in one loud line; with CI=true in the
environment that is a failure.
"""

import os
import subprocess
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.lab import root
from tests.lab.lab import Lab
from tests.lab.place import REPOSITORY, LabError

# Boots a lab of the suite that the test runs for: package or None.
Boot = Callable[[Path | None], Lab]
LAST_LINES = "300"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--suite", choices=(*root.SUITES, "all"), default="bookworm", help="the lab's Debian"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "suite" in metafunc.fixturenames:
        chosen = metafunc.config.getoption("--suite", "bookworm")
        suites = root.SUITES if chosen == "all" else (chosen,)
        metafunc.parametrize("suite", suites, scope="session")


@pytest.fixture(scope="session", autouse=True)
def machine(request: pytest.FixtureRequest) -> None:
    """A machine that can hold a lab."""
    if reason := Lab.possible():
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)


@pytest.fixture(scope="session")
def deb(machine: None) -> Path:
    """The package of the present sources; make knows whether it is to be built."""
    outer = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
    kept = {name: value for name, value in os.environ.items() if name not in outer}
    subprocess.run(["make", "--quiet", "deb"], cwd=REPOSITORY, env=kept, check=True)
    (found,) = (REPOSITORY / "build").glob("jaild_*_all.deb")
    return found


@pytest.fixture(scope="session")
def lab(suite: str, deb: Path) -> Iterator[Lab]:
    """A lab with the package installed, shared by a suite's tests: use addresses of your own."""
    with Lab.up(suite, deb=deb) as shared:
        yield shared


@pytest.fixture(scope="session")
def serving_lab(suite: str, deb: Path) -> Iterator[Lab]:
    """The same with a web and a mail server: see tests/lab/services.py."""
    with Lab.up(suite, deb=deb, serving=True) as shared:
        yield shared


@pytest.fixture
def boot(suite: str) -> Iterator[Boot]:
    """Boots labs that a test has for itself, to break or to upgrade."""
    with ExitStack() as stack:
        yield lambda package: stack.enter_context(Lab.up(suite, deb=package))


@pytest.fixture
def own_lab(boot: Boot, deb: Path) -> Lab:
    """A lab with the package installed that this test has for itself."""
    return boot(deb)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the journals of a failed test's labs to its report."""
    report = yield
    if report.failed and isinstance(item, pytest.Function):
        for name, value in item.funcargs.items():
            if isinstance(value, Lab):
                report.sections.append((f"journal of {name}", last_lines(value)))
    return report


def last_lines(lab: Lab) -> str:
    """Return the end of a lab's journal, or why there is none."""
    try:
        return lab.journal("--boot", "--lines", LAST_LINES, "--output", "short-precise")
    except LabError as error:
        return str(error)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter,
) -> None:
    reason = Lab.possible() if terminalreporter.stats.get("skipped") else None
    if reason:
        terminalreporter.write_line(f"NO END-TO-END TESTS: {reason}", red=True, bold=True)
