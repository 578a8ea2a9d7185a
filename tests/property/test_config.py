# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever stands in the files, loading ends soon, with a Config or an InvalidConfig."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaild.config import call, read, schema, sparing, tags
from jaild.config.load import examine, load
from jaild.config.model import Config
from jaild.config.tree import IN_SOURCE, Tree
from jaild.core.ban import FOREVER
from jaild.core.errors import InvalidConfig
from jaild.core.rule import check_ports

T = TypeVar("T")

FILTER = "[Definition]\nfailregex = ^bad <HOST>$\njournalmatch = _SYSTEMD_UNIT=x.service\n"
FILES = (
    *("jail.local", "jail.conf", "jaild.local", "jail.d/a.conf"),
    *("filter.d/sshd.local", "filter.d/other.conf", "action.d/ufw.local", "action.d/x.conf"),
)

NAMES = [option.name for option in schema.OPTIONS] + ["x", "before", "after", "action_", "bantme"]
NAMES += ["how?family=inet6", "ban.Time", "mdre-x", "known/x", "__prefix_line", "_daemon"]
SECTIONS = ["sshd", "DEFAULT", "INCLUDES", "Definition", "Init", "other", "default", "a b"]
SECTIONS += ["Init?family=inet6", "sshd?a=b", "Definition?", "?", "lt_journal", "Thread"]
PIECES = [
    *("true", "false", "10m", "-1", "5", "ssh", "0:65535", "ufw", "sshd", "::1", "127.0.0.1/8"),
    *("[type=allports]", "[a='", "]", "]]", ",", '"', "%", "%%", "%(x)s", "%(known/x)s", "<x>"),
    *("ban.Time", "*", "1<<", "iptables-multiport", "[blocktype=DROP]", "[port=22, protocol=udp]"),
    *("<mdre-<mode>>", "<Init/x>", "<x?family=inet6>", "[blocktype?family=inet6=deny]", "<F-ID>"),
    *("bans", "other", "(", "<SKIPLINES>", "x.py", "sendmail-whois[a=b]", "<__prefix_line>"),
    *("%(__name__)s", "%(action_mwl)s", "%(port)s", "%(bantime)s", "%(sshd/port)s", "<known/x>"),
    *(
        "<failregex>",
        "<HOST>",
        "_UID=0",
        "+",
        "mail",
        "file:x",
        "a.conf",
        "jail.local",
        "../x",
        ".",
    ),
    *(
        "\n  ",
        " ",
        "é",
        "\x85",
        "\u2028",
        ";",
        " ;",
        "#",
        "1e9",
        "tcp",
        "\t",
        "\r",
        "{}",
        "\\",
        "$(",
    ),
]

value = st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=6).map("".join)
assignment = st.tuples(st.sampled_from(NAMES) | st.text(max_size=5), value).map(" = ".join)
section = st.sampled_from(SECTIONS).map("[{}]".format)
ini = st.lists(section | assignment, max_size=25).map("\n".join).map(str.encode)
content = ini | st.tuples(ini, st.binary(max_size=20)).map(b"".join) | st.binary(max_size=200)


@pytest.fixture(scope="module")
def tree() -> Iterator[Tree]:
    with tempfile.TemporaryDirectory() as folder:
        tree = Tree(Path(folder) / "etc", Path(folder) / "shipped")
        (tree.shipped / "filter.d").mkdir(parents=True)
        for name in ("jail.conf", "jaild.conf"):
            (tree.shipped / name).write_text((IN_SOURCE / name).read_text())
        (tree.shipped / "filter.d/sshd.conf").write_text(FILTER)
        yield tree


def outcome(work: Callable[[], T]) -> T | InvalidConfig:
    """Return what the work returns, or the one error it may raise."""
    try:
        return work()
    except InvalidConfig as error:
        return error


def check(config: Config) -> None:
    for jail in config.jails:
        assert jail.maxretry >= 1
        assert 0 < jail.findtime < FOREVER
        assert 0 < jail.bantime <= FOREVER
        assert check_ports(jail.ports) == jail.ports
        assert jail.protocol in (("tcp", "udp") if jail.ports else ("any",))
        assert jail.filter.failregex or jail.filter.source in ("bans", "none")
        assert bool(jail.match.groups) == (jail.filter.source == "journal")
        assert set(jail.ignoreip) <= set(config.ignored)
    for found in config.broken:
        assert found.error.message


@settings(deadline=timedelta(seconds=2), max_examples=settings().max_examples // 2)
@given(files=st.dictionaries(st.sampled_from(FILES), content, max_size=3))
def test_any_files_load_or_are_refused(tree: Tree, files: dict[str, bytes]) -> None:
    shutil.rmtree(tree.etc, ignore_errors=True)
    for name, text in files.items():
        (tree.etc / name).parent.mkdir(parents=True, exist_ok=True)
        (tree.etc / name).write_bytes(text)
    found = outcome(lambda: load(tree))
    everything = examine(tree)
    assert len(set(map(str, everything.mistakes))) == len(everything.mistakes)
    if isinstance(found, Config):
        check(found)
        assert everything.config == found
        assert len(everything.mistakes) >= bool(found.broken)
    else:
        assert found.path
        assert found.message
        assert everything.config is None
        assert everything.mistakes


@settings(deadline=timedelta(seconds=2))
@given(st.binary(max_size=2000))
def test_any_bytes_are_read_or_refused_with_their_line(text: bytes) -> None:
    found = outcome(lambda: read.parse(text, "x.conf"))
    if isinstance(found, InvalidConfig):
        assert 1 <= found.line <= text.count(b"\n") + 1
        return
    lines = text.decode("utf-8-sig").split("\n")
    for item in found.assignments:
        assert item.option in lines[item.line - 1].lower()


@given(st.dictionaries(st.text("abc", max_size=2), st.text("<abc>/-", max_size=12)), st.text())
def test_tags_end(options: dict[str, str], text: str) -> None:
    found = outcome(lambda: tags.substitute(text + "<a><<b>>", options.get))
    assert isinstance(found, InvalidConfig) or len(found) <= tags.MAX_TEXT


QUOTABLE = st.text(st.characters(blacklist_characters="\"'", blacklist_categories=["Cs"]))


@given(st.dictionaries(st.from_regex(r"[a-z.]{1,8}", fullmatch=True), QUOTABLE))
def test_quoted_parameters_come_back(parameters: dict[str, str]) -> None:
    written = ", ".join(f'{name}="{text}"' for name, text in parameters.items())
    assert call.parse_one(f"ufw[{written}]").parameters == parameters


@given(st.lists(st.ip_addresses().map(str), max_size=20))
def test_ignoreip_is_kept(addresses: list[str]) -> None:
    found = sparing.IGNOREIP.parse("  ".join(addresses)).networks
    assert set(found) <= {ip_network(address) for address in addresses} | {
        network for network in found if network.version == 4
    }
    assert len(found) == len(set(found))
