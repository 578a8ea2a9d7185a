# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module tells which systemd units log under a daemon's name."""

import re

# Programs whose unit has another name, on Debian or elsewhere.
_UNITS = {
    "sshd": ("ssh", "sshd"),
    "mysqld": ("mariadb", "mysql", "mysqld"),
    "mariadbd": ("mariadb", "mysql"),
    "named": ("named", "bind9"),
    "nrpe": ("nagios-nrpe-server", "nrpe"),
    "in.tftpd": ("tftpd-hpa",),
    "apache2": ("apache2", "httpd"),
    "httpd": ("apache2", "httpd"),
    "murmurd": ("mumble-server", "murmurd"),
}
# Units are written in small letters; other names are those of programs without a unit.
_PLAIN = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
# Names under which more than one service logs: their units cannot be told from the name.
_SHARED = frozenset({"auth", "kernel", "root", "daemon", "systemd", "user"})


def units_of(daemon: str) -> str:
    """Return the journal match of the units that a plain daemon name stands for, "" if unknown."""
    if not _PLAIN.fullmatch(daemon) or daemon in _SHARED:
        return ""
    return " ".join(f"_SYSTEMD_UNIT={unit}.service" for unit in _UNITS.get(daemon, (daemon,)))
