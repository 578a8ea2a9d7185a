# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""org.jaild1.Manager and org.jaild1.Jail as plain objects: no bus is needed."""

import re
import xml.etree.ElementTree as ET

import pytest

pytest.importorskip("gi")

from jaild.api import names
from jaild.api.explain import pack, tell
from jaild.api.gate import REASON_MAX, Gate
from jaild.api.jail import ANNOUNCED, Jail
from jaild.api.manager import Manager
from jaild.core.ban import FOREVER, Ban, Evidence
from jaild.core.errors import (
    AddressDenied,
    AddressIgnored,
    InvalidAddress,
    InvalidConfig,
    InvalidDuration,
    NoSuchJail,
    NotAuthorized,
)
from jaild.core.tally import Failure
from jaild.dbus import variant
from jaild.dbus.publish import Caller
from tests.integration.bus_fake import MINUTE, NOW, FakeExplanation, FakeService, FakeStanding

ROOT = Caller(":1.1")
CHANGES = [
    ("Ban", ("sshd", "192.0.2.7", 0, "x"), "org.jaild1.ban"),
    ("Unban", ("sshd", "192.0.2.7"), "org.jaild1.unban"),
    ("UnbanAll", ("",), "org.jaild1.unban"),
    ("ListBans", ("",), "org.jaild1.inspect"),
    ("ListJails", (), "org.jaild1.inspect"),
    ("Explain", ("192.0.2.7",), "org.jaild1.inspect"),
    ("StartJail", ("sshd",), "org.jaild1.manage"),
    ("StopJail", ("sshd",), "org.jaild1.manage"),
    ("Reload", (), "org.jaild1.manage"),
]


class Polkit:
    """Decides at once, and remembers what it was asked."""

    def __init__(self):
        self.allows = True
        self.asked = []

    def authorise(self, sender, action, done, *, interactive):
        self.asked.append((sender, action, interactive))
        done(self.allows)


class Heard:
    """Where an answer arrives."""

    def __init__(self, deferred):
        self.value = self.problem = None
        deferred.bind(self)

    def values(self, values):
        self.value = values

    def error(self, error):
        self.problem = error


@pytest.fixture
def polkit():
    return Polkit()


@pytest.fixture
def service():
    return FakeService()


@pytest.fixture
def manager(service, polkit):
    return Manager(service, Gate(polkit.authorise))


def ask(target, method, *args, caller=ROOT):
    return Heard(getattr(target, method)(*args, caller=caller))


@pytest.mark.parametrize(("method", "args", "action"), CHANGES)
def test_every_method_asks_for_its_action_before_anything_happens(
    manager, service, polkit, method, args, action
):
    polkit.allows = False
    heard = ask(manager, method, *args, caller=Caller(":1.7", interactive=True))
    assert polkit.asked == [(":1.7", action, True)]
    assert isinstance(heard.problem, NotAuthorized)
    assert service.calls == []
    polkit.allows = True
    assert ask(manager, method, *args).problem is None


def test_bad_arguments_of_an_unauthorised_caller_tell_it_nothing(manager, polkit):
    polkit.allows = False
    assert isinstance(ask(manager, "Ban", "nope", "bad", 0, "").problem, NotAuthorized)


@pytest.mark.parametrize(
    ("duration", "until"), [(0, NOW + 10 * MINUTE), (MINUTE, NOW + MINUTE), (FOREVER, FOREVER)]
)
def test_ban_hands_on_canonical_values(manager, service, duration, until):
    heard = ask(manager, "Ban", "sshd", "192.0.2.9/24", duration, "two\nlines\x1b[2J")
    assert heard.value == ()
    assert service.kept == [Ban("sshd", "192.0.2.0/24", NOW, until, 0, "two\ufffdlines\ufffd[2J")]


@pytest.mark.parametrize(("given", "kept"), [("", "by hand"), (" \n", "\ufffd"), ("x" * 300, None)])
def test_reasons_are_short_and_never_empty(manager, service, given, kept):
    ask(manager, "Ban", "sshd", "192.0.2.7", 0, given)
    assert service.kept[0].reason == (kept or "x" * REASON_MAX)


