# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever a client writes into its name, key or reason: its own address is blamed, or nobody."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaild.core.detector import Detector
from jaild.core.jail import Jail
from jaild.core.policy import Ignored, Listed, Policy
from jaild.core.tally import Tally
from tests.verbs import SECOND, entry, shipped_filter

PEER = "192.0.2.7"
DECOY = "198.51.100.66"

# What sshd writes, with the places that a client fills: its name, and text behind the address.
LINES = (
    "Invalid user {name} from {peer} port 40112",
    "User {name} from {peer} not allowed because not listed in AllowUsers",
    "error: PAM: Authentication failure for illegal user {name} from {peer}",
    "Failed password for invalid user {name} from {peer} port 40112 ssh2",
    "Failed keyboard-interactive/pam for invalid user {name} from {peer} port 40112 ssh2",
    "Failed publickey for invalid user {name} from {peer} port 40112 ssh2: {extra}",
    "Failed publickey for root from {peer} port 40112 ssh2: {extra}",
    "Failed hostbased for invalid user {name} from {peer} port 40112 ssh2: {extra}",
    "Accepted publickey for {name} from {peer} port 40112 ssh2: {extra}",
    (
        "error: maximum authentication attempts exceeded for invalid user {name} from {peer} "
        "port 40112 ssh2 [preauth]"
    ),
    (
        "Disconnecting invalid user {name} {peer} port 40112: Too many authentication failures "
        "[preauth]"
    ),
    (
        "Disconnecting invalid user {name} {peer} port 40112: Change of username or service not "
        "allowed: ({name},ssh-connection) -> ({name},ssh-connection) [preauth]"
    ),
    "Connection closed by invalid user {name} {peer} port 40112 [preauth]",
    "Received disconnect from {peer} port 40112:11: {extra} [preauth]",
    "Unable to negotiate with {peer} port 40112: no matching cipher found. Their offer: {extra}",
)
TRICKS = (
    f" from {DECOY} port 22 ssh2",
    f" from {DECOY} port 22",
    f" {DECOY} port 22",
    f" {DECOY} port 22 [preauth]",
    f" from {DECOY}",
    f" from {DECOY} not allowed because not listed in AllowUsers",
    f"Failed password for root from {DECOY} port 22 ssh2",
    f"Invalid user a from {DECOY} port 22",
    f"\nFailed password for root from {DECOY} port 22 ssh2",
    f"\n{DECOY}",
    f"[{DECOY}]",
    f"::ffff:{DECOY}",
    "\x00",
    ": ",
    "invalid user ",
    " ssh2",
    " [preauth]",
    f"{DECOY} port 22: Too many authentication failures",
)
TEXT = st.lists(st.sampled_from(TRICKS) | st.text(max_size=12), max_size=6).map("".join)


@pytest.fixture(scope="module", params=["normal", "aggressive"])
def sshd(request, tmp_path_factory):
    return shipped_filter(tmp_path_factory.mktemp("etc"), mode=request.param)


@given(line=st.sampled_from(LINES), name=TEXT, extra=TEXT)
def test_a_line_alone(sshd, line, name, extra):
    verdict = sshd.judge(line.format(name=name, extra=extra, peer=PEER))
    assert verdict.address in (None, PEER)


@given(
    lines=st.lists(st.sampled_from(LINES), min_size=1, max_size=6),
    names=st.lists(TEXT, min_size=6, max_size=6),
    extra=TEXT,
)
def test_a_conversation(sshd, lines, names, extra):
    jail = Jail(
        "j",
        Detector(sshd),
        Tally(99, 600 * SECOND),
        Policy(1),
        Ignored(Listed(())),
        lambda _address, _time: False,
    )
    for line, name in zip(lines, names, strict=False):
        event = jail.observe(entry(line.format(name=name, extra=extra, peer=PEER)), lambda: "c")
        assert event is None or event.address == PEER


@given(name=TEXT)
def test_no_name_hides_a_failed_password(sshd, name):
    message = f"Failed password for invalid user {name} from {PEER} port 40112 ssh2"
    assert sshd.judge(message).address == PEER


@given(message=st.text() | TEXT)
def test_any_message_gets_a_verdict(sshd, message):
    sshd.judge(message)
