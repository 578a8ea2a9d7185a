# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module knows the actions that recipes for fail2ban name, and what kind each of them is."""

from enum import StrEnum


class Kind(StrEnum):
    """What an action does: ban through ufw, ban otherwise, send mail, tell others, or unknown."""

    UFW = "ufw"
    FIREWALL = "firewall"
    MAIL = "mail"
    REPORT = "report"
    UNKNOWN = "unknown"


# Firewalls whose actions ban an address from single ports …
_BY_PORT = frozenset(
    {
        *("bsd-ipfw", "ipfw", "osx-ipfw", "pf"),
        *("firewallcmd-ipset", "firewallcmd-multiport", "firewallcmd-new"),
        *("firewallcmd-rich-logging", "firewallcmd-rich-rules"),
        *("iptables", "iptables-new", "iptables-multiport", "iptables-multiport-log"),
        *("iptables-ipset", "iptables-ipset-proto4", "iptables-ipset-proto6"),
        *("nftables", "nftables-multiport", "nftables-common"),
    }
)
# … and those that ban it from everything.
_ALL_PORTS = frozenset(
    {
        *("apf", "hostsdeny", "ipfilter", "netscaler", "npf", "osx-afctl", "route"),
        *("shorewall", "shorewall-ipset-proto6", "iptables-xt_recent-echo"),
        *("firewallcmd-allports", "iptables-allports", "nftables-allports"),
        *("iptables-ipset-proto6-allports", "symbiosis-blacklist-allports"),
    }
)
_REPORTS = frozenset(
    {
        *("abuseipdb", "apprise", "badips", "badips.py", "blocklist_de", "cloudflare"),
        *("cloudflare-token", "complain", "dshield", "dummy", "ipthreat", "mynetwatchman"),
        *("nginx-block-map", "nsupdate", "xarf-login-attack"),
    }
)
# What follows the way that a mail takes.
_MAILS = (
    *("", "-buffered", "-lines", "-matches", "-whois", "-whois-lines", "-whois-matches"),
    *("-whois-ipmatches", "-whois-ipjailmatches", "-geoip-lines"),
)
_MAIL = frozenset({f"{way}{what}" for way in ("mail", "sendmail", "smtp") for what in _MAILS})

NAMES = frozenset({"ufw", "smtp.py"}) | _MAIL | _BY_PORT | _ALL_PORTS | _REPORTS


def kind(name: str) -> Kind:
    """Return what the named action does."""
    if name == "ufw":
        return Kind.UFW
    if name in _BY_PORT or name in _ALL_PORTS:
        return Kind.FIREWALL
    if name in _REPORTS:
        return Kind.REPORT
    return Kind.MAIL if name in _MAIL or name == "smtp.py" else Kind.UNKNOWN


def bans_all_ports(name: str) -> bool:
    """Return whether the action cannot be told single ports."""
    return name in _ALL_PORTS


def is_buffered(name: str) -> bool:
    """Return whether the action keeps some bans back for one mail."""
    return name.endswith("-buffered")
