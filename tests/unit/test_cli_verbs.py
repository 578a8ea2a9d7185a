# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""jailctl's verbs against a caller that answers as org.jaild1 does: no bus is needed."""

import io
import json
import re
import time

import pytest

pytest.importorskip("gi")

from jaild.api import names, path
from jaild.api.client import Client
from jaild.cli import render, session
from jaild.cli.main import run
from jaild.core.ban import FOREVER, Ban
from jaild.core.errors import (
    FirewallFailed,
    InvalidConfig,
    JaildError,
    NoSuchJail,
    NotAuthorized,
)
from jaild.dbus.errors import NoSuchMember, ServiceUnavailable
from tests.integration.bus_fake import MINUTE, NOW, FakeService, FakeStatus

OWN = session.Own(frozenset({"198.51.100.66"}))
EVIL = "\x1b[2J\x07\r\n\u202e"


class Bus:
    """Answers calls from a FakeService."""

    def __init__(self):
        self.service = FakeService()
        self.calls = []
        self.error = None

    def call(self, call):
        self.calls.append((call.method, *call.args))
        if self.error is not None:
            raise self.error
        return getattr(self, "_" + call.method.lower())(call, *call.args)

    def _ban(self, _call, *args):
        return self._wait(self.service.ban, *args)

    def _unban(self, _call, *args):
        return self._wait(self.service.unban, *args)

    def _unbanall(self, _call, *args):
        return self._wait(self.service.unban_all, *args)

    def _listbans(self, _call, jail):
        bans = self.service.bans(jail)
        return ([(b.jail, b.address, b.since, b.until, b.failures, b.reason) for b in bans],)

    def _listjails(self, _call):
        return ([(s.name, s.state, path.encode(s.name)) for s in self.service.jail_states()],)

    def _startjail(self, _call, name):
        self.service.start_jail(name)
        return ()

    def _stopjail(self, _call, name):
        return self._wait(self.service.stop_jail, name)

    def _reload(self, _call):
        self.service.reload()
        return ()

    def _get(self, _call, _interface, name):
        return ({"Version": self.service.version, "BanCount": self.service.ban_count}[name],)

    def _getall(self, call, interface):
        assert interface == names.JAIL
        try:
            s = self.service.jail_status(path.decode(call.path))
        except NoSuchJail:
            raise NoSuchMember("no such object") from None
        return (
            {
                "Name": s.name,
                "State": s.state,
                "StateReason": s.reason,
                "Filter": s.filter,
                "JournalMatch": s.match,
                "MaxRetry": s.maxretry,
                "FindTimeUSec": s.findtime,
                "BanTimeUSec": s.bantime,
                "FailedNow": s.failed_now,
                "FailedTotal": s.failed_total,
                "BannedNow": s.banned_now,
                "BannedTotal": s.banned_total,
                "BannedAddresses": list(s.addresses),
                "IgnoredAddresses": list(s.ignored),
                "Actions": list(s.actions),
            },
        )

    def _wait(self, method, *args):
        results = []
        method(*args, results.append)
        if isinstance(results[0], JaildError):
            raise results[0]
        return results if results[0] is not None else ()


@pytest.fixture(autouse=True)
def surroundings(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setattr(session, "find", lambda _caller: OWN)


@pytest.fixture
def bus():
    return Bus()


@pytest.fixture
def jailctl(bus, capsys):
    def command(line):
        try:
            status = run(line.split(), lambda: Client(bus))
        except SystemExit as end:
            status = end.code
        out, err = capsys.readouterr()
        return status, out, err

    return command


def test_status_is_fail2bans_tree(jailctl):
    assert jailctl("status") == (
        0,
        "Status\n|- Number of jail:\t2\n`- Jail list:\tsshd, nginx-auth\n",
        "",
    )


def test_status_of_a_jail_is_fail2bans_tree(jailctl):
    jailctl("ban sshd 192.0.2.7")
    jailctl("ban sshd 192.0.2.8")
    status, out, err = jailctl("status sshd")
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        "Status for the jail: sshd",
        "|- Filter",
        "|  |- Currently failed:\t1",
        "|  |- Total failed:\t7",
        "|  `- Journal matches:\t_SYSTEMD_UNIT=ssh.service",
        "`- Actions",
        "   |- Currently banned:\t2",
        "   |- Total banned:\t2",
        "   `- Banned IP list:\t192.0.2.7 192.0.2.8",
    ]


def test_status_mentions_what_does_not_run_on_stderr(jailctl):
    jailctl("stop sshd")
    _, out, err = jailctl("status")
    assert "Number of jail:\t2" in out
    assert err.startswith("jailctl: jail 'sshd' is stopped")
    assert "is stopped" in jailctl("status sshd")[2]
    assert jailctl("status --all")[1].count("Status for the jail:") == 2


