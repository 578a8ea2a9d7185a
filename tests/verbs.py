# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The language the tests are written in: entries, the shipped filters, journals."""

import subprocess
from pathlib import Path

from jaild.config.load import load
from jaild.config.model import JailConfig
from jaild.config.tree import Tree
from jaild.core.entry import Entry
from jaild.core.filter import Filter

HERE = Path(__file__).parent
SHIPPED = HERE.parent / "src/jaild/data"
SECOND = 1_000_000
START = 1_760_000_000 * SECOND


def entry(message, *, at=0.0, pid=100, boot="b" * 32, uid=0, unit="ssh.service", comm="sshd"):
    """Return an entry of sshd's, ``at`` seconds after START."""
    fields = {
        "MESSAGE": message,
        "_PID": str(pid),
        "_BOOT_ID": boot,
        "_UID": str(uid),
        "_COMM": comm,
        "_SYSTEMD_UNIT": unit,
    }
    raw = {name: value.encode() for name, value in fields.items()}
    return Entry(START + int(at * SECOND), message, raw)


def jail_config(etc: Path, name: str = "sshd", **options: str) -> JailConfig:
    """Return one shipped jail with some options of its own."""
    (etc / "jail.d").mkdir(parents=True, exist_ok=True)
    lines = "".join(f"{option} = {value}\n" for option, value in options.items())
    (etc / "jail.d" / "test.local").write_text(f"[{name}]\nenabled = true\n{lines}")
    config = load(Tree(etc=etc, shipped=SHIPPED))
    assert not config.broken, config.broken
    return next(jail for jail in config.jails if jail.name == name)


def shipped_filter(etc: Path, name: str = "sshd", **options: str) -> Filter:
    """Return the compiled filter of a shipped jail."""
    chosen = jail_config(etc, name, **options).filter
    return Filter(chosen.name, chosen.failregex, chosen.ignoreregex, chosen.prefregex)


def write_journal(folder: Path, entries: list[Entry], name: str = "test") -> Path:
    """Make a real journal file of entries, in a folder that may hold others; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    export = bytearray()
    for each in entries:
        # An hour after the boot; within a boot the journal sorts files by monotonic time.
        monotonic = each.time - START + 3600 * SECOND
        export += f"__REALTIME_TIMESTAMP={each.time}\n__MONOTONIC_TIMESTAMP={monotonic}\n".encode()
        export += b"_MACHINE_ID=" + b"f" * 32 + b"\n"
        for field, value in each.fields.items():
            # The export format's form for values with newlines or arbitrary bytes.
            export += field.encode() + b"\n" + len(value).to_bytes(8, "little") + value + b"\n"
        export += b"\n"
    remote = "/usr/lib/systemd/systemd-journal-remote"
    if not Path(remote).exists():
        remote = "/lib/systemd/systemd-journal-remote"
    subprocess.run(
        [remote, f"--output={folder / name}.journal", "-"],
        input=bytes(export),
        check=True,
        capture_output=True,
    )
    return folder
