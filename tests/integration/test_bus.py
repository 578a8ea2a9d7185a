# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""org.jaild1 on a private bus with a mock of polkit: real publishing, calling, authorising."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

pytest.importorskip("gi")

from jaild.core.ban import FOREVER
from jaild.core.errors import InvalidAddress, InvalidConfig, NoSuchJail
from jaild.dbus.bus import DBUS, DBUS_PATH, Bus
from jaild.dbus.call import Call
from jaild.dbus.caller import Caller
from jaild.dbus.errors import Internal, NameTaken, NoReply, NoSuchMember, ServiceUnavailable
from jaild.dbus.loop import Loop
from tests.integration.bus_private import HERE, NEEDS_BUS, NOBODY, PYTHON, mock_polkit, private_bus

pytestmark = NEEDS_BUS

MANAGER = ("org.jaild1", "/org/jaild1", "org.jaild1.Manager")
JAIL = ("org.jaild1", "/org/jaild1/jail/nginx_2dauth", "org.jaild1.Jail")
TEST = ("org.jaild1", "/test", "org.jaild1.Test")
PROPERTIES = "org.freedesktop.DBus.Properties"
OBJECTS = "org.freedesktop.DBus.ObjectManager"
SERVER = (PYTHON, str(HERE / "bus_server.py"))


@pytest.fixture(scope="module")
def private():
    with private_bus() as bus:
        yield bus


@pytest.fixture(scope="module")
def mock(private):
    with mock_polkit(private) as polkit:
        yield polkit


@pytest.fixture
def polkit(mock):
    mock.allow()
    mock.hang()
    return mock


# A connection that is collected while GLib's own thread takes a message from it can stop both
# threads for ever: the one holds Python's lock and wants GLib's, the other the reverse. A daemon
# has one connection all its life; the tests keep theirs.
KEPT = []


@pytest.fixture(scope="module")
def server(private, mock):
    with private.program(*SERVER) as process:
        yield process


@pytest.fixture
def caller(private, server, monkeypatch):
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", private.address)
    made = Caller()
    KEPT.append(made)
    made.call(Call(*MANAGER, "UnbanAll", "s", ("",)))
    return made


@pytest.fixture
def loop():
    made = Loop()
    limit = made.after(8000, lambda: pytest.fail("nothing ended the loop"))
    yield made
    limit.cancel()


@pytest.fixture
def bus(private, server):
    made = Bus.at(private.address)
    KEPT.append(made)
    yield made
    made.close()


def busctl(private, *call, uid=0):
    result = private.busctl("call", *call, uid=uid)
    return result.stdout.strip(), result.stderr.strip()


def jailctl(private, *words, uid=0):
    return private.run(PYTHON, "-m", "jaild.jailctl", *words, uid=uid)


def listen(bus, loop, interface, *signals):
    """Return the list into which signals come; the loop ends with each."""
    heard = []
    for name in signals:

        def note(*values, name=name):
            heard.append((name, *values))
            loop.quit()

        bus.subscribe("org.jaild1", interface, name, note)
    # The bus handles messages in order: after this answer it knows what is subscribed.
    bus._call_and_wait(Call(DBUS, DBUS_PATH, DBUS, "GetId"))
    return heard


def test_busctl_bans_and_unbans(private, caller):
    ban = busctl(private, *MANAGER, "Ban", "ssts", "sshd", "192.0.2.7", "0", "by busctl")
    assert ban == ("", "")
    assert busctl(private, *MANAGER, "Unban", "ss", "sshd", "192.0.2.7") == ("u 1", "")
    assert busctl(private, *MANAGER, "Unban", "ss", "sshd", "192.0.2.7") == ("u 0", "")


def test_introspection_has_signatures_and_annotations(private, server):
    shown = private.busctl("introspect", *MANAGER).stdout.split("\n")
    members = {line.split()[0]: line.split() for line in shown if line}
    assert members[".Ban"][1:4] == ["method", "ssts", "-"]
    assert members[".ListBans"][1:4] == ["method", "s", "a(ssttus)"]
    assert members[".Version"][-1] == "const"
    assert members[".BanCount"][-1] == "emits-change"
    assert members[".Cursor"][-1] == "-"


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (("Ban", "ssts", ("nope", "192.0.2.7", 0, "")), NoSuchJail),
        (("Ban", "ssts", ("sshd", "192.0.2", 0, "")), InvalidAddress),
        (("Nonsense", "", ()), NoSuchMember),
    ],
)
def test_errors_arrive_by_name_with_their_sentence(caller, call, kind):
    with pytest.raises(kind) as caught:
        caller.call(Call(*MANAGER, *call))
    assert "GDBus" not in str(caught.value)


