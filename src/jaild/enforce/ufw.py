# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module speaks with ufw's own Python package, and is the only one that does.

The package is made for one command line: it prints, exits, and looks at ``sys.argv``. All of that
ends here. Its internals are not promised to anybody, so they are checked before they are used.
"""

import gettext
import importlib
import io
import socket
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import cast

from jaild.core.errors import FirewallFailed, JaildError
from jaild.core.rule import Rule
from jaild.enforce import program, tag
from jaild.enforce.kernel import FAMILIES, IPV4, IPV6, family_of
from jaild.enforce.ufw_face import NEEDED, Backend, Capabilities, UfwRule, UfwUnexpected, check

UFW = "/usr/sbin/ufw"
_ANYWHERE = {IPV4: "0.0.0.0/0", IPV6: "::/0"}
_FILES = {IPV4: "rules", IPV6: "rules6"}


class UfwMissing(FirewallFailed):
    """ufw is not installed."""


class Package:
    """ufw's package, found and checked."""

    def __init__(self) -> None:
        """Import it; raises UfwMissing or UfwUnexpected."""
        if not Path(UFW).exists():
            raise UfwMissing("ufw is not installed")
        gettext.install("ufw")
        with _quiet("be loaded", UfwUnexpected):
            parts = {name: importlib.import_module(name) for name in NEEDED}
        check(parts)
        self._make_rule: Callable[..., UfwRule] = parts["ufw.common"].UFWRule
        self.refusal: type[Exception] = parts["ufw.common"].UFWError
        backend = parts["ufw.backend_iptables"].UFWBackendIptables
        self._backends = {forced: _with_ipv6(backend, forced=forced) for forced in (False, True)}
        self._capabilities: dict[bool, Capabilities] = {}

    def load(self) -> "RuleSet":
        """Read ufw's settings and rules as they are now; raises FirewallFailed."""
        with _quiet("read its rules"):
            backend = self._backends[False](dryrun=False)
            ipv6 = backend.use_ipv6()
            # Finding out runs a dozen iptables commands, and the answer stays.
            backend.caps = self._capabilities.get(ipv6)
            return RuleSet(self, backend, ipv6=ipv6)

    def load_sleeping(self) -> "RuleSet":
        """Read ufw's rules with those of IPv6, as if IPv6 were on; raises FirewallFailed."""
        with _quiet("read its rules"):
            backend = self._backends[True](dryrun=False)
            # The kernel may know nothing of IPv6 and must not be asked.
            backend.caps = {"limit": {"4": True, "6": True}}
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
            dst=_ANYWHERE[family],
            src=rule.address,
            comment=tag.encode(tag.comment_of(rule.jail)),
        )
        made.set_v6(family == IPV6)
        return made


