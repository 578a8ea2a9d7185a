# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sshd filter against what OpenSSH writes."""

import pytest

from jaild.core.detector import Detector
from jaild.core.jail import Jail
from jaild.core.policy import Ignored, Listed, Policy
from jaild.core.tally import Tally
from tests.verbs import SECOND, entry, shipped_filter


@pytest.fixture(scope="module")
def sshd(tmp_path_factory):
    return shipped_filter(tmp_path_factory.mktemp("etc"))


@pytest.fixture
def jail(sshd):
    return make_jail(sshd)


def make_jail(chosen, maxretry=1000):
    tally = Tally(maxretry, 600 * SECOND)
    return Jail(
        "sshd",
        Detector(chosen),
        tally,
        Policy(600 * SECOND),
        Ignored(Listed(())),
        lambda _address, _time: False,
    )


def failures(jail, *lines, pid=100):
    """Return whom a conversation of one sshd process counts against, a line each."""
    blamed = []
    for number, line in enumerate(lines):
        event = jail.observe(entry(line, at=number, pid=pid), lambda: "cursor")
        blamed.append(event.address if event else None)
    return blamed


PEER = "from 192.0.2.7 port 40112"


def test_unknown_user_is_one_attempt(jail):
    lines = (
        f"Invalid user oracle {PEER}",
        "pam_unix(sshd:auth): check pass; user unknown",
        f"Failed password for invalid user oracle {PEER} ssh2",
        "Connection closed by invalid user oracle 192.0.2.7 port 40112 [preauth]",
    )
    assert failures(jail, *lines) == ["192.0.2.7", None, None, None]


def test_each_further_password_counts(jail):
    refused = f"Failed password for invalid user oracle {PEER} ssh2"
    lines = (f"Invalid user oracle {PEER}", refused, refused, refused)
    assert failures(jail, *lines) == ["192.0.2.7", None, "192.0.2.7", "192.0.2.7"]


def test_known_user_counts_each_password(jail):
    refused = f"Failed password for root {PEER} ssh2"
    assert failures(jail, refused, refused) == ["192.0.2.7", "192.0.2.7"]


def test_keys_before_a_password_are_the_same_attempt(jail):
    key = f"Failed publickey for invalid user oracle {PEER} ssh2: RSA SHA256:abc"
    lines = (
        f"Invalid user oracle {PEER}",
        key,
        key,
        f"Failed password for invalid user oracle {PEER} ssh2",
    )
    assert failures(jail, *lines) == ["192.0.2.7", None, None, None]


def test_keyboard_interactive_tells_twice(jail):
    pam = "error: PAM: Authentication failure for root from 192.0.2.7"
    result = f"Failed keyboard-interactive/pam for root {PEER} ssh2"
    # Below half of MaxAuthTries sshd keeps the second line to itself.
    assert failures(jail, pam, pam, pam, result) == ["192.0.2.7"] * 3 + [None]


def test_keyboard_interactive_for_an_unknown_user(jail):
    pam = "error: PAM: Authentication failure for illegal user oracle from 192.0.2.7"
    result = f"Failed keyboard-interactive/pam for invalid user oracle {PEER} ssh2"
    lines = (f"Invalid user oracle {PEER}", pam, result, pam, result)
    assert failures(jail, *lines) == ["192.0.2.7", None, None, "192.0.2.7", None]


def test_root_refused_is_one_attempt(jail):
    lines = (
        "ROOT LOGIN REFUSED FROM 192.0.2.7 port 40112",
        f"Failed password for root {PEER} ssh2",
    )
    assert failures(jail, *lines) == ["192.0.2.7", None]


def test_too_many_keys_of_a_known_user_count_once(jail):
    key = f"Failed publickey for root {PEER} ssh2: RSA SHA256:abc"
    lines = (
        *[key] * 5,
        f"error: maximum authentication attempts exceeded for root {PEER} ssh2 [preauth]",
        (
            "Disconnecting authenticating user root 192.0.2.7 port 40112: "
            "Too many authentication failures [preauth]"
        ),
    )
    assert failures(jail, *lines) == [None] * 5 + ["192.0.2.7", None]


