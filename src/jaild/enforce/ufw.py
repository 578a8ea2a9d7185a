# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module speaks with ufw's own Python package, and is the only one that does.

The package is made for one command line: it prints, exits, and looks at ``sys.argv``. All of that
ends here. Its internals are not promised to anybody, so they are checked before they are used.
"""

import gettext
import importlib
import logging
import socket
from collections.abc import Callable
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import cast

from jaild.core.address import Address
from jaild.core.errors import FirewallFailed
from jaild.core.rule import Rule
from jaild.enforce import blocks, tag
from jaild.enforce.blocks import Form
from jaild.enforce.kernel import IPV4, IPV6, user_chain
from jaild.enforce.quiet import UFW, quiet
from jaild.enforce.rule_set import ANYWHERE, KEYS, Known, RuleSet
from jaild.enforce.ufw_face import NEEDED, Backend, Capabilities, UfwRule, UfwUnexpected, check

logger = logging.getLogger(__name__)

# Addresses for documentation: they stand for every other one.
_SPECIMENS = {IPV4: Address("192.0.2.1"), IPV6: Address("2001:db8::1")}
# What the kernel can do is told, not asked: it may know nothing of IPv6.
_ALL = {"limit": {"4": True, "6": True}}
_MOST_FORMS = 10_000


class UfwMissing(FirewallFailed):
    """ufw is not installed."""


class Package:
    """ufw's package, found and checked."""

    def __init__(self) -> None:
        """Import it; raises UfwMissing or UfwUnexpected."""
        if not Path(UFW).exists():
            raise UfwMissing("ufw is not installed")
        gettext.install("ufw")
        with quiet("be loaded", UfwUnexpected):
            parts = {name: importlib.import_module(name) for name in NEEDED}
        check(parts)
        self._make_rule: Callable[..., UfwRule] = parts["ufw.common"].UFWRule
        self.refusal: type[Exception] = parts["ufw.common"].UFWError
        backend = parts["ufw.backend_iptables"].UFWBackendIptables
        self._backends = {forced: _with_ipv6(backend, forced=forced) for forced in (False, True)}
        self._read_rules: Callable[[Backend], None] = backend._read_rules  # noqa: SLF001 - checked
        self._capabilities: dict[bool, Capabilities] = {}
        self._forms: dict[tuple[str, str, str, str, int], Form | None] = {}
        self.known: dict[Path, Known] = {}

    def load(self) -> "RuleSet":
        """Read ufw's settings and rules as they are now; raises FirewallFailed."""
        with quiet("read its rules"):
            backend = self._backends[False](dryrun=False)
            ipv6 = backend.use_ipv6()
            # Finding out runs a dozen iptables commands, and the answer stays.
            backend.caps = self._capabilities.get(ipv6)
            return RuleSet(self, backend, ipv6=ipv6)

    def load_sleeping(self) -> "RuleSet":
        """Read ufw's rules with those of IPv6, as if IPv6 were on; raises FirewallFailed."""
        with quiet("read its rules"):
            backend = self._backends[True](dryrun=False)
            backend.caps = _ALL
            return RuleSet(self, backend, ipv6=True)

    def keep(self, rules: "RuleSet") -> None:
        """Remember what the rule set has found out about the kernel."""
        if rules.capabilities is not None:
            self._capabilities[rules.ipv6] = rules.capabilities

    def build(self, rule: Rule, family: int) -> UfwRule:
        """Return a rule in ufw's own form; raises ``refusal``."""
        made = self._make_rule(
            rule.verdict,
            rule.protocol,
            dport=rule.ports or "any",
            dst=ANYWHERE[family],
            src=rule.address,
            comment=tag.encode(tag.comment_of(rule.jail)),
        )
        made.set_v6(family == IPV6)
        return made

    def read(self, backend: Backend) -> None:
        """Let ufw read its files; a new backend has not."""
        self._read_rules(backend)

    def form(self, rule: Rule, family: int) -> Form | None:
        """Return how ufw writes such a rule, None if that is not sure or ufw refuses it."""
        key = (rule.jail, rule.ports, rule.protocol, rule.verdict, family)
        if key not in self._forms:
            if len(self._forms) == _MOST_FORMS:
                self._forms.clear()
            try:
                self._forms[key] = self._form(rule, family)
            except FirewallFailed as error:
                logger.warning("every rule goes through ufw's package, which is slow: %s", error)
                self._forms[key] = None
        return self._forms[key]

    def _form(self, rule: Rule, family: int) -> Form | None:
        specimen = Rule(rule.jail, _SPECIMENS[family], rule.ports, rule.protocol, rule.verdict)
        with quiet("write a rule"), NamedTemporaryFile(prefix="jaild-") as file:
            try:
                made = self.build(specimen, family)
            except self.refusal:
                return None
            backend = self._backends[True](dryrun=False)
            backend.caps = _ALL
            (backend.rules6 if family == IPV6 else backend.rules).append(made)
            backend.files[KEYS[family]] = file.name
            backend._write_rules(v6=family == IPV6)  # noqa: SLF001 - checked
            written = Path(file.name).read_text("ascii")
        return blocks.form(written, specimen.address, user_chain(family))


def _with_ipv6(backend: type[object], *, forced: bool) -> Callable[..., Backend]:
    def use_ipv6(self: Backend) -> bool:
        return forced or (self.defaults.get("ipv6") == "yes" and _has_ipv6())

    def read_nothing(_self: Backend) -> None:
        """Leave the reading to who knows which of the rules are for ufw."""

    # ufw looks for /proc/sys/net/ipv6, which a unit with ProcSubset=pid does not see.
    own = {"use_ipv6": use_ipv6, "_read_rules": read_nothing}
    return cast("Callable[..., Backend]", type("Backend", (backend,), own))


def _has_ipv6() -> bool:
    try:
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).close()
    except OSError:
        return False
    return True
