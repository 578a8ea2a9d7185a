# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module answers a method call, at once or later, with values or with a named error."""

import ctypes
import logging
import types
from typing import Any

from gi.repository import Gio

from jaild.core.errors import JaildError
from jaild.dbus import errors, variant

logger = logging.getLogger(__name__)

# GLib's older way of registering objects gives each call one reference too many, about 2 kB a call:
# https://github.com/LEW21/pydbus/issues/83. GLib 2.84 has a call without the fault; PyGObject 3.49
# to 3.51 mends it by an override in Python. Only without either is there a reference to drop.
HAS_CLOSURES2 = hasattr(Gio.DBusConnection, "register_object_with_closures2")
_IS_MENDED = isinstance(Gio.DBusConnection.__dict__.get("register_object"), types.FunctionType)


def _find_unref() -> Any:  # noqa: ANN401 - a C function
    if HAS_CLOSURES2 or _IS_MENDED:
        return None
    unref = ctypes.CDLL("libgobject-2.0.so.0").g_object_unref
    unref.argtypes = [ctypes.c_void_p]
    unref.restype = None
    return unref


_UNREF = _find_unref()


def forget(invocation: Any) -> None:  # noqa: ANN401 - GLib's own
    """Drop the reference too many: exactly once, while the call is being dispatched."""
    if _UNREF is not None:
        _UNREF(hash(invocation))  # the hash of a GObject is its address


class Answer:
    """The one answer to one call; ``signature`` is that of all returned values together."""

    __slots__ = ("_invocation", "_signature")

    def __init__(self, invocation: Any, signature: str) -> None:  # noqa: ANN401 - GLib's own
        self._invocation = invocation
        self._signature = signature

    def values(self, values: tuple[object, ...]) -> None:
        """Send the returned values."""
        try:
            reply = variant.build(self._signature, values) if self._signature != "()" else None
        except (TypeError, ValueError) as error:
            self.error(error)
        else:
            self._invocation.return_value(reply)

    def error(self, error: Exception) -> None:
        """Send an error: by name and sentence if it was to be expected, else without any detail."""
        if isinstance(error, JaildError):
            name, sentence = errors.to_name(error), str(error)
        else:
            member = self._invocation.get_method_name()
            logger.error("The call of %s failed unexpectedly", member, exc_info=error)
            name = errors.to_name(errors.Internal())
            sentence = "jaild failed unexpectedly; its journal has the details"
        self._invocation.return_dbus_error(name, variant.clean(sentence))


class Deferred:
    """Returned by a published method that answers later, by resolve() or reject().

    Both may also come before the method has returned. The first counts, others are ignored.
    """

    __slots__ = ("_answer", "_outcome")

    def __init__(self) -> None:
        self._answer: Answer | None = None
        self._outcome: tuple[object, ...] | Exception | None = None

    def resolve(self, *values: object) -> None:
        """Answer with the method's returned values, in the order of its XML."""
        self._settle(values)

    def reject(self, error: Exception) -> None:
        """Answer with an error."""
        self._settle(error)

    def bind(self, answer: Answer) -> None:
        """Say where the answer goes; the publisher does this."""
        self._answer = answer
        if self._outcome is not None:
            _send(answer, self._outcome)

    def _settle(self, outcome: tuple[object, ...] | Exception) -> None:
        if self._outcome is None:
            self._outcome = outcome
            if self._answer is not None:
                _send(self._answer, outcome)


def _send(answer: Answer, outcome: tuple[object, ...] | Exception) -> None:
    if isinstance(outcome, Exception):
        answer.error(outcome)
    else:
        answer.values(outcome)
