# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""These tests hold the lab's root to what the package says that it needs."""

from pathlib import Path

import pytest

from tests.lab import furnish, root, services
from tests.lab.place import REPOSITORY, LabError

CONTROL = """\
Source: thing
Build-Depends: debhelper-compat (= 13)

Package: thing
Architecture: all
Depends:
 one | other,
# Why two is needed.
 two (>= 1.2),
 ${misc:Depends},
 ${python3:Depends},
Recommends: three,
 four,
Suggests:
 five,
Description: a thing
 of six, seven.

Package: thing-doc
Depends: eight
"""


def test_dependencies_are_those_of_the_package() -> None:
    assert root.dependencies(CONTROL) == "python3:any, one | other, two (>= 1.2), three, four"


def test_our_own_dependencies_are_read() -> None:
    found = root.dependencies((REPOSITORY / "debian/control").read_text()).split(", ")
    assert {"python3-pydbus", "python3-systemd", "ufw"} <= set(found)
    assert not any("$" in name or "#" in name for name in found)


def test_the_key_changes_with_what_goes_in(monkeypatch: pytest.MonkeyPatch) -> None:
    first = root.key("bookworm", "one")
    assert first.startswith("bookworm-")
    assert first == root.key("bookworm", "one")
    assert len({first, root.key("trixie", "one"), root.key("bookworm", "two")}) == 3
    monkeypatch.setitem(furnish.FILES, "etc/motd", "hello")
    assert root.key("bookworm", "one") != first


def test_the_serving_root_has_a_name_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, serving = root.key("bookworm", "one"), root.key("bookworm", "one", serving=True)
    # Old roots are found by the beginning of their names.
    assert serving.startswith("services-bookworm-")
    monkeypatch.setitem(services.FILES, "etc/motd", "hello")
    assert root.key("bookworm", "one") == plain
    assert root.key("bookworm", "one", serving=True) != serving


def test_an_unknown_suite_is_refused() -> None:
    with pytest.raises(LabError, match="no suite 'woody': choose from bookworm, trixie"):
        root.ready("woody")


@pytest.mark.parametrize(
    ("version", "read"), [("1:9.2p1-2+deb12u7", (9, 2)), ("1:10.0p1-7", (10, 0))]
)
def test_openssh_version(tmp_path: Path, version: str, read: tuple[int, int]) -> None:
    status = tmp_path / "var/lib/dpkg/status"
    status.parent.mkdir(parents=True)
    status.write_text(
        "Package: openssh-client\nVersion: 1:1.0p1\n\n"
        f"Package: openssh-server\nStatus: install ok installed\nVersion: {version}\n\n"
    )
    assert furnish.openssh_version(tmp_path) == read


def test_needs_are_one_word_to_the_shell() -> None:
    needs = "one | other, two (>= 1.2)"
    assert [hook for hook in furnish.hooks(needs) if hook.endswith(f" '{needs}'")]
