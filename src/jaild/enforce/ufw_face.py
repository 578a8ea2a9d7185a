# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module describes those internals of ufw's package that jaild leans on, and checks them.

They are promised to nobody: ufw may change them with any version.
"""

from collections.abc import Mapping
from inspect import Parameter, signature
from typing import Protocol

from jaild.core.errors import FirewallFailed

# The parts of the package that jaild leans on, and the parameters that they must have.
NEEDED: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "ufw.common": {
        "UFWRule": (
            "action",
            "protocol",
            "dport",
            "dst",
            "sport",
            "src",
            "direction",
            "forward",
            "comment",
        ),
        "UFWRule.set_v6": ("v6",),
        "UFWError": ("value",),
    },
    "ufw.backend_iptables": {
        "UFWBackendIptables": ("dryrun",),
        "UFWBackendIptables._read_rules": (),
        "UFWBackendIptables._write_rules": ("v6",),
        "UFWBackendIptables.initcaps": (),
        "UFWBackendIptables.is_enabled": (),
        "UFWBackendIptables.use_ipv6": (),
    },
}


class UfwUnexpected(FirewallFailed):
    """ufw's package is not built as jaild knows it."""


class UfwRule(Protocol):
    """ufw's rule, as far as jaild reads it; each value is the text in ufw's files."""

    action: str
    protocol: str
    dport: str
    dst: str
    sport: str
    src: str
    direction: str
    forward: bool
    comment: str
    dapp: str
    sapp: str
    interface_in: str
    interface_out: str
    logtype: str

    def set_v6(self, v6: bool) -> None:  # noqa: FBT001 - ufw's own
        """Make it an IPv6 rule."""


Capabilities = Mapping[str, Mapping[str, bool]]


class Backend(Protocol):
    """ufw's settings and rules as it read them from its files."""

    rules: list[UfwRule]
    rules6: list[UfwRule]
    files: dict[str, str]
    defaults: dict[str, str]
    caps: Capabilities | None

    def initcaps(self) -> None:
        """Ask the kernel what it can do, unless ``caps`` tells."""

    def is_enabled(self) -> bool:
        """Return whether ufw is switched on."""

    def use_ipv6(self) -> bool:
        """Return whether IPv6 is."""

    def _read_rules(self) -> None:
        """Add the rules of both families' files to the lists."""

    def _write_rules(self, v6: bool) -> None:  # noqa: FBT001 - ufw's own
        """Write one family's file."""


def check(parts: Mapping[str, object]) -> None:
    """Check the modules named in NEEDED; raises UfwUnexpected."""
    for name, wanted in NEEDED.items():
        for path, parameters in wanted.items():
            _check(parts[name], path, parameters)


def _check(part: object, path: str, parameters: tuple[str, ...]) -> None:
    found: object = part
    for name in path.split("."):
        found = getattr(found, name, None)
    if not callable(found):
        raise UfwUnexpected(f"ufw's package has no {path}")
    known = signature(found).parameters.values()
    flexible = any(parameter.kind is Parameter.VAR_KEYWORD for parameter in known)
    lacking = set(parameters) - {parameter.name for parameter in known}
    if lacking and not flexible:
        raise UfwUnexpected(f"{path} in ufw's package has no {', '.join(sorted(lacking))}")
