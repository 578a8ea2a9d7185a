# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from jaild.core.errors import FirewallFailed, InvalidConfig, NoSuchJail, NotAuthorized
from jaild.dbus import errors


@pytest.mark.parametrize("kind", [NoSuchJail, FirewallFailed, InvalidConfig, errors.Internal])
def test_an_error_survives_the_way_over_the_bus(kind):
    there = errors.of_name(errors.to_name(kind("a sentence")), "a sentence")
    assert type(there) is kind
    assert str(there) == "a sentence"


def test_an_error_that_is_not_known_here_keeps_its_sentence():
    found = errors.of_name("org.jaild1.Error.FromTheFuture", "a sentence")
    assert type(found) is errors.BusError
    assert str(found) == "a sentence"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ServiceUnknown", errors.ServiceUnavailable),
        ("NameHasNoOwner", errors.ServiceUnavailable),
        ("Spawn.ChildExited", errors.ServiceUnavailable),
        ("NoReply", errors.NoReply),
        ("AccessDenied", NotAuthorized),
        ("UnknownObject", errors.NoSuchMember),
        ("InvalidArgs", errors.BusError),
    ],
)
def test_errors_of_the_bus_itself_have_a_class(name, kind):
    assert type(errors.of_name("org.freedesktop.DBus.Error." + name, "x")) is kind