class RuleSet:
    """ufw's rules in memory, as one transaction reads, changes and writes them."""

    def __init__(self, package: Package, backend: Backend, *, ipv6: bool) -> None:
        self._package = package
        self._backend = backend
        self.ipv6 = ipv6
        self.enabled = backend.is_enabled()
        self.families = FAMILIES if ipv6 else FAMILIES[:1]
        self._rules = {IPV4: backend.rules, IPV6: backend.rules6}
        self._tagged = {family: _tagged(self._rules[family]) for family in self.families}

    @property
    def capabilities(self) -> Capabilities | None:
        """What the kernel can do, if it was asked."""
        return self._backend.caps

    def path(self, family: int) -> str:
        """Return the path of a family's rules file."""
        return self._backend.files[_FILES[family]]

    def count(self, family: int) -> int:
        """Return how many rules ufw found in a family's file."""
        return len(self._rules[family])

    def tagged(self, family: int) -> set[Rule]:
        """Return jaild's rules of one family."""
        return set(self._tagged.get(family, ()))

    def remove(self, rules: Iterable[Rule]) -> None:
        """Take rules of jaild's away."""
        gone = {
            id(found) for rule in rules for found in self._tagged[family_of(rule)].pop(rule, ())
        }
        for family in self.families:
            kept = [rule for rule in self._rules[family] if id(rule) not in gone]
            self._rules[family][:] = kept

    def put_in_front(self, rules: Sequence[Rule]) -> dict[Rule, str]:
        """Add rules before all others; return those that ufw does not take, with its reason."""
        refused: dict[Rule, str] = {}
        new: dict[int, list[UfwRule]] = {family: [] for family in self.families}
        with _quiet("take new rules"):
            for rule in rules:
                family = family_of(rule)
                try:
                    made = self._package.build(rule, family)
                except self._package.refusal as error:
                    refused[rule] = f"ufw does not take it: {_words(error)}"
                    continue
                new[family].append(made)
                self._tagged[family][rule] = [made]
        for family, made_rules in new.items():
            self._rules[family][:0] = made_rules
        return refused

    def write(self, family: int, path: Path) -> None:
        """Let ufw write a family's rules to another file than its own; raises FirewallFailed."""
        key = _FILES[family]
        own = self._backend.files[key]
        self._backend.files[key] = str(path)
        try:
            with _quiet(f"write {own}"):
                self._backend._write_rules(v6=family == IPV6)  # noqa: SLF001 - checked
        finally:
            self._backend.files[key] = own


def _tagged(rules: Sequence[UfwRule]) -> dict[Rule, list[UfwRule]]:
    """Return jaild's rules; one that is there more than once has several of ufw's."""
    found: dict[Rule, list[UfwRule]] = {}
    jails: dict[str, str] = {}
    for rule in rules:
        if rule.comment not in jails:
            jails[rule.comment] = tag.decode(rule.comment)
        jail = jails[rule.comment]
        known = _read(jail, rule) if jail else None
        if known is not None:
            found.setdefault(known, []).append(rule)
    return found


def _read(jail: str, rule: UfwRule) -> Rule | None:
    """Return a rule that carries jaild's tag, unless somebody else wrote it."""
    rest = (rule.sport, rule.direction, rule.forward, rule.logtype)
    names = rule.dapp + rule.sapp + rule.interface_in + rule.interface_out
    if rest != ("any", "in", False, "") or names or rule.dst not in _ANYWHERE.values():
        return None
    return tag.rule(jail, rule.src, rule.dport, rule.protocol, rule.action)


def _with_ipv6(backend: type[object], *, forced: bool) -> Callable[..., Backend]:
    def use_ipv6(self: Backend) -> bool:
        return forced or (self.defaults.get("ipv6") == "yes" and _has_ipv6())

    # ufw looks for /proc/sys/net/ipv6, which a unit with ProcSubset=pid does not see.
    return cast("Callable[..., Backend]", type("Backend", (backend,), {"use_ipv6": use_ipv6}))


def _has_ipv6() -> bool:
    try:
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).close()
    except OSError:
        return False
    return True


@contextmanager
def _quiet(doing: str, kind: type[FirewallFailed] = FirewallFailed) -> Iterator[None]:
    """Turn whatever ufw prints, raises, or exits with into one FirewallFailed."""
    said = io.TextIOWrapper(io.BytesIO(), errors="replace")
    own, sys.argv = sys.argv, [UFW]
    try:
        with redirect_stderr(said), redirect_stdout(said):
            yield
    except JaildError:
        raise
    except (Exception, SystemExit) as error:
        words = _printed(said) if isinstance(error, SystemExit) else _words(error)
        raise kind(f"ufw cannot {doing}: {program.one_line(words)}") from error
    finally:
        sys.argv = own


def _words(error: Exception) -> str:
    # The text of ufw's own error is the quoted form of what it means to say.
    return str(getattr(error, "value", error))


def _printed(said: io.TextIOWrapper) -> str:
    said.flush()
    buffer = said.buffer
    return buffer.getvalue().decode(errors="replace") if isinstance(buffer, io.BytesIO) else ""