def test_status_in_json(jailctl):
    facts = json.loads(jailctl("status --json")[1])
    assert facts == {
        "version": "0.1.0",
        "ban_count": 0,
        "jails": [
            {"name": "sshd", "state": "running"},
            {"name": "nginx-auth", "state": "running"},
        ],
    }
    jail = json.loads(jailctl("status sshd --json")[1])
    assert jail["journal_match"] == "_SYSTEMD_UNIT=ssh.service"
    assert jail["ban_time_usec"] == 10 * MINUTE
    assert len(json.loads(jailctl("status --all --json")[1])) == 2


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ("", (0, "")),
        ("--for 1h --reason scanner", (60 * MINUTE, "scanner")),
        ("--for -1", (FOREVER, "")),
    ],
)
def test_ban_sends_duration_and_reason(jailctl, bus, options, sent):
    assert jailctl(f"ban sshd 192.0.2.7 {options}") == (0, "", "")
    assert bus.calls == [("Ban", "sshd", "192.0.2.7", *sent)]


@pytest.mark.parametrize(
    "line", ["ban sshd 198.51.100.66", "ban sshd 198.51.100.0/24", "set sshd banip 198.51.100.66"]
)
def test_the_own_session_is_banned_only_by_force(jailctl, bus, line):
    status, _, err = jailctl(line)
    assert status == 1
    assert "198.51.100.66" in err
    assert "--force" in err
    assert bus.calls == []
    assert jailctl(line + " --force")[0] == 0


@pytest.mark.parametrize(("bad", "expected"), [("nonsense", 2), ("198.51.100.66", 1)])
def test_one_address_that_fails_keeps_no_other(jailctl, bus, bad, expected):
    status, out, err = jailctl(f"set sshd banip 192.0.2.7 {bad} 192.0.2.8")
    assert (status, out) == (expected, "2\n")
    assert bad in err
    assert [ban.address for ban in bus.service.kept] == ["192.0.2.7", "192.0.2.8"]
    status, out, _ = jailctl("set sshd unbanip 192.0.2.7 nonsense 192.0.2.8")
    assert (status, out) == (2, "2\n")


def test_that_the_own_session_is_not_known_is_said(jailctl, monkeypatch):
    unknown = session.Own(frozenset(), is_known=False)
    monkeypatch.setattr(session, "find", lambda _caller: unknown)
    status, _, err = jailctl("set sshd banip 192.0.2.7 192.0.2.8")
    assert status == 0
    assert err.count("not known whether you come over ssh") == 1


def test_bans_are_aligned_text_in_a_pipe(jailctl):
    jailctl("ban sshd 192.0.2.7 --for -1")
    assert jailctl("bans")[1].splitlines() == [
        "Jail  Address    Since                Until  Failures  Reason",
        "sshd  192.0.2.7  2026-09-21 14:13:20  never         0",
    ]


def test_bans_in_json_end_at_null_when_for_ever(jailctl):
    jailctl("ban sshd 192.0.2.7 --for -1 --reason x")
    assert json.loads(jailctl("bans --json")[1]) == [
        {
            "jail": "sshd",
            "address": "192.0.2.7",
            "since": NOW,
            "until": None,
            "failures": 0,
            "reason": "x",
        }
    ]


def test_unban_prints_the_number_and_tells_by_its_status_whether_there_was_a_ban(jailctl):
    jailctl("ban sshd 192.0.2.7")
    jailctl("ban nginx-auth 192.0.2.7")
    jailctl("ban sshd 192.0.2.8")
    assert jailctl("unban sshd 192.0.2.7") == (0, "1\n", "")
    assert jailctl("unban sshd 192.0.2.7") == (3, "0\n", "")
    assert jailctl("unban 192.0.2.7 192.0.2.8") == (0, "2\n", "")
    assert jailctl("unban --all") == (0, "0\n", "")
    assert jailctl("unban --all sshd --json") == (0, '{\n  "changed": 0\n}\n', "")


def test_unban_lets_an_address_in_whatever_holds_it(jailctl):
    jailctl("set sshd banip 2001:db8::/64 2001:db8::7 2001:db8:0:1::/64")
    assert jailctl("unban 2001:db8::7") == (0, "2\n", "")
    jailctl("set sshd banip 192.0.2.7 192.0.2.8 192.0.3.1")
    assert jailctl("set sshd unbanip 192.0.2.0/24") == (0, "2\n", "")


