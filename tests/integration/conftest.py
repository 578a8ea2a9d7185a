# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A ufw of a test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.ufw_house import House, open_house


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Give ufw in namespaces of its own, not enabled."""
    with open_house(tmp_path) as made:
        yield made


@pytest.fixture
def active(house: House) -> House:
    """Give the same, enabled."""
    house.enable()
    return house
