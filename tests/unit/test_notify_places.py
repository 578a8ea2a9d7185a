# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Countries and networks from databases in MaxMind's format, which the tests write themselves."""

import ipaddress
import logging
import os
import struct

import pytest

from jaild.core.address import Address
from jaild.notify import places
from jaild.notify.places import Places, country_of, network_of

ADDRESS = Address("192.0.2.7")
GERMANY = {"country": {"iso_code": "DE", "names": {"de": "Deutschland", "en": "Germany"}}}
EXAMPLE = {"autonomous_system_number": 64496, "autonomous_system_organization": "Example Org"}


def encode(value) -> bytes:
    """A value of the data section: control byte (type, size), payload."""
    if isinstance(value, dict):
        parts = (encode(key) + encode(one) for key, one in value.items())
        return control(7, len(value)) + b"".join(parts)
    if isinstance(value, list):
        return control(11, len(value)) + b"".join(map(encode, value))
    if isinstance(value, str):
        raw = value.encode()
        return control(2, len(raw)) + raw
    raw = value.to_bytes(8, "big").lstrip(b"\0")
    return control(9, len(raw)) + raw


def control(kind: int, size: int) -> bytes:
    extra = b""
    if size >= 29:
        assert size < 285
        size, extra = 29, bytes([size - 29])
    head = bytes([kind << 5 | size]) if kind <= 7 else bytes([size, kind - 7])
    return head + extra


def database(networks: dict, version: int = 6) -> bytes:
    """A whole database: tree of 24 bit records, data, metadata; IPv4 lies in ::/96."""
    data, tree, ends = b"", [[None, None]], []
    for text, record in networks.items():
        network = ipaddress.ip_network(text)
        bits = f"{int(network.network_address):0{network.max_prefixlen}b}"[: network.prefixlen]
        bits = "0" * 96 + bits if (network.version, version) == (4, 6) else bits
        node = 0
        for bit in map(int, bits[:-1]):
            if tree[node][bit] is None:
                tree.append([None, None])
                tree[node][bit] = len(tree) - 1
            node = tree[node][bit]
        ends.append((node, int(bits[-1]), len(data)))
        data += encode(record)
    for node, bit, place in ends:
        tree[node][bit] = len(tree) + 16 + place
    pairs = [len(tree) if side is None else side for node in tree for side in node]
    metadata = {
        "binary_format_major_version": 2, "binary_format_minor_version": 0, "build_epoch": 1,
        "database_type": "Test", "description": {"en": "Test"}, "ip_version": version,
        "languages": ["en"], "node_count": len(tree), "record_size": 24,
    }  # fmt: skip
    packed = b"".join(struct.pack("!I", record)[1:] for record in pairs)
    return packed + bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + encode(metadata)


@pytest.fixture
def countries(tmp_path):
    path = tmp_path / "country.mmdb"
    path.write_bytes(database({"192.0.2.0/24": GERMANY, "2001:db8::/32": GERMANY}))
    return path


@pytest.fixture
def systems(tmp_path):
    path = tmp_path / "asn.mmdb"
    path.write_bytes(database({"192.0.2.0/24": EXAMPLE}))
    return path


def replace(path, data: bytes) -> None:
    """As whoever updates a database does it."""
    new = path.with_suffix(".new")
    new.write_bytes(data)
    new.replace(path)


def test_country_and_network(countries, systems):
    known = Places([countries, systems])
    assert known.find(ADDRESS) == ("Germany (DE)", "AS64496 Example Org")
    assert known.find(Address("2001:db8::1")) == ("Germany (DE)", "")
    assert known.find(Address("198.51.100.1")) == ("", "")


def test_networks_are_where_they_begin(countries):
    assert Places([countries]).find(Address("192.0.2.0/25")) == ("Germany (DE)", "")


