# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The process jaild-enforcer on a private bus, with a real ufw."""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.bus_private import NOBODY, PrivateBus, private_bus
from tests.integration.ufw_house import REJECT4, V4, V6, House, can_unshare, open_house

pytestmark = [
    pytest.mark.integration,
    pytest.mark.root,
    pytest.mark.skipif(
        not can_unshare() or not shutil.which("dbus-daemon"),
        reason="needs root, ufw, dbus and namespaces",
    ),
]

NAME = "org.jaild1.Enforcer"
DOOR = (NAME, "/org/jaild1/Enforcer", NAME)


@pytest.fixture
def bus() -> Iterator[PrivateBus]:
    with private_bus() as made:
        yield made


@pytest.fixture
def house(tmp_path: Path, bus: PrivateBus) -> Iterator[House]:
    with open_house(tmp_path) as made:
        made.enable()
        (made.etc / "jaild").mkdir()
        (made.etc / "jaild" / "jail.local").write_text("[DEFAULT]\nignoreip = 203.0.113.0/24\n")
        made.ask("start", bus.address)
        _until(lambda: bus.busctl("status", NAME).returncode == 0)
        yield made
        assert "Traceback" not in made.ask("stop")[1]


def _until(condition) -> None:
    limit = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < limit, "it did not come about"
        time.sleep(0.05)


def _call(bus: PrivateBus, method: str, signature: str, *words: str):
    result = bus.busctl("--json=short", "call", *DOOR, method, signature, *words)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)["data"]


def _rule(address: str) -> tuple[str, ...]:
    return "sshd", "22", "tcp", "reject", "1", address


def test_from_the_first_ban_to_the_last(house: House, bus: PrivateBus):
    assert _call(bus, "HostAddresses", "") == [["127.0.0.1", "::1"]]
    wanted = ("4", *_rule(V4), *_rule("127.0.0.1"), *_rule("203.0.113.9"), *_rule(V6))
    state, refused, _ = _call(bus, "Apply", "a(ssssas)a(ssssas)", *wanted, "0")
    assert state == "active"
    assert [address for _, address, _ in refused] == ["127.0.0.1", "203.0.113.9"]
    assert house.kernel() == [REJECT4]
    assert len(house.kernel(6)) == 1
    assert _call(bus, "Rules", "") == [[["sshd", "22", "tcp", "reject", [V4, V6]]]]
    assert _call(bus, "Sync", "a(ssssas)", "1", *_rule(V4)) == ["active", 0, 1, [], ""]
    assert house.ask("stop")[0] == 0


def test_nobody_else_may_call(house: House, bus: PrivateBus):
    result = bus.busctl("call", *DOOR, "Sync", "a(ssssas)", "0", uid=NOBODY)
    assert result.returncode
    assert "only jaild itself and root" in result.stderr


def test_failure_is_a_sentence(house: House, bus: PrivateBus):
    for name in ("user.rules", "user6.rules"):
        (house.etc / name).write_text("")
    result = bus.busctl("call", *DOOR, "Sync", "a(ssssas)", "0")
    assert result.returncode
    assert "does not end with COMMIT" in result.stderr


def test_what_the_configuration_ignores_from_now_on(house: House, bus: PrivateBus):
    (house.etc / "jaild" / "jail.local").write_text(f"[DEFAULT]\nignoreip = {V4}\n")

    def refused() -> bool:
        return bool(_call(bus, "Apply", "a(ssssas)a(ssssas)", "1", *_rule(V4), "0")[1])

    _until(refused)


def test_drift_is_announced(house: House, bus: PrivateBus):
    _call(bus, "Sync", "a(ssssas)", "1", *_rule(V4))
    with bus.program("dbus-monitor", "--address", bus.address, f"interface='{NAME}'") as monitor:
        house.run("iptables", "-D", "ufw-user-input", "1")
        assert monitor.stdout is not None
        heard = ""
        while "the kernel has lost 1" not in heard:
            heard = monitor.stdout.readline()
            assert heard, "the monitor ended"