def test_too_many_passwords_do_not_count_once_more(jail):
    refused = f"Failed password for root {PEER} ssh2"
    summary = f"error: maximum authentication attempts exceeded for root {PEER} ssh2 [preauth]"
    assert failures(jail, *[refused] * 6, summary) == ["192.0.2.7"] * 6 + [None]


def test_a_name_waits_for_the_address(jail):
    lines = (
        "User backup from scanner.example.net not allowed because not listed in AllowUsers",
        f"Failed password for invalid user backup {PEER} ssh2",
    )
    assert failures(jail, *lines) == [None, "192.0.2.7"]


def test_connections_do_not_mix(jail):
    assert failures(jail, f"Invalid user oracle {PEER}", pid=1) == ["192.0.2.7"]
    refused = "Failed password for invalid user oracle from 192.0.2.8 port 5 ssh2"
    assert failures(jail, refused, pid=2) == ["192.0.2.8"]


def test_a_reused_process_number_is_a_new_connection(jail):
    assert failures(jail, f"Invalid user oracle {PEER}") == ["192.0.2.7"]
    refused = "Failed password for invalid user oracle from 192.0.2.8 port 5 ssh2"
    assert failures(jail, refused) == ["192.0.2.8"]


def test_hearsay_must_agree_with_the_connection(jail):
    lines = (
        f"Invalid user x {PEER}",
        "Failed publickey for invalid user y from 192.0.2.99 port 1 ssh2: RSA SHA256:abc",
    )
    assert failures(jail, *lines) == ["192.0.2.7", None]


def test_success_takes_nothing_back(sshd):
    jail = make_jail(sshd, maxretry=3)
    refused = f"Failed password for root {PEER} ssh2"
    failures(jail, refused, refused, f"Accepted password for root {PEER} ssh2")
    (event,) = [jail.observe(entry(refused, at=9, pid=101), lambda: "c")]
    assert event is not None
    assert event.ban is not None


@pytest.mark.parametrize(
    ("mode", "message", "counts"),
    [
        ("ddos", "Connection closed by 192.0.2.7 port 40112 [preauth]", True),
        ("ddos", "Connection closed by 192.0.2.7 port 40112", False),
        ("ddos", "banner exchange: Connection from 192.0.2.7 port 40112: invalid format", True),
        ("ddos", "fatal: Timeout before authentication for 192.0.2.7 port 40112", True),
        (
            "ddos",
            "Timeout before authentication for connection from 192.0.2.7 to 192.0.2.1, pid = 4711",
            True,
        ),
        (
            "ddos",
            "drop connection #11 from [192.0.2.7]:40112 on [192.0.2.1]:22 past MaxStartups",
            True,
        ),
        (
            "extra",
            (
                "Unable to negotiate with 192.0.2.7 port 40112: no matching cipher found. "
                "Their offer: 3des-cbc [preauth]"
            ),
            True,
        ),
        (
            "extra",
            (
                "Received disconnect from 192.0.2.7 port 40112:14: No supported authentication "
                "methods available [preauth]"
            ),
            True,
        ),
        ("extra", "Connection closed by 192.0.2.7 port 40112 [preauth]", False),
        ("aggressive", "Connection reset by 192.0.2.7 port 40112 [preauth]", True),
        (
            "aggressive",
            (
                "Unable to negotiate with 192.0.2.7 port 40112: no matching host key type found. "
                "Their offer: ssh-dss [preauth]"
            ),
            True,
        ),
    ],
)
def test_modes(tmp_path, mode, message, counts):
    jail = make_jail(shipped_filter(tmp_path, mode=mode))
    assert failures(jail, message) == ["192.0.2.7" if counts else None]


