# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""jailctl import: what it shows, and what it does to files."""

import os
import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaild.cli.main import run
from jaild.config.bring import stock, write
from jaild.config.bring.model import NewFile
from jaild.config.bring.proposal import propose
from jaild.config.load import examine
from jaild.config.tree import Tree
from tests.import_house import SHIPPED, STOCK, House, checksums, put


@pytest.fixture
def house(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(stock, "checksums", checksums)
    return House(tmp_path, capsys)


def test_a_dry_run_writes_nothing(house):
    put(house.source, {"jail.local": "[sshd]\nmaxretry = 3\nlogpath = x\n"})
    status, out, err = house.run()
    assert (status, err) == (0, "")
    assert not house.into.exists()
    assert f"==> {house.into}/jail.local <==\n[sshd]\nmaxretry = 3\n" in out
    assert f"{house.source}/jail.local:3: noted: [sshd] logpath = x: " in out
    assert "1 file to write (nothing is written yet; add --write)" in out
    assert "systemctl disable --now fail2ban" in out


def test_writing(house):
    files = {"jail.local": "[sshd]\nmaxretry = 3\n", "jail.d/a.conf": "[web]\nenabled = true\n"}
    put(house.source, files)
    os.umask(0o077)
    status, out, err = house.run("--write")
    os.umask(0o022)
    assert (status, err) == (0, "")
    for name, text in files.items():
        assert (house.into / name).read_text() == text
        assert stat.S_IMODE((house.into / name).stat().st_mode) == 0o644
    assert "jailctl check" in out
    assert house.is_sound()
    assert house.run("--write")[0] == 0


def test_nobodys_work_is_overwritten_unless_by_force(house):
    put(
        house.source,
        {"jail.local": "[sshd]\nmaxretry = 3\n", "jail.d/a.conf": "[web]\nport = 80\n"},
    )
    put(house.into, {"jail.local": "# mine\n"})
    assert house.after({})["in_the_way"] == ["jail.local"]
    status, _, err = house.run("--write")
    assert status == 1
    assert "jail.local" in err
    assert "--force" in err
    assert sorted(path.name for path in house.into.rglob("*")) == ["jail.local"]
    assert house.run("--write", "--force")[0] == 0
    assert (house.into / "jail.local").read_text() == "[sshd]\nmaxretry = 3\n"
    assert sorted(path.name for path in house.into.rglob("*")) == ["a.conf", "jail.d", "jail.local"]


def test_a_failure_half_way_leaves_everything_as_it_was(tmp_path, monkeypatch):
    put(tmp_path, {"b": "old"})
    real = os.link

    def link(source, target, **options):
        if Path(target).name == "c":
            raise OSError(28, "No space left on device", str(target))
        real(source, target, **options)

    monkeypatch.setattr(os, "link", link)
    files = [NewFile(name, b"new") for name in ("d/a", "b", "c")]
    with pytest.raises(write.NotWritten, match="No space"):
        write.write(tmp_path, files, force=True)
    assert [path.name for path in tmp_path.rglob("*")] == ["b"]
    assert (tmp_path / "b").read_text() == "old"


def test_a_source_that_cannot_be_read_is_78_with_every_mistake(house):
    put(house.source, {"jail.local": "[sshd]\nnonsense\n", "fail2ban.local": "x\n"})
    status, out, err = house.run("--write")
    assert (status, out) == (78, "")
    assert "jail.local:2: " in err
    assert "fail2ban.local:1: " in err
    assert not house.into.exists()


@pytest.mark.parametrize("words", [["/nowhere/at/all"], []])
def test_no_tree_at_all(words, capsys):
    try:
        status = run(["import", *words], None)
    except SystemExit as end:
        status = end.code
    assert status == (78 if words else 2)
    assert "Traceback" not in capsys.readouterr().err


def test_hostile_text_does_not_reach_the_terminal(house):
    put(house.source, {"jail.local": "[sshd]\nmaxretry = \x1b[2J\nlogpath = \u202e\n"})
    out = "".join(house.run()[1:])
    assert all(char.isprintable() or char in "\n\t" for char in out)


def test_on_a_terminal_the_remarks_are_a_table(house, monkeypatch):
    put(house.source, {"jail.local": "[sshd]\nmaxretry = 3\nlogpath = [red]x\n"})
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    out = house.run()[1]
    assert "Where" in out
    assert "[red]x" in out


LINES = ["[sshd]", "[web]", "[DEFAULT]", "[INCLUDES]", "before = jail.local", "enabled = true",
         "filter = x", "action = mail", "port = %(x)s", "  more", "# a", "[a b]", "x"]  # fmt: skip


@settings(max_examples=settings().max_examples // 4)
@given(
    name=st.sampled_from(["jail.local", "jail.conf", "fail2ban.local", "filter.d/web.conf"]),
    content=st.binary(max_size=80)
    | st.lists(st.sampled_from(LINES) | st.text(max_size=12), max_size=12).map(
        lambda lines: "\n".join(lines).encode()
    ),
)
def test_whatever_stands_there_ends_in_a_proposal(name, content):
    with tempfile.TemporaryDirectory() as folder:
        source, tree = Path(folder) / "f2b", Tree(Path(folder) / "etc", Path(folder) / "shipped")
        put(source, STOCK)
        put(tree.shipped, SHIPPED)
        (source / name).write_bytes(content)
        found = propose(source, tree, {})
        assert found.unreadable or found.jails or found.lost or "sshd" not in found.jails
        write.write(tree.etc, found.files, force=False)
        assert found.unreadable or not examine(tree).mistakes