@pytest.mark.parametrize(
    ("line", "lifted"),
    [
        ("unban sshd 203.0.113.7", 0),
        ("unban 203.0.113.7 192.0.2.7", 1),
        ("set sshd unbanip 203.0.113.7 192.0.2.7", 1),
    ],
)
def test_what_denyip_lists_is_not_let_in_and_the_others_are(jailctl, bus, line, lifted):
    jailctl("ban sshd 192.0.2.7")
    bus.service.denied = ("203.0.113.7",)
    assert jailctl(line) == (
        1,
        f"{lifted}\n",
        "jailctl: 203.0.113.7 stays banned: denyip of jail sshd lists it\n",
    )


def test_a_reload_that_some_jails_refuse_says_which(jailctl, bus):
    bus.error = InvalidConfig(
        "jail 'sshd' goes on as before, the others use the new configuration: "
        "/etc/jaild/jail.local:12: unknown option 'maxrety'"
    )
    status, out, err = jailctl("reload")
    assert (status, out) == (78, "")
    assert err == f"jailctl: {bus.error}\n"


def test_set_prints_the_number_as_fail2ban_does(jailctl):
    assert jailctl("set sshd banip 192.0.2.7 192.0.2.8") == (0, "2\n", "")
    assert jailctl("set sshd unbanip 192.0.2.7 192.0.2.9") == (0, "1\n", "")
    assert jailctl("set sshd unbanip 192.0.2.7") == (0, "0\n", "")


def test_set_goes_on_after_a_failure_and_tells_it(jailctl):
    status, out, err = jailctl("set sshd banip 127.0.0.1 192.0.2.7")
    assert (status, out) == (1, "1\n")
    assert "127.0.0.1" in err


def test_banned_and_get_answer_as_fail2ban_does(jailctl):
    jailctl("set sshd banip 192.0.2.7 192.0.2.8")
    assert jailctl("banned")[1] == "[{'sshd': ['192.0.2.7', '192.0.2.8']}, {'nginx-auth': []}]\n"
    assert jailctl("banned 192.0.2.7 192.0.2.9")[1] == "[['sshd'], []]\n"
    jailctl("ban nginx-auth 192.0.2.0/24")
    assert jailctl("banned 192.0.2.7 192.0.2.9")[1] == "[['sshd', 'nginx-auth'], ['nginx-auth']]\n"
    assert jailctl("get sshd banip")[1] == "192.0.2.7 192.0.2.8\n"
    assert jailctl("get sshd banip ,")[1] == "192.0.2.7,192.0.2.8\n"
    assert jailctl("get sshd banip --with-time")[1].splitlines()[0] == (
        "192.0.2.7 \t2026-09-21 14:13:20 + 600 = 2026-09-21 14:23:20"
    )
    assert [jailctl(f"get sshd {o}")[1] for o in ("bantime", "findtime", "maxretry")] == [
        "600\n",
        "600\n",
        "5\n",
    ]


def test_the_small_verbs(jailctl):
    assert jailctl("ping") == (0, "Server replied: pong\n", "")
    assert jailctl("version") == (0, "0.1.0\n", "")
    assert jailctl("reload") == (0, "OK\n", "")
    assert jailctl("start")[0] == 0
    assert jailctl("stop sshd") == (0, "jail sshd is stopped\n", "")
    assert jailctl("add sshd systemd") == (0, "jail sshd is running\n", "")


@pytest.mark.parametrize(
    "verb",
    [
        "status",
        "status sshd",
        "bans",
        "banned",
        "get sshd banip",
        "get sshd maxretry",
        "ping",
        "version",
        "reload",
        "start",
        "start sshd",
        "stop sshd",
        "add sshd",
        "ban sshd 192.0.2.7",
        "set sshd banip 192.0.2.7",
        "set sshd unbanip 192.0.2.7",
        "unban --all",
    ],
)
def test_every_verb_has_json(jailctl, verb):
    status, out, err = jailctl(verb + " --json")
    assert (status, err) == (0, "")
    json.loads(out)


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("status nope", 3),
        ("bans nope", 3),
        ("ban nope 192.0.2.7", 3),
        ("add nope", 3),
        ("ban sshd example.org", 2),
        ("ban sshd 192.0.2.7 --for soon", 2),
        ("ban sshd 192.0.2.7 --for 0", 2),
        ("unban", 2),
        ("unban example.org", 2),
        ("unban sshd example.org", 2),
        ("unban --all sshd 192.0.2.7", 2),
        ("status sshd --all", 2),
        ("stop", 2),
        ("bogus", 2),
        ("", 2),
    ],
)
def test_mistakes_have_their_status_and_one_sentence(jailctl, line, status):
    code, out, err = jailctl(line)
    assert (code, out) == (status, "")
    assert err.splitlines()[-1].startswith("jailctl: ")
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotAuthorized("no"), 4),
        (ServiceUnavailable("no"), 69),
        (InvalidConfig("bad", "/etc/jaild/jail.local", 3), 78),
        (FirewallFailed("no"), 1),
        (ZeroDivisionError("what"), 1),
    ],
)
def test_failures_have_their_status(jailctl, bus, error, status):
    bus.error = error
    code, out, err = jailctl("reload")
    assert (code, out) == (status, "")
    assert "Traceback" not in err


