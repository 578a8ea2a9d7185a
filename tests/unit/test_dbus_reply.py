# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

import logging

import pytest

pytest.importorskip("gi")

from jaild.core.errors import NoSuchJail
from jaild.dbus.reply import Answer, Deferred


class Invocation:
    """What GLib hands over for a call."""

    def __init__(self):
        self.sent = []

    def get_method_name(self):
        return "Ban"

    def return_value(self, value):
        self.sent.append(value.unpack() if value is not None else None)

    def return_dbus_error(self, name, sentence):
        self.sent.append((name, sentence))


@pytest.fixture
def invocation():
    return Invocation()


def test_a_deferred_answer_may_come_before_or_after_it_is_bound(invocation):
    early, late = Deferred(), Deferred()
    early.resolve(1)
    early.bind(Answer(invocation, "(u)"))
    late.bind(Answer(invocation, "(u)"))
    late.resolve(2)
    assert invocation.sent == [(1,), (2,)]


def test_only_the_first_answer_is_sent(invocation):
    deferred = Deferred()
    deferred.bind(Answer(invocation, "(u)"))
    deferred.resolve(1)
    deferred.resolve(2)
    deferred.reject(NoSuchJail("late"))
    assert invocation.sent == [(1,)]


def test_a_method_without_results_answers_with_nothing(invocation):
    deferred = Deferred()
    deferred.bind(Answer(invocation, "()"))
    deferred.resolve()
    assert invocation.sent == [None]


def test_an_expected_error_has_its_name_and_is_not_logged(invocation, caplog):
    Answer(invocation, "()").error(NoSuchJail("there is no jail 'x'\0"))
    assert invocation.sent == [("org.jaild1.Error.NoSuchJail", "there is no jail 'x'")]
    assert not caplog.records


def test_an_unexpected_error_is_logged_and_tells_nothing(invocation, caplog):
    with caplog.at_level(logging.ERROR):
        Answer(invocation, "()").error(KeyError("a secret"))
    ((name, sentence),) = invocation.sent
    assert name == "org.jaild1.Error.Internal"
    assert "secret" not in sentence
    assert "a secret" in caplog.text


def test_values_that_do_not_fit_the_xml_are_an_internal_error(invocation):
    Answer(invocation, "(u)").values(("text",))
    assert invocation.sent[0][0] == "org.jaild1.Error.Internal"
