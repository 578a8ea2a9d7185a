# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What services tell of one attempt in several lines counts once, and for its own client."""

import pytest

from jaild.core.detector import Detector
from jaild.core.filter import Kind
from tests.corpora import filter_of
from tests.verbs import entry

DOVECOT_END = (
    "imap-login: Disconnected: Connection closed (auth failed, 2 attempts in 4 secs): user=<a>, "
    "method=PLAIN, rip={peer}, lip=192.0.2.1, TLS, session=<{session}>"
)
DOVECOT_TRY = "auth: passwd-file(a,{peer},<{session}>): Password mismatch"
SASL = "warning: unknown[{peer}]: SASL LOGIN authentication failed: UGFzc3dvcmQ6"
LOST = "lost connection after AUTH from unknown[{peer}]"
BYE = "disconnect from unknown[{peer}] ehlo=1 auth=0/1 commands=1/2"
ROUNDCUBE = (
    "IMAP Error: Login failed for a against localhost from {peer}. LOGIN: Authentication failed.",
    "<9razwUB8> Failed login for a from {peer} in session 9razwUB8JtHF6BHU (error: 1)",
)
A, B = "192.0.2.7", "2001:db8::7"


def counted(call, *messages):
    """Whom the lines of one process have counted for, in order."""
    detector = Detector(filter_of(call))
    found = [detector.take(entry(message, at=at)) for at, message in enumerate(messages)]
    return [str(one.address) for one in found if one.kind is Kind.FAILURE and one.address]


@pytest.mark.parametrize(
    ("call", "messages", "addresses"),
    [
        ("dovecot", [DOVECOT_END.format(peer=A, session="s")], [A]),
        (
            "dovecot",
            [
                DOVECOT_TRY.format(peer=A, session="s"),
                DOVECOT_TRY.format(peer=B, session="t"),
                DOVECOT_TRY.format(peer=A, session="s"),
                DOVECOT_END.format(peer=A, session="s"),
                DOVECOT_END.format(peer=A, session="u"),
                DOVECOT_END.format(peer=B, session="t"),
            ],
            [A, B, A, A],
        ),
        ("postfix[mode=ddos]", [LOST.format(peer=A), BYE.format(peer=A)], [A]),
        ("postfix[mode=ddos]", [BYE.format(peer=A), BYE.format(peer=A)], [A, A]),
        (
            "postfix[mode=aggressive]",
            [SASL.format(peer=A), SASL.format(peer=A), LOST.format(peer=A), BYE.format(peer=A)],
            [A, A],
        ),
        (
            "postfix[mode=aggressive]",
            [SASL.format(peer=A), BYE.format(peer=A), LOST.format(peer=B), BYE.format(peer=B)],
            [A, B],
        ),
        (
            "postfix[mode=ddos]",
            [
                f"PREGREET 14 after 0.1 from [{A}]:1: EHLO x",
                f"PREGREET 14 after 0.1 from [{B}]:1: EHLO x",
                f"HANGUP after 0.2 from [{A}]:1 in tests before SMTP handshake",
                f"DISCONNECT [{A}]:1",
                f"HANGUP after 0.2 from [{A}]:2 in tests before SMTP handshake",
            ],
            [A, B, A],
        ),
        (
            "slapd",
            [
                f"conn=1 fd=12 ACCEPT from IP={A}:1 (IP=0.0.0.0:389)",
                f"conn=2 fd=13 ACCEPT from IP=[{B}]:1 (IP=[::]:389)",
                "conn=2 op=0 RESULT tag=97 err=49 text=",
                "conn=1 op=0 RESULT tag=97 err=49 text=",
                "conn=1 op=1 RESULT tag=97 err=49 text=",
                "conn=1 fd=12 closed",
                "conn=1 op=0 RESULT tag=97 err=49 text=",
                "conn=3 op=0 RESULT tag=97 err=49 text=",
            ],
            [B, A, A],
        ),
        (
            "opensmtpd[mode=aggressive]",
            [
                f"1f2e3d4c5b6a7988 smtp connected address={A} host=x",
                "1f2e3d4c5b6a7988 smtp authentication user=a result=permfail",
                '1f2e3d4c5b6a7988 smtp failed-command command="AUTH PLAIN (...)" result="535 no"',
                "1f2e3d4c5b6a7988 smtp disconnected reason=quit",
            ],
            [A],
        ),
        (
            "dropbear",
            [
                f"[100] Mar 01 10:00:00 Child connection from {A}:1",
                "[100] Mar 01 10:00:01 Login attempt for nonexistent user",
                f"[100] Mar 01 10:00:02 Exit before auth from <{A}:1>: Exited normally",
            ],
            [A],
        ),
        (
            "dropbear",
            [
                f"Bad password attempt for 'root' from {A}:1",
                f"Bad password attempt for 'root' from {A}:1",
                f"Exit before auth from <{A}:1>: (user 'root', 2 fails): Disconnect received",
            ],
            [A, A],
        ),
        (
            "roundcube-auth",
            [line.format(peer=peer) for peer in (A, B, B) for line in ROUNDCUBE],
            [A, B, B],
        ),
        ("roundcube-auth", [ROUNDCUBE[0].format(peer=A)] * 2, [A, A]),
        ("roundcube-auth", [ROUNDCUBE[1].format(peer=A)] * 2, [A, A]),
    ],
)
def test_one_attempt_counts_once(call, messages, addresses):
    assert counted(call, *messages) == addresses
