# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

pytest.importorskip("gi")

from gi.repository import Gio, GLib
from hypothesis import given
from hypothesis import strategies as st

from jaild.dbus import variant


@given(st.text(st.characters(blacklist_categories=())))
def test_any_text_arrives_as_it_is_but_for_what_dbus_cannot_carry(text):
    wanted = text.encode(errors="replace").decode().replace("\0", "")
    assert variant.build("s", text).get_string() == wanted == variant.clean(text)


@pytest.mark.parametrize(
    ("signature", "value"),
    [
        ("(ss)", ("a'b", 'c"\\d\n')),
        ("a(ssttus)", [("sshd", "192.0.2.7", 1, 2**64 - 1, 5, "x")]),
        ("a(sso)", []),
        ("(ynqiuxtbd)", (1, -2, 3, -4, 5, -6, 7, True, 1.5)),
        ("as", []),
        ("a{su}", {"a": 1, "b'": 2}),
        ("aas", [["a"], []]),
        ("o", "/org/jaild1/jail/nginx_2dauth"),
        ("(u)", (3,)),
    ],
)
def test_values_are_those_of_the_constructor(signature, value):
    assert variant.build(signature, value).equal(GLib.Variant(signature, value))


def test_typed_values_within_one_another_become_variants():
    inner = {"n": variant.Typed("t", 5), "list": variant.Typed("a(ts)", [])}
    built = variant.build("a{sv}", {"one": variant.Typed("aa{sv}", [inner])})
    n, empty = GLib.Variant("t", 5), GLib.Variant("a(ts)", [])
    whole = GLib.Variant("aa{sv}", [{"n": n, "list": empty}])
    assert built.equal(GLib.Variant("a{sv}", {"one": whole}))


def test_variants_inside_keep_their_type():
    value = variant.build(
        "a{sv}", {"bans": variant.build("at", []), "name": variant.build("s", "'")}
    )
    assert value.unpack() == {"bans": [], "name": "'"}
    assert value.lookup_value("bans", None).get_type_string() == "at"


@pytest.mark.parametrize(
    ("signature", "value"),
    [
        ("s", 5),
        ("s", None),
        ("u", -1),
        ("u", 2**32),
        ("t", "5"),
        ("as", "abc"),
        ("as", None),
        ("(ss)", ("a",)),
        ("(s)", ("a", "b")),
        ("o", "no path"),
        ("ss", ("a", "b")),
        ("r", 1),
    ],
)
def test_what_does_not_fit_is_refused(signature, value):
    with pytest.raises((TypeError, ValueError)):
        variant.build(signature, value)


KINDS = st.lists(st.tuples(st.text(), st.lists(st.text(max_size=90))))


@given(KINDS)
def test_lists_of_strings_are_read_as_glib_reads_them(kinds):
    many = [(variant.clean(name), list(map(variant.clean, words))) for name, words in kinds]
    value = variant.build("(a(sas)sa(sas))", (many, "x", many[:1]))
    assert variant.unpack(value) == value.unpack() == (many, "x", many[:1])


def test_a_message_is_read_in_either_byte_order():
    words = ["a", "", "\u20ac"] * 300
    for order in (Gio.DBusMessageByteOrder.BIG_ENDIAN, Gio.DBusMessageByteOrder.LITTLE_ENDIAN):
        sent = Gio.DBusMessage.new_method_call("a.b", "/", "a.b", "C")
        sent.set_body(variant.build("(sa(sas))", ("x", [("y", words)])))
        sent.set_serial(1)
        sent.set_byte_order(order)
        blob = sent.to_blob(Gio.DBusCapabilityFlags.NONE)
        got = Gio.DBusMessage.new_from_blob(blob, Gio.DBusCapabilityFlags.NONE)
        assert variant.unpack(got.get_body()) == ("x", [("y", words)])


@pytest.mark.parametrize(
    ("signature", "value"),
    [
        ("(su)", ("a", 1)),
        ("()", ()),
        ("(a{sas}as)", ({"a": ["b"]}, [])),
        ("aas", [["a"], []]),
        ("(a(su)v)", ([("a", 1)], variant.Typed("a(ss)", [("a", "b")]))),
    ],
)
def test_other_types_are_read_as_glib_reads_them(signature, value):
    made = variant.build(signature, value)
    assert variant.unpack(made) == made.unpack()