def test_the_first_that_knows_wins(countries, tmp_path):
    other = tmp_path / "other.mmdb"
    other.write_bytes(database({"192.0.2.0/24": {"country": "FR", "asn": "AS1", "as_name": "X"}}))
    assert Places([countries, other]).find(ADDRESS) == ("Germany (DE)", "AS1 X")
    assert Places([other, countries]).find(ADDRESS) == ("FR", "AS1 X")


def test_a_changed_file_is_opened_again(countries):
    known = Places([countries])
    assert known.find(ADDRESS)[0] == "Germany (DE)"
    replace(countries, database({"192.0.2.0/24": {"country": {"iso_code": "FR"}}}))
    assert known.find(ADDRESS)[0] == "FR"


def test_a_broken_file_is_said_once_until_it_is_mended(countries, systems, caplog):
    whole = countries.read_bytes()
    countries.write_bytes(b"nonsense")
    known = Places([countries, systems])
    for _ in range(3):
        assert known.find(ADDRESS) == ("", "AS64496 Example Org")
    assert caplog.messages == [
        f"the database {countries} cannot be used: it is damaged, or no such database"
    ]
    replace(countries, whole)
    assert known.find(ADDRESS)[0] == "Germany (DE)"
    replace(countries, b"")
    known.find(ADDRESS)
    assert len(caplog.messages) == 2


def test_a_missing_file_is_said_once_and_used_when_it_comes(tmp_path, caplog):
    path = tmp_path / "later.mmdb"
    known = Places([path])
    for _ in range(3):
        assert known.find(ADDRESS) == ("", "")
    assert caplog.messages == [f"the database {path} cannot be read: No such file or directory"]
    path.write_bytes(database({"192.0.2.0/24": EXAMPLE}))
    assert known.find(ADDRESS) == ("", "AS64496 Example Org")


def test_a_file_that_is_cut_short_in_use(countries, caplog):
    known = Places([countries])
    assert known.find(ADDRESS)[0]
    with countries.open("r+b") as file:
        file.truncate(20)
    assert known.find(ADDRESS) == ("", "")
    assert len(caplog.messages) == 1


@pytest.mark.parametrize("step", range(7))
def test_damage_anywhere_is_survived(countries, step):
    whole = countries.read_bytes()
    for place in range(step, len(whole), 7):
        countries.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        country, network = Places([countries]).find(ADDRESS)
        assert country.isprintable()
        assert network.isprintable()


def test_a_database_of_ipv4_only(tmp_path, caplog):
    path = tmp_path / "four.mmdb"
    path.write_bytes(database({"192.0.2.0/24": GERMANY}, version=4))
    known = Places([path])
    assert known.find(Address("2001:db8::1")) == ("", "")
    assert known.find(ADDRESS) == ("Germany (DE)", "")
    assert not caplog.messages


def test_without_the_package(countries, monkeypatch, caplog):
    monkeypatch.setattr(places, "library", None)
    known = Places([countries])
    assert [known.find(ADDRESS) for _ in range(2)] == [("", "")] * 2
    assert caplog.messages == ["geoip.database needs the package python3-maxminddb"]
    caplog.clear()
    Places([])
    assert not caplog.messages


def test_nothing_is_read_from_a_pipe(tmp_path, caplog):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    assert Places([path]).find(ADDRESS) == ("", "")
    assert caplog.record_tuples[0][1] == logging.WARNING


@pytest.mark.parametrize(
    ("record", "country", "network"),
    [
        ({"registered_country": {"iso_code": "US"}}, "US", ""),
        ({"country": {"names": {"en": "Atlantis"}}}, "Atlantis", ""),
        ({"country": ["DE"], "asn": 7}, "", ""),
        ({"country": {"iso_code": 7, "names": "x"}}, "", ""),
        ({"autonomous_system_number": 64496}, "", "AS64496"),
        ({"as_name": "a\x1b[2J\nb" + "c" * 500}, "", "a\ufffd[2J\ufffdb" + "c" * 93),
    ],
    ids=range(6),
)
def test_records_of_all_kinds(record, country, network):
    assert country_of(record) == country
    assert network_of(record) == network
