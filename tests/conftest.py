# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How hard the tests try.

The property tests try harder with ``--hypothesis-profile=thorough`` (make test) and ``torture``,
those of what survives a kill with ``--kills``, and replay is compared with the service on
``--entries`` (make torture).
"""

import pytest
from hypothesis import HealthCheck, settings

# How long anything takes is nobody's business here: a build machine may be busy.
CALM = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("default", **CALM)
settings.register_profile("thorough", **CALM, max_examples=200)
settings.register_profile("torture", **CALM, max_examples=2000)
settings.load_profile("default")

KILLS, ENTRIES = 15, 30_000


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kills", type=int, default=KILLS, help="how often jaild is killed")
    parser.addoption("--entries", type=int, default=ENTRIES, help="how long a journal is replayed")


@pytest.fixture(scope="session")
def kills(request: pytest.FixtureRequest) -> int:
    """Tell how often jaild is to be killed."""
    return int(request.config.getoption("--kills"))


@pytest.fixture(scope="session")
def entries(request: pytest.FixtureRequest) -> int:
    """Tell how many entries a journal is to have."""
    return int(request.config.getoption("--entries"))
