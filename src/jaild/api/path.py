# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module turns jail names into object paths and back, as sd_bus_path_encode(3) does."""

import re
import string

from jaild.api.names import ROOT

_JAILS = f"{ROOT}/jail/"
_PLAIN = frozenset((string.ascii_letters + string.digits).encode())
_DIGITS = frozenset(string.digits.encode())


def encode(jail: str) -> str:
    """Return the path of a jail's object (``nginx-auth``: ``/org/jaild1/jail/nginx_2dauth``)."""
    name = jail.encode(errors="replace")
    label = "".join(
        chr(byte) if byte in _PLAIN and not (place == 0 and byte in _DIGITS) else f"_{byte:02x}"
        for place, byte in enumerate(name)
    )
    return _JAILS + (label or "_")


def decode(path: str) -> str:
    """Return the name of the jail whose object is at path; raises ValueError for other paths."""
    label = path.removeprefix(_JAILS)
    if label == path or not re.fullmatch(r"_|(?:[A-Za-z0-9]|_[0-9a-f]{2})+", label):
        raise ValueError(f"'{path}' is not the path of a jail")
    if label == "_":
        return ""
    raw = re.sub(r"_([0-9a-f]{2})", lambda found: chr(int(found[1], 16)), label)
    return raw.encode("latin-1").decode(errors="replace")