def test_what_is_not_running_says_how_to_start_it(jailctl, bus):
    bus.error = ServiceUnavailable("The name was not provided by any .service files")
    assert jailctl("start") == (
        69,
        "",
        "jailctl: jaild is not running; start it with: systemctl start jaild\n",
    )


def harmless(text):
    return all(char.isprintable() or char in "\n\t" for char in text)


def test_nothing_from_the_service_reaches_the_terminal_raw(jailctl, bus):
    bus.service.kept.append(Ban("sshd", "192.0.2.7", NOW, FOREVER, 3, EVIL))
    bus.service.version = EVIL
    for line in ("bans", "version", "banned", "get sshd banip"):
        assert harmless(jailctl(line)[1]), line
    bus.error = FirewallFailed(EVIL)
    assert harmless(jailctl("reload")[2])


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self):
        return True


@pytest.fixture
def terminal(bus, monkeypatch):
    """Run jailctl on a terminal of some width and return what it shows, without colours."""

    def command(line, width=80):
        monkeypatch.setenv("COLUMNS", str(width))
        screen = Screen()
        monkeypatch.setattr("sys.stdout", screen)
        assert run(line.split(), lambda: Client(bus)) == 0
        return re.sub(r"\x1b\[[0-9;]*m", "", screen.getvalue())

    return command


def network(number):
    return f"2001:db8:{number:x}:ffff::/64"


def test_the_table_on_a_terminal_is_as_harmless_and_takes_no_markup(terminal, bus):
    bus.service.kept.append(Ban("sshd", "192.0.2.7", NOW, FOREVER, 3, "[red]x[/red]" + EVIL))
    shown = terminal("bans", 120)
    assert harmless(shown)
    assert "[red]x[/red]" in shown


@pytest.mark.parametrize(
    ("jail", "reason", "width", "head"),
    [
        ("sshd", "5 failures", 120, "Jail Address Since Until Failures Reason"),
        ("sshd", "5 failures", 80, "Jail Address Until Failures Reason"),
        ("nginx-http-auth", "5 failures", 80, "Jail Address Until Failures Reason"),
        ("a-jail-with-quite-some-name", "5 failures", 80, "Jail Address Until"),
        ("sshd", "x" * 200, 80, "Jail Address Until Failures Reason"),
        ("sshd", "5 failures", 60, "Jail Address Until Reason"),
        ("sshd", "5 failures", 40, "Jail Address"),
        ("sshd", "5 failures", 20, "Jail Address"),
    ],
)
def test_a_long_roster_of_networks_fits_into_the_terminal(terminal, bus, jail, reason, width, head):
    bus.service.jails[jail] = FakeStatus(jail)
    bus.service.kept += [Ban(jail, network(n), NOW, NOW, 5, reason) for n in range(0xF000, 0xF7D0)]
    first, *lines = terminal("bans", width).splitlines()
    assert first.split() == head.split()
    assert len(lines) == 2000
    assert max(map(len, [first, *lines])) <= width
    whole = all(network(0xF000 + n) in line for n, line in enumerate(lines))
    assert whole == (width > 20)


def test_a_pipe_gets_every_column_whole(jailctl, bus):
    bus.service.kept.append(Ban("sshd", network(1), NOW, NOW, 5, "x" * 200))
    shown = jailctl("bans")[1]
    assert shown.splitlines()[0].split() == [*render.COLUMNS]
    assert "x" * 200 in shown


def test_a_long_list_of_banned_addresses_is_whole_in_a_pipe_only(terminal, jailctl, bus):
    bus.service.kept += [Ban("sshd", network(n), NOW, NOW, 5, "x") for n in range(2000)]
    everything = " ".join(network(n) for n in range(2000))
    assert jailctl("status sshd")[1].endswith(f"Banned IP list:\t{everything}\n")
    last = " ".join(network(n) for n in range(1900, 2000))
    assert terminal("status sshd").endswith(
        f"Banned IP list:\t{last} … and 1,900 more: jailctl bans sshd\n"
    )
    bus.service.kept = bus.service.kept[:100]
    assert "more" not in terminal("status sshd")
