# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who follows the manual to the letter gets what it promises."""

import os
import re
import subprocess

import pytest

from tests.lab import net
from tests.manual import Command, File, examples

pytestmark = pytest.mark.e2e

# The manual's two machines; the other one's address is one of the attackers' here as well.
HERE, OTHER = r"\b192\.0\.2\.1\b", "192.0.2.7"
DECOY = "198.51.100.66"
PORT = 7000
NO_CONNECTION = 7


@pytest.fixture
def reader(lab):
    """The shared lab; what the example leaves there is taken away."""
    yield lab
    lab.run(["systemctl", "disable", "--now", "door.service"])
    for step in examples("jaild-filter.5", "A FILTER OF YOUR OWN"):
        if isinstance(step, File):
            lab.run(["rm", "-f", step.path])
    lab.run(["ufw", "delete", "allow", f"{PORT}/tcp"])
    lab.run(["systemctl", "daemon-reload"])
    lab.run(["jailctl", "reload"])


def test_a_filter_of_your_own(reader, tmp_path):
    (tmp_path / ".curlrc").write_text(f"interface = {OTHER}\n")
    for step in examples("jaild-filter.5", "A FILTER OF YOUR OWN"):
        if isinstance(step, File):
            reader.write(step.path, step.text)
        elif step.who == "other":
            from_outside(reader, step, tmp_path)
        else:
            on_the_host(reader, step)


def from_outside(lab, step, home):
    if not step.printed:
        # The status shows it a moment before the firewall has it.
        lab.wait(lambda: OTHER in lab.run(["ufw", "status"]).stdout, 10, "the ban")
    done = subprocess.run(
        lab.outside(["bash", "-c", re.sub(HERE, net.HOST_V4, step.line)]),
        env={**os.environ, "CURL_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == step.printed, step
    assert done.returncode == (0 if step.printed else NO_CONNECTION), step


def on_the_host(lab, step: Command):
    def printed():
        return lab.run(["bash", "-c", step.line]).stdout

    if step.line.startswith("journalctl"):
        # A person types more slowly than a line takes to its place in the journal.
        lab.wait(lambda: step.printed in printed(), 5, step.printed)
    said = printed()
    if step.printed:
        assert said == step.printed
    if step.line.startswith("ufw allow"):
        lab.wait(lambda: lab.probe(OTHER, PORT) == "open", 5, "the application")
    if "verbose" in step.line:
        assert "_SYSTEMD_UNIT=door.service" in said
    if step.line.startswith("ufw status"):
        assert re.search(rf"\b{PORT}/tcp\b.*\b{OTHER}\b", said)
    if "jailctl test" in step.line:
        assert re.search(rf"^ *\d+ +{OTHER}$", said, re.MULTILINE), said
        assert not re.search(rf"^ *\d+ +{DECOY}$", said, re.MULTILINE), said
