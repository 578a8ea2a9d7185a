# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module turns Python values into D-Bus values, and back.

Strings lose what D-Bus cannot carry (NUL, lone surrogates). Values are written in GVariant's text
form and read by GLib itself: twelve times quicker than the constructor of PyGObject, which holds
the loop for more than a second with 20,000 bans.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from gi.repository import GLib

Writer = Callable[[Any], str]

_INTEGERS = "ynqiuxt"
_QUOTING = str.maketrans({"\\": "\\\\", "'": "\\'", "\0": None})


class Typed(NamedTuple):
    """A value with its type, where a ``v`` stands; within one another they are read only once."""

    signature: str
    value: object


def build(signature: str, value: object) -> GLib.Variant:
    """Return a value of the given type; raises TypeError or ValueError when it does not fit."""
    text = _writer(signature)(value)
    try:
        return GLib.Variant.parse(GLib.VariantType.new(signature), text, None, None)
    except GLib.Error as error:
        raise ValueError(f"no value of type '{signature}': {error.message}") from None


def unpack(value: Any) -> Any:  # noqa: ANN401 - as its type says
    """Return a value that came over D-Bus as Python has it: what GLib's ``unpack()`` returns.

    Lists of strings, as the enforcer gets them with many in each, are read ten times quicker.
    """
    signature = value.get_type_string()
    if signature == "as":
        return value.get_strv()
    if "as" in signature and signature.startswith(("(", "a(", "aa")):
        items = [unpack(value.get_child_value(n)) for n in range(value.n_children())]
        return tuple(items) if signature.startswith("(") else items
    return value.unpack()


def clean(text: str) -> str:
    """Return text without what D-Bus cannot carry."""
    return text.encode(errors="replace").decode().replace("\0", "")


@cache
def _writer(signature: str) -> Writer:
    writer, rest = _read(signature)
    if rest:
        raise ValueError(f"'{signature}' is more than one type")
    return writer


def _read(signature: str) -> tuple[Writer, str]:
    """Return the writer of the first complete type, and the rest of the signature."""
    kind, rest = signature[:1], signature[1:]
    if kind == "(":
        return _read_tuple(rest)
    if kind == "a":
        return _read_dict(rest[1:]) if rest.startswith("{") else _read_array(rest)
    simple = _SIMPLE.get(kind)
    if simple is None:
        raise ValueError(f"'{signature}' is not a D-Bus type known here")
    return simple, rest


def _read_tuple(signature: str) -> tuple[Writer, str]:
    writers: list[Writer] = []
    while not signature.startswith(")"):
        writer, signature = _read(signature)
        writers.append(writer)

    def write(values: Iterable[object]) -> str:
        parts = [writer(value) for writer, value in zip(writers, values, strict=True)]
        return f"({parts[0]},)" if len(parts) == 1 else f"({','.join(parts)})"

    return write, signature[1:]


def _read_array(signature: str) -> tuple[Writer, str]:
    writer, rest = _read(signature)
    return (lambda values: f"[{','.join(map(writer, _items(values)))}]"), rest


def _read_dict(signature: str) -> tuple[Writer, str]:
    key, signature = _read(signature)
    item, signature = _read(signature)

    def write(values: Mapping[object, object]) -> str:
        return "{" + ",".join(f"{key(k)}:{item(v)}" for k, v in values.items()) + "}"

    return write, signature[1:]


def _items(values: Iterable[object]) -> Iterator[object]:
    if isinstance(values, str):
        raise TypeError("a list is wanted, not a string")
    return iter(values)


def _write_text(value: str) -> str:
    # Called through str, so that anything else is a TypeError.
    return "'" + str.encode(value, errors="replace").decode().translate(_QUOTING) + "'"


def _write_integer(value: int) -> str:
    return format(value, "d")


def _write_variant(value: GLib.Variant | Typed) -> str:
    if isinstance(value, Typed):
        return f"<@{value.signature} {_writer(value.signature)(value.value)}>"
    return f"<{value.print_(True)}>"  # noqa: FBT003 - with its type


_SIMPLE: Mapping[str, Writer] = {
    **dict.fromkeys("sog", _write_text),
    **dict.fromkeys(_INTEGERS, _write_integer),
    "b": lambda value: "true" if value else "false",
    "d": lambda value: repr(float(value)),
    "v": _write_variant,
}
