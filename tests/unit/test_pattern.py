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


@pytest.mark.parametrize(
    ("pattern", "message", "address"),
    [
        (r"from <HOST>", "from 2001:db8::7: too late", "2001:db8::7"),
        (r"^<ADDR>:\d+$", "2001:db8::7:50412", "2001:db8::7"),
        (r"^<HOST>:\d+ ", "2001:db8::7:50412 ", "2001:db8::7"),
        (r"^<ADDR>", "192.0.2.7890", None),
        (r"^<F-ID>\S+</F-ID>$", "192.0.2.7", "192.0.2.7"),
        (r"^<F-ID/>$", "alice", None),
        (r"^<F-IP4/>$", "192.0.2.7", "192.0.2.7"),
        (r"^(?:<IP4>|<IP6>)$", "2001:db8::7", "2001:db8::7"),
        (r"^(?P<host>\S+)$", "192.0.2.7", "192.0.2.7"),
        (r"^<SUBNET>$", "192.0.2.0/24", "192.0.2.0/24"),
        (r"^<ADDR>/<CIDR>$", "2001:db8::/48", "2001:db8::/48"),
        (r"^<SUBNET>$", "0.0.0.0/0", None),
        (r"^<DNS>$", "host.example.org", None),
    ],
)
def test_where_an_address_ends(pattern, message, address):
    assert judged(pattern, message).address == address


def test_other_parts_stand_in_for_empty_ones():
    pattern = "^<ADDR>(?: <F-USER>[a-z]+</F-USER>)?(?: as <F-ALT_USER>[a-z]+</F-ALT_USER>)?$"
    assert judged(pattern, "192.0.2.7 alice as bob").user == "alice"
    assert judged(pattern, "192.0.2.7 as bob").user == "bob"
    joined = "^<ADDR> <F-USER>[a-z]+</F-USER>@<F-TUPLE_USER>[a-z]+</F-TUPLE_USER>$"
    assert judged(joined, "192.0.2.7 alice@home").user == "alice,home"


def test_groups_have_the_names_that_references_expect():
    pattern = r"^<F-USER>\w+</F-USER> is (?P=user) at <HOST>$"
    assert judged(pattern, "bob is bob at 192.0.2.7").kind is Kind.FAILURE
    assert judged(pattern, "bob is tom at 192.0.2.7").kind is Kind.MISS


@pytest.mark.parametrize("pattern", ["(?i)^bad <HOST>$", "^(?i)bad <HOST>$", "^((?i)bad) <HOST>$"])
def test_flags_may_stand_anywhere(pattern):
    assert judged(pattern, "BAD 192.0.2.7").address == "192.0.2.7"


def test_a_mark_with_text_counts_where_the_text_is():
    pattern = "^(?:<F-NOFAIL>hello</F-NOFAIL>|bad) <HOST>$"
    assert judged(pattern, "hello 192.0.2.7").kind is Kind.HELPER
    assert judged(pattern, "bad 192.0.2.7").kind is Kind.FAILURE


def test_a_line_end_inside_a_message_is_two_characters():
    verdict = judged("^<F-USER>.*</F-USER> at <HOST>$", "x\nbad at 198.51.100.66\n at 192.0.2.7")
    assert (verdict.address, verdict.user) == ("192.0.2.7", r"x\nbad at 198.51.100.66\n")


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("^nobody is named$", "pattern 1: .* takes no address"),
        ("^a<SKIPLINES>b <HOST>$", "several lines"),
    ],
)
def test_patterns_that_could_ban_nobody(pattern, words):
    with pytest.raises(InvalidPattern, match=words):
        Filter("test", [pattern])


PREFIXED = r"^\s*(?:\S+\s+)?(?:door(?:\[\d+\])?:?\s+)?refused <HOST>$"


def test_patterns_for_syslog_see_its_prefix():
    chosen = Filter("test", [PREFIXED], prefixed=True, daemon="door")
    assert chosen.judge("refused 192.0.2.7", "host door[7]: ").kind is Kind.FAILURE
    assert chosen.judge("refused 192.0.2.7", "host window[7]: ").kind is Kind.MISS
    assert chosen.judge("refused 192.0.2.7").kind is Kind.FAILURE
    assert chosen.judge("host door[7]: refused 192.0.2.7").kind is Kind.FAILURE


def test_other_patterns_see_it_only_where_they_ask_for_it():
    asks = Filter("test", [r"^\S+ door\[\d+\]: refused <HOST>$"])
    assert asks.judge("refused 192.0.2.7", "host door[7]: ").kind is Kind.FAILURE
    assert asks.judge("refused 192.0.2.7").kind is Kind.MISS
    never = Filter("test", ["^refused <HOST>$"])
    assert not never.wants_prefix


@pytest.mark.parametrize(
    ("pattern", "anywhere"),
    [
        ("^refused <HOST>$", False),
        ("^(?:refused|denied) <HOST>$", False),
        ("^(?:error: )?denied <HOST>$", False),
        ("^[Dd]enied <HOST>$", False),
        ("^.* denied <HOST>$", False),
        ("denied <HOST>$", False),
        (r"^\S+ denied <HOST>$", True),
        (r"^(?:\S+ )?denied <HOST>$", True),
        (r"^(?:denied|\w+) <HOST>$", True),
        (r"^\s*<HOST>$", True),
        ("^<HOST> denied$", True),
    ],
)
def test_which_patterns_could_begin_with_a_prefix(pattern, anywhere):
    assert compile_pattern(pattern).anywhere == anywhere


def test_odd_sets_are_no_matter_for_a_warning(recwarn):
    assert compile_pattern(r"^[[a] <HOST>$").match("a 192.0.2.7")
    assert not recwarn