@pytest.mark.parametrize(
    ("args", "kind"),
    [
        (("nope", "192.0.2.7", 0, ""), NoSuchJail),
        (("", "192.0.2.7", 0, ""), NoSuchJail),
        (("s" * 65, "192.0.2.7", 0, ""), NoSuchJail),
        (("ss\nhd", "192.0.2.7", 0, ""), NoSuchJail),
        (("sshd", "example.org", 0, ""), InvalidAddress),
        (("sshd", "1.2.3.4\x1b[2J", 0, ""), InvalidAddress),
        (("sshd", "1" * 10_000, 0, ""), InvalidAddress),
        (("sshd", "0.0.0.0/0", 0, ""), InvalidAddress),
        (("sshd", "192.0.2.7", 2**63, ""), InvalidDuration),
        (("sshd", "127.0.0.1", 0, ""), AddressIgnored),
    ],
)
def test_ban_names_what_is_wrong_in_a_short_sentence(manager, service, args, kind):
    problem = ask(manager, "Ban", *args).problem
    assert isinstance(problem, kind)
    assert len(str(problem)) < 200
    assert str(problem).isprintable()
    assert service.kept == []


def test_unban_counts(manager):
    ask(manager, "Ban", "sshd", "192.0.2.7", 0, "")
    ask(manager, "Ban", "nginx-auth", "192.0.2.7", 0, "")
    assert ask(manager, "Unban", "sshd", "192.0.2.8").value == (0,)
    assert ask(manager, "Unban", "", "192.0.2.7").value == (2,)
    assert ask(manager, "UnbanAll", "sshd").value == (0,)
    assert isinstance(ask(manager, "UnbanAll", "nope").problem, NoSuchJail)


def test_lists(manager, service):
    ask(manager, "Ban", "sshd", "192.0.2.7", FOREVER, "why")
    (bans,) = ask(manager, "ListBans", "sshd").value
    assert bans == [("sshd", "192.0.2.7", NOW, FOREVER, 0, "why")]
    assert ask(manager, "ListBans", "nginx-auth").value == ([],)
    (jails,) = ask(manager, "ListJails").value
    assert jails[1] == ("nginx-auth", "running", "/org/jaild1/jail/nginx_2dauth")


def explained(manager, text="192.0.2.7"):
    """Return what a caller of Explain gets, over D-Bus's own types."""
    heard = ask(manager, "Explain", text)
    assert heard.problem is None
    return variant.build("(a{sv})", heard.value).unpack()[0]


def test_an_explanation_leaves_out_what_makes_no_sense(manager):
    ask(manager, "Ban", "sshd", "192.0.2.0/24", FOREVER, "why")
    facts = explained(manager, "192.0.2.9/24")
    assert (facts["address"], facts["past"]) == ("192.0.2.0/24", [])
    sshd, web = facts["jails"]
    assert sshd["ban"] == {
        "address": "192.0.2.0/24",
        "since": NOW,
        "until": FOREVER,
        "failures": 0,
        "reason": "why",
        "cursors": [],
        "evidence": [],
    }
    assert web["why"] == "no failures in the last 10m"
    assert not {"ban", "window_ends", "offences", "next_ban_usec"} & web.keys()


def test_an_explanation_is_bounded_and_harmless(manager, service):
    evil = "\x1b[2J" + "x" * 10_000
    many = tuple(Failure(NOW + n, f"s=1;i={n}", "", evil) for n in range(1000))
    ban = Ban(
        "sshd",
        "192.0.2.7",
        NOW,
        FOREVER,
        5,
        evil,
        tuple(Evidence(one.time, one.cursor, one.message) for one in many),
    )
    standing = FakeStanding(
        "sshd",
        failures=many,
        ends=NOW,
        ban=ban,
        why=evil,
        ignored=evil,
        offences=2,
        next_ban=MINUTE,
    )
    jails = (standing, *(FakeStanding(f"jail{n}") for n in range(999)))
    service.explanation = FakeExplanation(
        "192.0.2.7", jails[:50], ((ban, evil),) * 1000, evil, evil
    )
    facts = explained(manager)
    assert len(facts["past"]) == 20
    jail = facts["jails"][0]
    assert (jail["failures"], len(jail["counted"])) == (1000, 100)
    assert jail["counted"][-1] == (NOW + 999, "s=1;i=999", "\ufffd[2J" + "x" * 252)
    assert jail["ban"]["cursors"] == [f"s=1;i={n}" for n in range(900, 1000)]
    assert jail["ban"]["evidence"] == jail["counted"]
    assert facts["past"][0]["evidence"] == jail["counted"]
    assert (jail["window_ends"], jail["offences"], jail["next_ban_usec"]) == (NOW, 2, MINUTE)
    texts = (facts["ignored"], facts["problem"], jail["why"], jail["ban"]["reason"])
    assert all(len(text) == 500 and text.isprintable() for text in texts)
    assert facts["past"][0]["ended"].isprintable()
    service.explanation = FakeExplanation("192.0.2.7", jails, ((ban, evil),) * 1000)
    facts = explained(manager)
    assert len(facts["jails"]) == 500
    assert len(facts["jails"][0]["counted"]) == len(facts["jails"][0]["ban"]["evidence"]) == 10


