# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module compiles one pattern of the filter language.

A pattern is a regular expression of Python's ``re`` with tags. Addresses: ``<HOST>`` (an address or
a name), ``<ADDR>``, ``<IP4>``, ``<IP6>``, ``<SUBNET>``, ``<CIDR>``, ``<DNS>`` (a name) and
``<F-ID>…</F-ID>``. Named parts: ``<F-USER>…</F-USER>``, and ``<F-ID/>`` for one run without
blanks; ``<F-ALT_USER>`` stands in where F-USER is empty, ``<F-TUPLE_USER>`` adds to it. Of these,
some steer the counting (the names are fail2ban's, except the last four, which are jaild's own):

- ``F-MLFID``: the connection that a line belongs to, instead of the process that wrote it
- ``F-NOFAIL``: no failure, the line only tells facts about its connection
- ``F-MLFFORGET``: the connection is over; ``F-MLFGAINED``: it was let in
- ``F-STEP1`` … ``F-STEP9``: the lines that tell of one login attempt come in rising steps
- ``F-ONCE``: counts only if the connection has counted nothing yet
- ``F-HEARSAY``: the address may be the client's words and must agree with what is known already
- ``F-DISTINCT``: failures of one address that have the same text here count as one
"""

import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from jaild.core.errors import InvalidPattern
from jaild.core.shape import shape_of

# Neither ends inside a number, and a single colon behind an address is the text's own.
_IP4 = r"(?:::[fF]{4}:)?\d{1,3}(?:\.\d{1,3}){3}(?!\d)"
_IP6 = (
    r"(?:[0-9a-fA-F]{0,4}:){2,7}(?:[0-9a-fA-F]{1,4}(?![0-9a-fA-F])|(?<=::))"
    r"(?:(?:\.\d{1,3}){3}(?!\d))?(?:%[0-9A-Za-z_.-]{1,16})?"
)
_DNS = r"[\w.^_-]*\w"
_ADDR = rf"\[?(?P<addr>{_IP4}|{_IP6})\]?"
_LENGTH = r"(?P<cidr>\d+)"

_PLACES = {
    "HOST": rf"(?:{_ADDR}|(?P<dns>{_DNS}))",
    "ADDR": _ADDR,
    "IP4": rf"(?P<ip4>{_IP4})",
    "IP6": rf"\[?(?P<ip6>{_IP6})\]?",
    "DNS": rf"(?P<dns>{_DNS})",
    "CIDR": _LENGTH,
    "SUBNET": rf"\[?(?P<addr>{_IP4}|{_IP6})(?:/{_LENGTH})?\]?",
}
# The groups that can hold the address, by preference; "host" is what very old filters write.
ADDRESSES = ("addr", "ip4", "ip6", "fid", "host", "subnet")

_TAG = re.compile(r"<(/?)(?:F-)?(HOST|ADDR|IP4|IP6|DNS|CIDR|SUBNET|(?<=F-)[A-Z0-9_-]+)(/?)>")
# Tags that carry no text of their own: self-closed, they match nothing and only mark the pattern.
_MARKS = re.compile(r"(NOFAIL|MLFFORGET|MLFGAINED|STEP[1-9]|ONCE|HEARSAY)")
_ALONE = re.compile(r"<F-(NOFAIL|MLFFORGET|MLFGAINED|STEP[1-9]|ONCE|HEARSAY)/>")
_INSTEAD = re.compile(r"(?:alt|tuple)_([a-z0-9_]*?)_?\d*")
# The names of groups are those that fail2ban gives, for the sake of references such as (?P=user).
_GROUPS = {"id": "fid", "port": "fport"}
# Flags that older versions of Python took anywhere in an expression.
_FLAGS_OF_GROUP = re.compile(r"(?<!\\)\((?:\?:)?\(\?([aiLmsux]+)\)")
_FLAGS = re.compile(r"(?<!\\)\(\?([aiLmsux]+)\)")


@dataclass(frozen=True, slots=True)
class Pattern:
    """One compiled pattern; ``text`` is as written.

    ``literal`` is the longest text that every matching message contains ("" when there is none): a
    message without it is not tried. ``find`` is the regular expression's search, or its match where
    that is the same and quicker to fail. ``groups`` are the names of its parts, ``instead`` says
    which parts stand in for others (``{"user": ("alt_user",)}``). ``anywhere`` is whether it
    could match behind a syslog prefix where it does not match the message alone. ``step`` is 0 for
    a pattern outside any attempt.
    """

    text: str
    find: Callable[[str], re.Match[str] | None]
    literal: str
    groups: frozenset[str]
    instead: Mapping[str, tuple[str, ...]]
    anywhere: bool
    counts: bool
    forgets: bool
    step: int
    once: bool
    hearsay: bool

    def match(self, message: str) -> re.Match[str] | None:
        """Return the match of a whole message, or None."""
        return self.find(message) if self.literal in message else None

    @property
    def tells(self) -> bool:
        """Whether the pattern takes an address, or a name in its place."""
        return not self.groups.isdisjoint((*ADDRESSES, "dns"))


def compile_pattern(text: str) -> Pattern:
    """Compile one pattern; raises InvalidPattern with the reason."""
    if "<SKIPLINES>" in text:
        raise InvalidPattern("<SKIPLINES> spans several lines; jaild looks at each entry by itself")
    expression = _with_local_flags(_with_groups(text))
    try:
        with warnings.catch_warnings():
            # Of what some later version of Python might take differently, authors need not hear.
            warnings.simplefilter("ignore", FutureWarning)
            regex = re.compile(expression)
            shape = shape_of(expression)
    except (re.error, RecursionError, OverflowError) as error:
        raise InvalidPattern(f"'{text}' is not a pattern: {error}") from error
    groups = frozenset(regex.groupindex)
    # A mark with text of its own counts only where that text is in the message.
    marks = set(_ALONE.findall(text))
    steps = [int(name[-1]) for name in marks if name.startswith("STEP")]
    return Pattern(
        text,
        regex.match if shape.anchored else regex.search,
        literal=shape.literal,
        groups=groups,
        instead=_stand_ins(groups),
        anywhere=shape.anchored and not shape.begins,
        counts=not marks & {"NOFAIL", "MLFGAINED"},
        forgets=bool(marks & {"MLFFORGET", "MLFGAINED"}),
        step=max(steps, default=0),
        once="ONCE" in marks,
        hearsay="HEARSAY" in marks,
    )


def group_of(tag: str) -> str:
    """Return the group that ``<F-tag>`` makes."""
    name = tag.lower().replace("-", "_")
    return _GROUPS.get(name, name)


def _with_groups(text: str) -> str:
    """Return the expression with a group in place of every tag."""
    opened: set[str] = set()

    def expand(tag: re.Match[str]) -> str:
        closing, name, alone = tag[1], tag[2], tag[3]
        custom = tag[0].startswith(("<F-", "</F-"))
        if name in _PLACES and not closing and bool(alone) == custom:
            return _PLACES[name]
        if not custom:
            return tag[0]
        if closing:
            # The end of something that was not begun is ordinary text.
            return ")" if name in opened else tag[0]
        group = f"(?P<{group_of(name)}>"
        if not alone:
            opened.add(name)
            return group
        if _MARKS.fullmatch(name):
            return group + ")"
        return group + (r"\w+)" if name == "PORT" else r"\S+)")

    return _TAG.sub(expand, text)


def _with_local_flags(expression: str) -> str:
    """Return the expression with flags where today's Python allows them.

    At the start of a group they become the group's, anywhere else those of the whole.
    """
    expression = _FLAGS_OF_GROUP.sub(r"(?\1:", expression)
    if not _FLAGS.search(expression, 1):
        return expression
    flags = "".join(dict.fromkeys("".join(_FLAGS.findall(expression))))
    return f"(?{flags})" + _FLAGS.sub("", expression)


def _stand_ins(groups: Iterable[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name in sorted(groups):
        instead = _INSTEAD.fullmatch(name)
        if instead:
            main = group_of(instead[1])
            found[main] = (*found.get(main, ()), name)
    return found
