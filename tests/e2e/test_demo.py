# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What 'make demo' shows a stranger has really happened."""

import subprocess
import sys

import pytest

from tests.lab.place import REPOSITORY

pytestmark = pytest.mark.e2e


def test_the_demo_tells_the_whole_story(deb):
    told = subprocess.run(
        [sys.executable, "-m", "tests.lab.demo"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    chapters = (
        "Failed password for root from",
        "# jaild:sshd",
        "refused",
        "org.jaild1.Manager Unban ss sshd",
        "u 1",
        "accepted",
        "All of it happened",
    )
    places = [told.stdout.find(chapter) for chapter in chapters]
    assert -1 not in places, told.stdout
