# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module finds country and network of an address in databases that lie on this host.

They are in MaxMind's format: GeoLite2 Country, City and ASN, or the same from others. Reading
them needs python3-maxminddb, which need not be installed. Nothing is asked of the network.
"""

import errno
import logging
import stat
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jaild.core.address import Address, to_network
from jaild.core.text import printable

try:
    import maxminddb

    library: Any = maxminddb
except ImportError:
    library = None

logger = logging.getLogger(__name__)

LONGEST = 100

# What reading a damaged file ends in, besides the package's own error, which is a ValueError or a
# RuntimeError by its version.
_DAMAGED = (
    OSError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RuntimeError,
    MemoryError, struct.error,
)  # fmt: skip

# What tells one state of a file from another.
_State = tuple[int, int, int]


class Places:
    """Looks addresses up in the databases configured; of two that know something the first wins."""

    def __init__(self, paths: Sequence[Path]) -> None:
        if paths and library is None:
            logger.warning("geoip.database needs the package python3-maxminddb")
        self._databases = [_Database(path) for path in paths if library is not None]

    def find(self, address: Address) -> tuple[str, str]:
        """Return country ("Germany (DE)") and network ("AS64496 Example Org"); "" if unknown."""
        host = str(to_network(address).network_address)
        country = network = ""
        for database in self._databases:
            record = database.get(host)
            country = country or country_of(record)
            network = network or network_of(record)
        return country, network


class _Database:
    """One file: opened again when it has changed, given up until then when it cannot be read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._state: _State | None = None
        self._reader: Any = None
        self._said = ""

    def get(self, host: str) -> Mapping[str, Any]:
        """Return what the file says of an address, {} for nothing."""
        try:
            self._refresh()
            record = self._reader.get(host) if self._reader is not None else None
        except _DAMAGED as error:
            # A database of IPv4 only says so by a ValueError, and is not damaged.
            if not (isinstance(error, ValueError) and _is_too_new(self._reader, host)):
                self._give_up(error)
            record = None
        return record if isinstance(record, dict) else {}

    def _refresh(self) -> None:
        status = self._path.stat()
        state = (status.st_ino, status.st_mtime_ns, status.st_size)
        if state == self._state:
            return
        self._close()
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no file")
        self._state = state
        # From the file, not from a map of it: one that is cut short in use would end the process.
        self._reader = library.open_database(str(self._path), library.MODE_FILE)
        self._said = ""

    def _give_up(self, error: Exception) -> None:
        self._close()
        if isinstance(error, OSError):
            self._state = None
            text = f"the database {self._path} cannot be read: {error.strerror or error}"
        else:
            text = f"the database {self._path} cannot be used: it is damaged, or no such database"
        if text != self._said:
            self._said = text
            logger.warning(text)

    def _close(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()


def country_of(record: Mapping[str, Any]) -> str:
    """Return the country in a record, by name and code as far as there are."""
    country = record.get("country") or record.get("registered_country") or {}
    if isinstance(country, str):
        return _clean(country)
    code, name = _text(country, "iso_code"), _text(_part(country, "names"), "en")
    return f"{name} ({code})" if name and code else name or code


def network_of(record: Mapping[str, Any]) -> str:
    """Return whose autonomous system a record names, by number and organisation."""
    number = record.get("autonomous_system_number")
    system = f"AS{number}" if isinstance(number, int) else _text(record, "asn")
    owner = _text(record, "autonomous_system_organization") or _text(record, "as_name")
    return " ".join(part for part in (system, owner) if part)


def _part(record: Any, key: str) -> Any:  # noqa: ANN401 - whatever the file holds
    return record.get(key) if isinstance(record, dict) else None


def _text(record: Any, key: str) -> str:  # noqa: ANN401
    value = _part(record, key)
    return _clean(value) if isinstance(value, str) else ""


def _clean(text: str) -> str:
    return printable(text[:LONGEST]).strip()


def _is_too_new(reader: Any, host: str) -> bool:  # noqa: ANN401
    return ":" in host and reader is not None and reader.metadata().ip_version == 4  # noqa: PLR2004