def test_an_explanation_fits_into_a_message_of_the_system_bus():
    wide = "\U0001f600" * 256
    many = tuple(Failure(NOW, "s=" + "a" * 150, "", wide) for _ in range(100))
    evidence = tuple(Evidence(one.time, one.cursor, one.message) for one in many)
    ban = Ban("sshd", "192.0.2.7", NOW, FOREVER, 5, wide, evidence)
    standing = FakeStanding("s" * 60, failures=many, ends=NOW, ban=ban, why=wide, ignored=wide)
    whole = FakeExplanation("192.0.2.7", (standing,) * 500, ((ban, wide),) * 20)
    assert variant.build("(a{sv})", (pack(tell(whole)),)).get_size() < 2**25


def test_what_an_address_is_counted_as_is_told(manager, service):
    standing = FakeStanding("sshd", unit="2001:db8::/64")
    service.explanation = FakeExplanation("2001:db8::7", (standing,))
    assert explained(manager, "2001:db8::7")["jails"][0]["counted_as"] == "2001:db8::/64"


def test_what_denyip_lists_is_not_let_in(manager, service):
    service.denied = ("192.0.2.7",)
    assert isinstance(ask(manager, "Unban", "", "192.0.2.7").problem, AddressDenied)


def test_what_is_no_address_is_not_explained(manager):
    assert isinstance(ask(manager, "Explain", "example.org").problem, InvalidAddress)
    assert isinstance(ask(manager, "Explain", "0.0.0.0/0").problem, InvalidAddress)


def test_a_refused_reload_says_where(manager, service):
    service.invalid = "unknown option 'maxrety'"
    problem = ask(manager, "Reload").problem
    assert isinstance(problem, InvalidConfig)
    assert str(problem).startswith("/etc/jaild/jail.local:3: unknown option 'maxrety'")


def test_for_the_names_of_jails_nothing_else_is_looked_at(manager, service):
    service.jail_states = service.jail_status = None
    assert manager.Jails == ["sshd", "nginx-auth"]


def test_an_unexpected_failure_is_an_answer_too(manager, service):
    service.jail_states = None
    assert isinstance(ask(manager, "ListJails").problem, TypeError)


def test_a_jail_is_the_manager_for_one_name(manager, service):
    jail = Jail("nginx-auth", lambda: service.jail_status("nginx-auth"), manager)
    assert ask(jail, "Ban", "192.0.2.7", 0, "").value == ()
    assert list(jail.BannedAddresses) == ["192.0.2.7"]
    assert jail.BannedNow == 1
    assert ask(jail, "Unban", "192.0.2.7").value == (1,)


@pytest.mark.parametrize("interface", [names.MANAGER, names.JAIL])
def test_the_xml_and_the_object_have_the_same_members(manager, interface):
    target = Manager if interface == names.MANAGER else Jail
    shown = {n for n in vars(target) if n[0].isupper()}
    (node,) = ET.fromstring(names.xml(interface))
    members = {m.get("name") for m in node if m.tag in ("method", "property")}
    assert shown == members


@pytest.mark.parametrize("interface", [names.MANAGER, names.JAIL])
def test_every_member_of_the_xml_is_described_before_it(interface):
    text = names.xml(interface)
    for kind, name in re.findall(r'<(method|signal|property) name="(\w+)"', text):
        assert re.search(rf'<!-- {name}: [^<]*-->\s*<{kind} name="{name}"', text), name


def test_what_is_announced_is_what_the_xml_promises(manager):
    (node,) = ET.fromstring(names.xml(names.JAIL))
    promised = {p.get("name") for p in node if p.tag == "property" and p[0].get("value") == "true"}
    assert promised == set(ANNOUNCED)
