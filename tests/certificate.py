# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A certificate for localhost and 127.0.0.1 that vouches for itself, good from 2020 to 2120.

Made by ``openssl ca -selfsign`` with a key on the curve P-256, as a CA with these names.
"""

import ssl
from pathlib import Path

KEY = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgx3w/xHrMA7TtGflo
gTYXVM1MwK11ZB51vP657L8/Z3KhRANCAATNnDgjIBI0KJGyx1REIOJYitbdCdF9
gA4LLuKPGb3gaQtQ2tFNknc3pUfqYBTwE29twOEwFaXxDWYLtz6aDYC3
-----END PRIVATE KEY-----
"""
CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBiTCCATCgAwIBAgIUIEX5TNJrFgtUhFkzJtC1qyLQjRUwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAx
MDAwMDAwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAATNnDgjIBI0KJGyx1REIOJYitbdCdF9gA4LLuKPGb3gaQtQ2tFNknc3
pUfqYBTwE29twOEwFaXxDWYLtz6aDYC3o14wXDAPBgNVHRMBAf8EBTADAQH/MA4G
A1UdDwEB/wQEAwIChDAdBgNVHQ4EFgQUbXOUOiJkGEXHcZmUWULalKirEFQwGgYD
VR0RBBMwEYIJbG9jYWxob3N0hwR/AAABMAoGCCqGSM49BAMCA0cAMEQCIHYSqimq
a25gv7wLafJIuhK9qV+cNI5L1hr2X5r969axAiAZBCnnIzYquFLWN6mEs6eybKML
/sAlxkH6n1Ia75hSFw==
-----END CERTIFICATE-----
"""


def files(directory: Path) -> tuple[Path, Path]:
    """Certificate and key as files in a directory."""
    certificate, key = directory / "certificate.pem", directory / "key.pem"
    certificate.write_text(CERTIFICATE)
    key.write_text(KEY)
    return certificate, key


def context(directory: Path) -> ssl.SSLContext:
    """What a server needs; clients believe it with SSL_CERT_FILE set to certificate.pem."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(*files(directory))
    return made
