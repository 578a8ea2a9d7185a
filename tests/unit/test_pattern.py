# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from jaild.core.errors import InvalidPattern
from jaild.core.filter import Filter, Kind
from jaild.core.pattern import compile_pattern


def judged(failregex, message, **options):
    return Filter("test", [failregex], **options).judge(message)


@pytest.mark.parametrize(
    ("tag", "text", "address"),
    [
        ("<HOST>", "192.0.2.7", "192.0.2.7"),
        ("<HOST>", "[2001:db8::7]", "2001:db8::7"),
        ("<HOST>", "host.example.org", None),
        ("<ADDR>", "2001:db8::7", "2001:db8::7"),
        ("<ADDR>", "::ffff:192.0.2.7", "192.0.2.7"),
        ("<IP4>", "192.0.2.7", "192.0.2.7"),
        ("<IP6>", "::1", "::1"),
        ("<ADDR>", "fe80::1%eth0", None),
    ],
)
def test_addresses(tag, text, address):
    verdict = judged(f"^from {tag}$", f"from {text}")
    assert (verdict.kind, verdict.address) == (Kind.FAILURE, address)


def test_named_parts():
    pattern = r"^<F-USER>.*</F-USER> at <HOST>:<F-PORT/>$"
    verdict = judged(pattern, "a at b at 192.0.2.7:99")
    assert (verdict.user, verdict.port, verdict.address) == ("a at b", "99", "192.0.2.7")


def test_marks_take_no_text():
    pattern = compile_pattern("^in <HOST><F-NOFAIL/><F-MLFFORGET/><F-STEP2/><F-ONCE/><F-HEARSAY/>$")
    assert pattern.match("in 192.0.2.7")
    assert (pattern.counts, pattern.forgets, pattern.step) == (False, True, 2)
    assert pattern.once
    assert pattern.hearsay


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        ("^Failed (?:a|b) for me$", "Failed "),
        ("^(?:optional )?must be$", "must be"),
        ("^(captured text) x$", "captured text"),
        ("(?i)^Failed$", ""),
        ("^a|b$", ""),
        ("x{0}yy", "yy"),
    ],
)
def test_the_cheap_test_is_never_wrong(text, literal):
    assert compile_pattern(text).literal == literal


@pytest.mark.parametrize("text", ["(", "<HOST> <HOST>", "<F-USER>", "a{2,1}"])
def test_refused(text):
    with pytest.raises(InvalidPattern):
        compile_pattern(text)


def test_the_filter_names_the_pattern():
    with pytest.raises(InvalidPattern, match="failregex, pattern 2"):
        Filter("test", ["^ok$", "("])


def test_ignoreregex_sees_the_whole_message():
    options = {"ignoreregex": ["^noise:"], "prefregex": "^[a-z]+: <F-CONTENT>.*</F-CONTENT>$"}
    assert judged("^bad <HOST>$", "noise: bad 192.0.2.7", **options).kind is Kind.IGNORED
    assert judged("^bad <HOST>$", "news: bad 192.0.2.7", **options).kind is Kind.FAILURE
    assert judged("^bad <HOST>$", "bad 192.0.2.7", **options).kind is Kind.MISS
