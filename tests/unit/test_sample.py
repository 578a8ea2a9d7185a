# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from jaild.core.sample import sample


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("sshd", "sshd"),
        ("sshd(?:-session)?", "sshd"),
        (r"(?:auth|dovecot(?:-auth)?)", "auth"),
        (r"postfix(-\w+)?/\w+(?:/smtp[ds])?", "postfix/x"),
        (r"[a-c]{3}\d\s", "aaa1 "),
        (r"(?<=x)y", ""),
        ("(", ""),
    ],
)
def test_sample(expression, text):
    assert sample(expression) == text