def test_a_bad_reload_tells_file_and_line(caller):
    caller.call(Call(*TEST, "BreakConfig", "s", ("unknown option 'x'",)))
    with pytest.raises(InvalidConfig, match=r"^/etc/jaild/jail.local:3: unknown option 'x'"):
        caller.call(Call(*MANAGER, "Reload"))
    caller.call(Call(*TEST, "BreakConfig", "s", ("",)))
    caller.call(Call(*MANAGER, "Reload"))


def test_an_unforeseen_error_tells_no_detail(caller):
    with pytest.raises(Internal) as caught:
        caller.call(Call(*TEST, "Break"))
    assert "secret" not in str(caught.value)


def test_a_property_cannot_be_written(private, server):
    result = private.busctl("set-property", *MANAGER, "BanCount", "u", "3")
    assert result.returncode != 0


@pytest.mark.parametrize(
    "call",
    [
        ("Ban", "ssts", "sshd", "192.0.2.7", "0", ""),
        ("Unban", "ss", "sshd", "192.0.2.7"),
        ("UnbanAll", "s", ""),
        ("Reload",),
        ("StopJail", "s", "sshd"),
        ("ListJails",),
        ("Explain", "s", "192.0.2.9"),
    ],
)
def test_an_unprivileged_caller_is_refused(private, caller, polkit, call):
    caller.call(Call(*MANAGER, "Ban", "ssts", ("sshd", "192.0.2.9", 0, "")))
    out, err = busctl(private, *MANAGER, *call, uid=NOBODY)
    assert out == ""
    assert "not authorised" in err
    assert caller.call(Call(*MANAGER, "ListBans", "s", ("",)))[0][0][1] == "192.0.2.9"


def test_polkit_allows_one_action_and_not_another(private, caller, polkit):
    polkit.allow("org.jaild1.ban")
    ban = (*JAIL, "Ban", "sts", "192.0.2.7", "0", "")
    assert busctl(private, *ban, uid=NOBODY) == ("", "")
    assert "not authorised" in busctl(private, *JAIL, "Unban", "s", "192.0.2.7", uid=NOBODY)[1]


def test_an_open_password_prompt_holds_nobody_else_up(private, caller, polkit):
    polkit.allow("org.jaild1.ban", "org.jaild1.inspect")
    polkit.hang("org.jaild1.ban")
    command = ["busctl", f"--address={private.address}", "call", *MANAGER, "Ban", "ssts"]
    with subprocess.Popen([*command, "sshd", "192.0.2.7", "0", ""], user=NOBODY) as waiting:
        time.sleep(0.2)
        started = time.monotonic()
        caller.call(Call(*MANAGER, "Ban", "ssts", ("sshd", "192.0.2.8", 0, "")))
        assert time.monotonic() - started < 0.2
        assert busctl(private, *MANAGER, "ListJails", uid=NOBODY)[0].startswith("a(sso) 2")
        assert waiting.poll() is None
        polkit.release()
        assert waiting.wait(5) == 0
    bans = caller.call(Call(*MANAGER, "ListBans", "s", ("",)))[0]
    assert [ban[1] for ban in bans] == ["192.0.2.8", "192.0.2.7"]


def test_a_late_answer_holds_nobody_up(bus, loop):
    order = []

    def late(outcome):
        order.append(outcome)
        loop.quit()

    bus.call(Call(*TEST, "Late", "u", (300,)), late)
    bus.call(Call(*TEST, "Echo", "s", ("quick",)), order.append)
    loop.run()
    assert order == [("quick",), ("late",)]


def test_a_call_has_its_time_and_a_missing_service_its_error(bus, loop):
    outcomes = []

    def note(outcome):
        outcomes.append(outcome)
        if len(outcomes) == 2:
            loop.quit()

    bus.call(Call("org.example.Missing", "/", "org.example.X", "Y"), note)
    bus.call(Call(*TEST, "Late", "u", (3000,)), note, timeout_ms=100)
    loop.run()
    assert [type(outcome) for outcome in outcomes] == [ServiceUnavailable, NoReply]


