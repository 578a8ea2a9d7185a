# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The house keeps its floors: a room imports only from rooms above it (ARCHITECTURE.md)."""

import ast
from pathlib import Path

import pytest

import jaild

HOUSE = Path(jaild.__file__).parent
TESTS = Path(__file__).parents[1]
# From the top floor down; rooms of one line stand side by side and do not know each other.
FLOORS = (
    ("core",),
    ("config",),
    ("journal", "state", "dbus"),
    ("enforce", "lookup", "notify", "frame"),
    ("service",),
    ("api",),
    ("cli",),
    ("daemon", "enforcer", "jailctl", "looker", "notifier"),
)
LEVEL = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}
# These know no more than that, so that each could be taken out and replaced.
KNOWS = {
    **{room: {"core"} for room in ("config", "journal", "state", "dbus")},
    **{room: {"core", "config", "dbus"} for room in ("enforce", "lookup")},
    "notify": {"core", "config", "journal", "state", "dbus"},
    "frame": {"core", "journal", "dbus"},
}
# One door each: (room or module) that may import a package from outside the standard library.
GUESTS = {
    "systemd": ("journal",),
    "gi": ("dbus",),
    "pydbus": ("dbus",),
    "ufw": ("enforce/ufw.py",),
    "maxminddb": ("notify",),
    "rich": ("cli",),
}
# What a decision must not do: look at the clock, the disk, the network, or write a log.
IMPURE = {"logging", "os", "pathlib", "sqlite3", "subprocess", "time", "threading", "asyncio"}

MODULES = sorted(HOUSE.rglob("*.py"))
LONGEST = 400
# Tested in the build of the package too, where no program makes real journals.
QUICK = sorted(path for room in ("unit", "property") for path in (TESTS / room).glob("test_*.py"))


def room_of(module: Path) -> str:
    return module.relative_to(HOUSE).parts[0].removesuffix(".py")


def imports(module: Path) -> set[str]:
    """Return the dotted names that a module imports, whatever their form."""
    found = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are absolute"
            found.add(node.module)
            if node.module == "jaild":
                found.update(f"jaild.{alias.name}" for alias in node.names)
    return found


def rooms_used(module: Path) -> set[str]:
    names = (name.split(".") for name in imports(module) if name.startswith("jaild."))
    return {parts[1] for parts in names} & set(LEVEL)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(HOUSE)))
def test_arrows_point_up(module):
    room = room_of(module)
    if room == "__init__":
        assert not rooms_used(module)
        return
    for used in rooms_used(module) - {room}:
        assert LEVEL[used] < LEVEL[room], f"{room} must not know {used}"
        known = KNOWS.get(room, {used})
        assert used in known, f"{room} knows only {sorted(known)}, not {used}"


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(HOUSE)))
def test_guests_use_their_door(module):
    place = str(module.relative_to(HOUSE))
    for name in imports(module):
        doors = GUESTS.get(name.split(".")[0], (place,))
        assert any(place == door or place.startswith(f"{door}/") for door in doors), name


@pytest.mark.parametrize("module", sorted((HOUSE / "core").glob("*.py")), ids=lambda p: p.name)
def test_core_is_pure(module):
    assert not {name.split(".")[0] for name in imports(module)} & IMPURE


def test_every_room_is_on_the_plan():
    assert {room_of(module) for module in MODULES} - {"__init__"} == set(LEVEL)


def test_no_room_is_too_large():
    lengths = sorted(len(module.read_text().splitlines()) for module in MODULES)
    assert lengths[-1] <= LONGEST
    assert lengths[len(lengths) // 2] <= 150


@pytest.mark.parametrize("module", QUICK, ids=lambda path: path.name)
def test_quick_tests_need_no_real_journal(module):
    nodes = ast.walk(ast.parse(module.read_text()))
    froms = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    names = {alias.name for node in froms for alias in node.names}
    assert "write_journal" not in names
