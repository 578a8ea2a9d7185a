# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What surrounds the code is sound: units, policies, catalog, manual pages, shell scripts.

A tool that is missing skips its test, except under CI=true.
"""

import os
import re
import shutil
import subprocess
from configparser import RawConfigParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from jaild.api import names

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "units"
BACKOFF = UNITS / "backoff.conf"
SERVICES = sorted(UNITS.glob("*.service"))
PAGES = sorted((ROOT / "man").glob("*.scd"))
SCRIPTS = sorted([*(ROOT / "debian").glob("jaild.p*"), ROOT / "debian/tests/smoke"])
# The most that systemd-analyze security may find, in tenths of its points.
EXPOSURE = {
    "jaild.service": 3,
    "jaild-enforcer.service": 20,
    "jaild-lookup.service": 12,
    "jaild-notify.service": 12,
}
# Those that end when nobody needs them; the bus starts them with the next question.
ON_DEMAND = {"jaild-lookup.service"}


def run(*argv: str, stdin: str = "", **environment: str) -> str:
    """Run a tool and return what it says; fail if it fails."""
    program = shutil.which(argv[0], path="/usr/sbin:/usr/bin:/sbin:/bin")
    if program is None:
        message = f"{argv[0]} is not installed"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    done = subprocess.run(
        [program, *argv[1:]],
        input=stdin, capture_output=True, text=True, check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8", **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units, as if their programs and the bus were there."""
    for service in SERVICES:
        text = re.sub(r"/usr/\S*/jail[a-z-]*", "/bin/true", service.read_text())
        (tmp_path / service.name).write_text(text)
    (tmp_path / "dbus.socket").write_text("[Socket]\nListenStream=/run/dbus/system_bus_socket\n")
    (tmp_path / "dbus.service").write_text("[Service]\nExecStart=/bin/true\n")
    return tmp_path


def test_units_are_verified(installed):
    paths = [str(installed / service.name) for service in SERVICES]
    assert (
        run("systemd-analyze", "verify", "--man=no", *paths, SYSTEMD_UNIT_PATH=f"{installed}:")
        == ""
    )


@pytest.mark.parametrize("name", EXPOSURE)
def test_units_are_sandboxed(installed, name):
    threshold = f"--threshold={EXPOSURE[name]}"
    run("systemd-analyze", "security", "--offline=true", threshold, str(installed / name))


def options(path: Path) -> list[tuple[str, str]]:
    lines = [line for line in path.read_text().splitlines() if re.match(r"[A-Z]", line)]
    return [tuple(line.split("=", 1)) for line in lines]


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_sandbox_is_alphabetical(path):
    known = [name for name, _ in options(path)]
    sandbox = known[known.index("AmbientCapabilities") : known.index("UMask") + 1]
    assert sandbox == sorted(sandbox)


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_a_crash_does_not_switch_it_off(path):
    known = dict(options(path))
    assert known["StartLimitIntervalSec"] == "0"
    if path.name in ON_DEMAND:
        assert (known["Restart"], known["Type"]) == ("no", "notify")
        assert (UNITS / f"dbus/{known['BusName']}.service").exists()
    else:
        assert known["Restart"] == "always"
        assert known["RestartPreventExitStatus"] == "78"


def test_those_that_are_restarted_are_restarted_less_and_less_often():
    rules = (ROOT / "debian/rules").read_text()
    (named,) = re.findall(r"^BACKOFF := .*--atleast-version=254 systemd .*,(.*)\)$", rules, re.M)
    restarted = {path.stem for path in SERVICES if path.name not in ON_DEMAND}
    assert set(named.split()) == restarted
    known = dict(options(BACKOFF))
    assert set(known) == {"RestartSteps", "RestartMaxDelaySec"}
    longest = int(known["RestartMaxDelaySec"].removesuffix("s"))
    for name in restarted:
        assert (
            int(dict(options(UNITS / f"{name}.service"))["RestartSec"].removesuffix("s")) < longest
        )


def test_the_drop_in_is_verified(installed):
    for service in SERVICES:
        if service.name not in ON_DEMAND:
            (installed / f"{service.name}.d").mkdir()
            shutil.copy(BACKOFF, installed / f"{service.name}.d/50-backoff.conf")
    paths = [str(installed / service.name) for service in SERVICES]
    said = run("systemd-analyze", "verify", "--man=no", *paths, SYSTEMD_UNIT_PATH=f"{installed}:")
    # An older systemd may say that it does not know the words: debian/rules leaves it out there.
    assert [line for line in said.splitlines() if "Unknown key" not in line] == []


