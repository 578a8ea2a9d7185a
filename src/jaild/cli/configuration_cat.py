# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module prints what ``jailctl cat`` shows: a file that means what is in effect.

What is said about the options are comments, so that each part can be used as a file again.
"""

from collections.abc import Iterable, Iterator
from textwrap import wrap

from jaild.cli.lines import Line, harmless, place
from jaild.cli.table import count
from jaild.config.layers import Value
from jaild.config.model import FilterConfig, JailConfig, MailConfig
from jaild.config.show import Setting, Shown, ShownJail
from jaild.core.text import printable

_COLUMN = 44
_LONGEST = 60
_WIDTH = 96
_COMMENT = "dim"


def heading(text: str) -> Line:
    """Return a comment that stands by itself."""
    return [(_COMMENT, f"# {text}")]


def section(shown: Shown) -> Iterator[Line]:
    """Yield a section's lines."""
    yield [("bold", f"[{printable(shown.name)}]")]
    width = max((len(setting.name) for setting in shown.settings), default=0)
    for setting in shown.settings:
        yield from _setting(setting, width)
    if shown.unset:
        for line in wrap(f"not set: {', '.join(shown.unset)}", _WIDTH):
            yield heading(line)


def jail(shown: ShownJail) -> Iterator[Line]:
    """Yield a jail's lines: its options, and what they come to."""
    yield from section(shown.section)
    if shown.config:
        yield from _outcome(shown.config)


def jail_object(shown: ShownJail) -> dict[str, object]:
    """Return a jail for JSON."""
    config = shown.config
    return {
        **section_object(shown.section),
        "mistake": str(shown.mistake) if shown.mistake else None,
        "filter": _filter_object(config.filter) if config else None,
        "journal_match": str(config.match) if config else None,
        "forgeable": config.match.forgeable if config else None,
        "ports": config.ports if config else None,
        "protocol": config.protocol if config else None,
        "verdict": config.verdict if config else None,
        "mail": _mail_object(config.mail) if config and config.mail else None,
    }


def section_object(shown: Shown) -> dict[str, object]:
    """Return a section for JSON."""
    return {"name": shown.name, "options": [_setting_object(one) for one in shown.settings]}


def _setting(setting: Setting, width: int) -> Iterator[Line]:
    text = setting.text if setting.raw else setting.text.replace("%", "%%")
    first, *more = [line for line in text.split("\n") if line.strip()] or [""]
    written = f"{printable(setting.name).ljust(width)} = {harmless(first.strip())}".rstrip()
    yield [("", written.ljust(_COLUMN)), (_COMMENT, f" ; {_origin(setting)}")]
    for line in more:
        yield [("", " " * (width + 3) + harmless(line.strip()))]


def _origin(setting: Setting) -> str:
    said = _place(setting.place) if setting.place else "default"
    if setting.before:
        earlier = setting.before[0]
        text = harmless(" ".join(earlier.text.split()))
        text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
        said += f", before: {text or 'empty'} ({_place(earlier)})"
    return said


def _place(value: Value) -> str:
    return place(value.path, value.line).removesuffix(": ")


def _outcome(config: JailConfig) -> Iterator[Line]:
    found = config.filter
    yield heading(f"filter {printable(found.name)}: {printable(found.path)}")
    yield from _patterns("prefregex", [found.prefregex] if found.prefregex else [])
    yield from _patterns("failregex", found.failregex)
    yield from _patterns("ignoreregex", found.ignoreregex)
    if found.source == "bans":
        yield heading("looks at: the bans of the other jails")
    elif found.source == "none":
        yield heading("looks at: nothing")
    else:
        forgeable = " (a local user can forge such entries)" if config.match.forgeable else ""
        yield heading(f"looks at: {printable(str(config.match))}{forgeable}")
    ports = f"{config.protocol} ports {config.ports}" if config.ports else "all ports"
    yield heading(f"bans from: {ports}, by {config.verdict}")
    # What the lists in other files come to cannot be told from the options.
    for label, addresses, names in (
        ("never bans", config.ignoreip, config.ignorenames),
        ("always bans", config.denyip, ()),
    ):
        parts = [count(len(addresses), "network")] if addresses else []
        parts += [count(len(names), "host name")] if names else []
        if parts:
            yield heading(f"{label}: {' and '.join(parts)}")
    if config.mail:
        yield heading(f"mails to: {', '.join(config.mail.to)}, by {config.mail.mta}")


def _patterns(option: str, patterns: Iterable[str]) -> Iterator[Line]:
    for number, pattern in enumerate(patterns, start=1):
        label = option if option == "prefregex" else f"{option} {number}"
        yield heading(f"{label}: {harmless(pattern)}")


def _setting_object(setting: Setting) -> dict[str, object]:
    return {
        "name": setting.name,
        "value": setting.text,
        "path": setting.place.path if setting.place else None,
        "line": setting.place.line if setting.place else None,
        "before": [{"value": v.text, "path": v.path, "line": v.line} for v in setting.before],
    }


def _mail_object(config: MailConfig) -> dict[str, object]:
    return {
        "to": list(config.to),
        "sender": config.sender,
        "sendername": config.sendername,
        "mta": config.mta,
        "whois": config.whois,
        "lines": config.lines,
        "digest": config.digest,
        "limit": config.limit,
    }


def _filter_object(config: FilterConfig) -> dict[str, object]:
    return {
        "name": config.name,
        "path": config.path,
        "prefregex": config.prefregex,
        "failregex": list(config.failregex),
        "ignoreregex": list(config.ignoreregex),
        "prefixed": config.prefixed,
        "source": config.source,
    }
