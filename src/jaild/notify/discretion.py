# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module blanks out of an answer what it repeats of a URL: a webhook's is often a secret."""

import re
from urllib.parse import quote, unquote, unquote_plus

from jaild.core.text import printable

# Shorter parts are words such as "hooks", and no secrets.
SHORTEST = 6
_BLANK = "\0"
_SHOWN = "…"


def blank(text: str, path: str, most: int) -> str:
    """Return the beginning of a printable text without the parts of a path with its query."""
    forms = sorted(_forms(path), key=len, reverse=True)
    if forms:
        # As long as what it stands for, so that the cut leaves no beginning of a secret.
        pattern = re.compile("|".join(map(re.escape, forms)), re.IGNORECASE)
        text = pattern.sub(lambda found: _BLANK * len(found[0]), text)
    return re.sub(f"{_BLANK}+", _SHOWN, text[:most])


def _forms(path: str) -> set[str]:
    """Return the segments and values of a path and its query, in each way that they are written."""
    parts = {path, *re.split(r"[/?&;=]", path)}
    forms = set()
    for part in parts:
        for plain in (unquote(part), unquote_plus(part)):
            forms |= {plain, quote(plain), quote(plain, safe="")}
        forms.add(part)
    shown = {printable(" ".join(form.split())) for form in forms}
    return {form for form in shown if len(form) >= SHORTEST}