def test_units_own_the_names_that_start_them():
    for path in (UNITS / "dbus").glob("*.service"):
        activation = RawConfigParser()
        activation.optionxform = str
        activation.read(path)
        name = activation["D-BUS Service"]["Name"]
        assert path.stem == name
        started = activation["D-BUS Service"]["SystemdService"]
        (unit,) = [s for s in SERVICES if started in (s.name, dict(options(s)).get("Alias"))]
        assert dict(options(unit))["BusName"] == name


def rules(path: Path, context: str) -> list[tuple[str, dict[str, str]]]:
    """The rules of a bus policy for everybody (default) or for a user."""
    policies = ET.parse(path).iter("policy")
    chosen = [p for p in policies if context in (p.get("context"), p.get("user"))]
    return [(rule.tag, dict(rule.attrib)) for policy in chosen for rule in policy]


def test_everybody_may_ask_but_not_write_properties():
    found = rules(UNITS / "dbus/org.jaild1.conf", "default")
    assert all(tag == "allow" and rule["send_destination"] == names.BUS for tag, rule in found)
    interfaces = {rule["send_interface"] for _, rule in found}
    assert interfaces >= {names.MANAGER, names.JAIL}
    properties = "org.freedesktop.DBus.Properties"
    members = {r.get("send_member") for _, r in found if r["send_interface"] == properties}
    assert members == {"Get", "GetAll"}


@pytest.mark.parametrize(
    ("name", "owner"),
    [("org.jaild1.Enforcer", "root"), ("org.jaild1.Lookup", "jaild-lookup")],
)
def test_only_jaild_and_root_may_speak_to_its_helpers(name, owner):
    path = UNITS / f"dbus/{name}.conf"
    assert rules(path, "default") == [
        ("deny", {"own": name}),
        ("deny", {"send_destination": name}),
    ]
    assert rules(path, "jaild") == [
        ("allow", {"send_destination": name, "send_interface": name}),
    ]
    assert ("allow", {"send_destination": name}) in rules(path, "root")
    policies = ET.parse(path).iter("policy")
    owners = [p.get("user") for p in policies if p.find("./allow[@own]") is not None]
    assert owners == [owner]


def test_only_root_may_have_a_test_sent():
    path = UNITS / "dbus/org.jaild1.Notify.conf"
    name = "org.jaild1.Notify"
    assert rules(path, "default") == [
        ("deny", {"own": name}),
        ("deny", {"send_destination": name}),
    ]
    assert rules(path, "root") == [("allow", {"send_destination": name})]
    assert rules(path, "jaild-notify") == [("allow", {"own": name})]
    assert len(list(ET.parse(path).iter("policy"))) == 3


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_users_are_made(path):
    made = re.findall(r"^u (\S+) ", (UNITS / "sysusers.d/jaild.conf").read_text(), re.MULTILINE)
    assert dict(options(path)).get("User", made[0]) in made
    purge = (ROOT / "debian/jaild.postrm").read_text()
    assert f"for user in {' '.join(made)}; do" in purge


def test_polkit_knows_every_action():
    policy = ET.parse(UNITS / "polkit/org.jaild1.policy")
    notes = {action.get("id"): annotations(action) for action in policy.iter("action")}
    assert set(notes) == set(names.Action)
    for note in notes.values():
        # polkit tells nobody else but root what others may do.
        assert note["owner"] == "unix-user:jaild"
        assert set(note.get("imply", "").split()) <= set(names.Action)


def annotations(action: ET.Element) -> dict[str, str]:
    return {
        str(note.get("key")).removeprefix("org.freedesktop.policykit."): note.text or ""
        for note in action.iter("annotate")
    }


def test_catalog_compiles(tmp_path):
    folder = tmp_path / "usr/lib/systemd/catalog"
    folder.mkdir(parents=True)
    shutil.copy(UNITS / "catalog/jaild.catalog", folder)
    assert run("journalctl", f"--root={tmp_path}", "--update-catalog") == ""


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_manual_page_is_well_formed(path, tmp_path):
    page = tmp_path / path.stem
    page.write_text(run("scdoc", stdin=path.read_text()))
    troff = ("--warnings", "--encoding=UTF-8", "--troff-device=utf8", "--ditroff")
    said = run("man", *troff, "--local-file", str(page), MANROFFSEQ="", MANWIDTH="80")
    assert [line for line in said.splitlines() if line.startswith("troff:")] == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_shell_scripts_are_sound(path):
    run("shellcheck", str(path))