def test_5000_calls_do_not_grow_the_service(bus, loop, server):
    echo = Call(*TEST, "Echo", "s", ("x" * 100,))

    def many(count):
        left = [count]

        def done(outcome):
            assert outcome == ("x" * 100,)
            left[0] -= 1
            if left[0] >= 50:
                bus.call(echo, done)
            elif not left[0]:
                loop.quit()

        for _ in range(50):
            bus.call(echo, done)
        loop.run()
        pages = Path(f"/proc/{server.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGESIZE")

    before = many(1000)
    assert many(5000) - before < 1_000_000


def test_the_object_manager_follows_the_jails(bus, caller, loop):
    heard = listen(bus, loop, OBJECTS, "InterfacesAdded", "InterfacesRemoved")
    managed = Call(MANAGER[0], MANAGER[1], OBJECTS, "GetManagedObjects")
    (objects,) = caller.call(managed)
    assert set(objects) == {"/org/jaild1/jail/sshd", JAIL[1]}
    assert objects[JAIL[1]][JAIL[2]]["Name"] == "nginx-auth"

    caller.call(Call(*TEST, "AddJail", "s", ("3proxy",)))
    loop.run()
    assert heard[0][:2] == ("InterfacesAdded", "/org/jaild1/jail/_33proxy")
    assert len(caller.call(managed)[0]) == 3
    assert caller.call(Call(*MANAGER, "ListJails"))[0][2] == (
        "3proxy",
        "running",
        "/org/jaild1/jail/_33proxy",
    )

    caller.call(Call(*TEST, "RemoveJail", "s", ("3proxy",)))
    loop.run()
    assert heard[1][:2] == ("InterfacesRemoved", "/org/jaild1/jail/_33proxy")
    with pytest.raises(NoSuchMember):
        caller.call(Call("org.jaild1", heard[1][1], PROPERTIES, "GetAll", "s", (JAIL[2],)))


def test_objects_that_come_and_go_are_forgotten(caller, server):
    def turn(count):
        for _ in range(count):
            caller.call(Call(*TEST, "AddJail", "s", ("passing",)))
            caller.call(Call(*TEST, "RemoveJail", "s", ("passing",)))
        pages = Path(f"/proc/{server.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGESIZE")

    before = turn(100)
    assert turn(300) - before < 500_000


def test_signals_tell_bans_and_a_changed_state(bus, caller, loop):
    bans = listen(bus, loop, JAIL[2], "BanAdded", "BanRemoved")
    changes = listen(bus, loop, PROPERTIES, "PropertiesChanged")
    caller.call(Call(*JAIL, "Ban", "sts", ("192.0.2.7", FOREVER, "")))
    caller.call(Call(*JAIL, "Unban", "s", ("192.0.2.7",)))
    while len(bans) < 2 or not any(change[3] == ["BannedAddresses"] for change in changes):
        loop.run()
    name, jail, address, _since, until, failures = bans[0]
    assert (name, jail, address, until, failures) == (
        "BanAdded",
        "nginx-auth",
        "192.0.2.7",
        FOREVER,
        0,
    )
    assert bans[1] == ("BanRemoved", "nginx-auth", "192.0.2.7", "unban")

    caller.call(Call(*TEST, "FailJail", "ss", ("nginx-auth", "a bad\nfilter")))
    while "State" not in changes[-1][2]:
        loop.run()
    _, interface, values, _ = changes[-1]
    # What the unban changed may be announced in the same breath.
    assert interface == JAIL[2]
    assert (values["State"], values["StateReason"]) == ("failed", "a bad\nfilter")
    caller.call(Call(*MANAGER, "StartJail", "s", ("nginx-auth",)))


def test_a_flood_of_bans_is_announced_one_by_one_but_its_count_now_and_then(bus, caller, loop):
    bans = listen(bus, loop, MANAGER[2], "BanAdded")
    changes = listen(bus, loop, PROPERTIES, "PropertiesChanged")
    caller.call(Call(*TEST, "Flood", "u", (1000,)))
    while len(bans) < 1000 or not any(change[2].get("BanCount") == 1000 for change in changes):
        loop.run()
    assert len(changes) < 10
    rows = caller.call(Call(*MANAGER, "ListBans", "s", ("sshd",)))[0]
    assert len(rows) == 1000
    assert rows[0][5].isprintable()