PREAUTH = "192.0.2.7 port 40112 [preauth]"
KEY = f"Failed publickey for root {PEER} ssh2: RSA SHA256:abc"
UNKNOWN_KEY = f"Failed publickey for invalid user oracle {PEER} ssh2: RSA SHA256:abc"
PASSWORD = f"Failed password for root {PEER} ssh2"
KEX = "error: kex_exchange_identification: "


@pytest.mark.parametrize(
    ("options", "lines", "counted"),
    [
        # The address comes with the connection's next line.
        (
            {"mode": "ddos"},
            (KEX + "Connection closed by remote host", f"Connection closed by {PEER[5:]}"),
            1,
        ),
        (
            {"mode": "extra"},
            (KEX + "Connection closed by remote host", f"Connection closed by {PEER[5:]}"),
            0,
        ),
        (
            {"mode": "ddos"},
            (
                KEX + 'client sent invalid protocol identifier "GET / HTTP/1.1"',
                f"banner exchange: Connection {PEER}: invalid format",
            ),
            1,
        ),
        # A failed login that ends is one attempt, however sshd puts the end.
        (
            {"mode": "aggressive"},
            (
                PASSWORD,
                f"Received disconnect {PEER}:11: Bye Bye [preauth]",
                f"Disconnected from authenticating user root {PREAUTH}",
            ),
            1,
        ),
        (
            {"mode": "aggressive"},
            (
                f"Received disconnect {PEER}:14: No supported methods available [preauth]",
                f"Disconnected from authenticating user root {PREAUTH}",
            ),
            1,
        ),
        ({}, (PASSWORD, f"Received disconnect {PEER}:3: x.JSchException: Auth fail [preauth]"), 1),
        ({}, (KEY, f"Received disconnect {PEER}:3: x.JSchException: Auth fail [preauth]"), 1),
        (
            {"mode": "ddos"},
            (
                f"Failed publickey for root {PEER} ssh2: RSA x",
                f"Connection closed by authenticating user root {PREAUTH}",
            ),
            1,
        ),
        # However many keys a client offers, they are one attempt.
        ({}, (KEY, KEY), 0),
        ({}, (UNKNOWN_KEY, UNKNOWN_KEY), 1),
        ({"publickey": "invalid"}, (KEY, KEY), 0),
        ({"publickey": "invalid"}, (UNKNOWN_KEY, UNKNOWN_KEY), 1),
        ({"publickey": "any"}, (KEY, KEY), 1),
        ({"publickey": "any"}, (KEY, PASSWORD), 1),
        ({"publickey": "any"}, (PASSWORD, KEY), 1),
        ({"publickey": "any"}, (UNKNOWN_KEY, UNKNOWN_KEY), 1),
        ({"publickey": "ignore"}, (KEY, UNKNOWN_KEY), 0),
        ({"publickey": "ignore"}, (f"Invalid user oracle {PEER}", UNKNOWN_KEY), 1),
    ],
)
def test_conversations(tmp_path, options, lines, counted):
    chosen = "".join(f"{name}={value}," for name, value in options.items())
    jail = make_jail(shipped_filter(tmp_path, filter=f"sshd[{chosen[:-1]}]"))
    blamed = failures(jail, *lines)
    assert set(blamed) <= {None, "192.0.2.7"}
    assert blamed.count("192.0.2.7") == counted


def test_each_dropped_connection_counts(tmp_path):
    # All of these come from the listener, one process.
    jail = make_jail(shipped_filter(tmp_path, mode="ddos"))
    drop = "drop connection #3 from [{}]:40112 on [192.0.2.1]:22 penalty: failed authentication"
    lines = [drop.format(address) for address in ("192.0.2.7", "192.0.2.8", "192.0.2.7")]
    assert failures(jail, *lines) == ["192.0.2.7", "192.0.2.8", "192.0.2.7"]
