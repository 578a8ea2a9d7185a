# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module tells what of a fail2ban tree came with fail2ban and what its administrator wrote."""

import hashlib
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

# Where Debian's package has its files.
HOME = Path("/etc/fail2ban")
_DPKG = ("dpkg-query", "-W", "-f=${Conffiles}", "fail2ban")
_SECONDS = 10

# What Debian 12 ships, for trees that were brought from another machine.
_CHECKSUMS = {
    "jail.conf": frozenset({"fe889b256ba47275622e00d18f56af4c"}),
    "fail2ban.conf": frozenset({"d69808e46c0fde98cb6994fc1807b34d"}),
}

# The names of the filters and actions of fail2ban 0.9 to 1.1.
_FILTER_NAMES = """
    3proxy apache-auth apache-badbots apache-botsearch apache-common apache-fakegooglebot
    apache-modsecurity apache-nohome apache-noscript apache-overflows apache-pass
    apache-shellshock assp asterisk bitwarden botsearch-common centreon common counter-strike
    courier-auth courier-smtp cyrus-imap dante directadmin domino-smtp dovecot dropbear
    drupal-auth ejabberd-auth exim exim-common exim-spam freeswitch froxlor-auth gitlab grafana
    groupoffice gssftpd guacamole haproxy-http-auth horde kerio lighttpd-auth mongodb-auth monit
    monitorix mssql-auth murmur mysqld-auth nagios named-refused nginx-bad-request
    nginx-botsearch nginx-error-common nginx-forbidden nginx-http-auth nginx-limit-req nsd
    openhab openwebmail oracleims pam-generic perdition php-url-fopen phpmyadmin-syslog
    portsentry postfix proftpd pure-ftpd qmail recidive roundcube-auth routeros-auth scanlogd
    screensharingd selinux-common selinux-ssh sendmail-auth sendmail-reject sieve slapd
    softethervpn sogo-auth solid-pop3d squid squirrelmail sshd stunnel suhosin tine20
    traefik-auth uwimap-auth vsftpd webmin-auth wuftpd xinetd-fail znc-adminlog zoneminder
"""
_ACTION_NAMES = """
    abuseipdb apf apprise blocklist_de bsd-ipfw cloudflare cloudflare-token complain dshield
    dummy firewallcmd-allports firewallcmd-common firewallcmd-ipset firewallcmd-multiport
    firewallcmd-new firewallcmd-rich-logging firewallcmd-rich-rules helpers-common hostsdeny
    ipfilter ipfw iptables iptables-allports iptables-ipset iptables-ipset-proto4
    iptables-ipset-proto6 iptables-ipset-proto6-allports iptables-multiport
    iptables-multiport-log iptables-new iptables-xt_recent-echo ipthreat mail mail-buffered
    mail-whois mail-whois-common mail-whois-lines mikrotik mynetwatchman netscaler nftables
    nftables-allports nftables-multiport nginx-block-map npf nsupdate osx-afctl osx-ipfw pf
    route sendmail sendmail-buffered sendmail-common sendmail-geoip-lines sendmail-whois
    sendmail-whois-ipjailmatches sendmail-whois-ipmatches sendmail-whois-lines
    sendmail-whois-matches shorewall shorewall-ipset-proto6 smtp symbiosis-blacklist-allports
    ufw xarf-login-attack
"""
_FILTERS = frozenset(_FILTER_NAMES.split())
_ACTIONS = frozenset(_ACTION_NAMES.split())
_PATHS = re.compile(r"paths-(?:common|debian|fedora|freebsd|osx|arch|opensuse)\.conf")


class Stock:
    """A fail2ban tree, and the checksums that its package gave the files below HOME."""

    def __init__(self, source: Path, checksums: Mapping[str, str]) -> None:
        self._source = source
        self._checksums = checksums
        self._is_home = source.absolute() == HOME

    def is_stock(self, relative: str) -> bool | None:
        """Return whether a file is as fail2ban shipped it; None if that cannot be told."""
        path = self._source / relative
        given = self._checksums.get(f"{HOME}/{relative}")
        if given and given == _checksum(path):
            return True
        if self._is_home and self._checksums:
            return False
        return self._by_name(relative, path)

    def _by_name(self, relative: str, path: Path) -> bool | None:
        if relative in _CHECKSUMS:
            return True if _checksum(path) in _CHECKSUMS[relative] else None
        folder, _, name = relative.rpartition("/")
        stem, _, suffix = name.partition(".")
        if folder == "filter.d":
            return suffix == "conf" and stem in _FILTERS
        if folder == "action.d":
            return suffix in ("conf", "py") and stem in _ACTIONS
        return not folder and bool(_PATHS.fullmatch(name))


def checksums() -> Mapping[str, str]:
    """Return the checksums of the package's configuration files, empty if it is not installed."""
    try:
        answer = subprocess.run(
            _DPKG, capture_output=True, timeout=_SECONDS, check=True, text=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return {}
    words = (line.split() for line in answer.splitlines())
    return {line[0]: line[1] for line in words if len(line) >= 2}  # noqa: PLR2004


def _checksum(path: Path) -> str:
    try:
        return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    except OSError:
        return ""