def test_the_name_cannot_be_taken_over(bus):
    with pytest.raises(NameTaken):
        bus.own("org.jaild1")


def test_watching_a_name_tells_who_has_it_and_when_it_goes(bus, private, loop):
    seen = []

    def note(what):
        seen.append(what)
        loop.quit()

    other = Bus.at(private.address)
    other.own("org.example.Other")
    bus.watch_name("org.example.Other", note, lambda: note("gone"))
    loop.run()
    other.close()
    loop.run()
    assert seen == [other.unique_name, "gone"]


@pytest.mark.parametrize("interactive", [False, True])
def test_the_service_knows_the_uid_and_whether_it_may_ask_for_a_password(caller, interactive):
    assert Caller(interactive=interactive).call(Call(*TEST, "Who")) == (0, interactive)


def test_jailctl_from_end_to_end(private, caller):
    assert jailctl(private, "set", "sshd", "banip", "192.0.2.7").stdout == "1\n"
    assert json.loads(jailctl(private, "bans", "--json").stdout)[0]["address"] == "192.0.2.7"
    assert "`- Jail list:\tsshd, nginx-auth" in jailctl(private, "status").stdout
    unknown = jailctl(private, "status", "nope")
    assert (unknown.returncode, unknown.stderr) == (3, "jailctl: there is no jail 'nope'\n")


def test_an_explanation_over_the_bus(private, caller):
    caller.call(Call(*MANAGER, "Ban", "ssts", ("sshd", "192.0.2.7", FOREVER, "why")))
    told, err = busctl(private, *MANAGER, "Explain", "s", "192.0.2.7")
    assert told.startswith('a{sv} 5 "address" s "192.0.2.7"'), err
    facts = caller.call(Call(*MANAGER, "Explain", "s", ("192.0.2.7",)))[0]
    assert [jail.get("ban", {}).get("reason") for jail in facts["jails"]] == ["why", None]
    shown = jailctl(private, "explain", "192.0.2.7")
    assert shown.stdout.startswith('192.0.2.7 is banned by sshd for ever, by hand ("why").\n')
    assert (shown.returncode, shown.stderr) == (0, "")
    assert json.loads(jailctl(private, "explain", "192.0.2.7", "--json").stdout)["messages"] == {}


def test_jailctl_without_authority_says_so(private, caller, polkit):
    result = jailctl(private, "unban", "--all", uid=NOBODY)
    assert result.returncode == 4
    assert result.stderr.startswith("jailctl: you are not authorised")


def test_jailctl_is_quiet_when_its_reader_has_gone(private, caller):
    caller.call(Call(*TEST, "Flood", "u", (2000,)))
    command = [PYTHON, "-m", "jaild.jailctl", "bans"]
    readable, writable = os.pipe()
    os.close(readable)
    result = subprocess.run(
        command, env=private.environment, stdout=writable, stderr=subprocess.PIPE, check=False
    )
    os.close(writable)
    assert (result.returncode, result.stderr) == (141, b"")


def test_ctrl_c_ends_jailctl_while_it_waits(private, caller, server):
    server.send_signal(signal.SIGSTOP)
    command = [PYTHON, "-m", "jaild.jailctl", "ping"]
    try:
        with subprocess.Popen(command, env=private.environment, stderr=subprocess.PIPE) as process:
            time.sleep(0.5)
            process.send_signal(signal.SIGINT)
            assert process.wait(5) == -signal.SIGINT
            assert process.stderr.read() == b""
    finally:
        server.send_signal(signal.SIGCONT)


def test_without_polkit_only_root_may_and_without_the_bus_the_service_ends():
    with private_bus() as lonely, lonely.program(*SERVER) as process:
        assert busctl(lonely, *MANAGER, "UnbanAll", "s", "") == ("u 0", "")
        assert "not authorised" in busctl(lonely, *MANAGER, "UnbanAll", "s", "", uid=NOBODY)[1]
        lonely.process.kill()
        assert process.wait(5) == 0
        result = jailctl(lonely, "ping")
        assert result.returncode == 69
        assert "the system bus cannot be reached" in result.stderr


def test_jailctl_tells_how_to_start_what_does_not_run():
    with private_bus() as empty:
        result = jailctl(empty, "start")
    assert result.returncode == 69
    assert result.stderr.endswith("systemctl start jaild\n")
