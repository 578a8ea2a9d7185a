# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module is the verb import: what would be written, what became of the rest, and why."""

import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence

from jaild.cli.lines import Line, harmless, place, show_lines
from jaild.cli.verb import Exit, complain, say, say_json
from jaild.config.bring import stock, write
from jaild.config.bring.model import NewFile, Outcome, Proposal, Remark
from jaild.config.bring.proposal import propose
from jaild.config.command_line import tree
from jaild.core.text import printable

_STYLES = {Outcome.MAPPED: "green", Outcome.NOTED: "cyan", Outcome.REFUSED: "bold red"}
_WIDEST = 100


def run(options: Namespace) -> int:
    """Run the verb."""
    proposal = propose(options.source, tree(options), stock.checksums())
    if proposal.unreadable:
        for mistake in proposal.unreadable:
            complain(str(mistake))
        return Exit.CONFIGURATION
    if options.write:
        write.write(proposal.into, proposal.files, force=options.force)
    if options.json:
        say_json(as_object(proposal, written=options.write))
    else:
        _show(proposal, written=options.write)
    return Exit.DONE


def as_object(proposal: Proposal, *, written: bool) -> dict[str, object]:
    """Return a proposal for JSON."""
    remarks: dict[str, object] = {
        outcome: [_remark_object(one) for one in proposal.remarks if one.outcome is outcome]
        for outcome in Outcome
    }
    return {
        "files": [_file_object(proposal, file) for file in proposal.files],
        **remarks,
        "jails": list(proposal.jails),
        "lost": list(proposal.lost),
        "in_the_way": write.in_the_way(proposal.into, proposal.files),
        "written": written,
    }


def _show(proposal: Proposal, *, written: bool) -> None:
    if not written:
        for file in proposal.files:
            show_lines(_file(proposal, file))
    if proposal.remarks:
        _show_remarks(proposal.remarks)
        say("")
    show_lines([[("", line)] for line in _summary(proposal, written=written)])


def _file(proposal: Proposal, file: NewFile) -> Iterator[Line]:
    """Yield a file as it would be written."""
    yield [("bold", f"==> {printable(str(proposal.into / file.path))} <==")]
    if file.copied:
        yield [("dim", f"(a copy of {printable(file.copied)})")]
        yield [("", "")]
        return
    for line in file.content.decode(errors="replace").removesuffix("\n").split("\n"):
        yield [("", harmless(line.removesuffix("\r")))]
    yield [("", "")]


def _show_remarks(remarks: Sequence[Remark]) -> None:
    if not sys.stdout.isatty():
        for remark in remarks:
            what = f"{printable(remark.what)}: " if remark.what else ""
            where = place(remark.path, remark.line)
            say(f"{where}{remark.outcome}: {what}{printable(remark.why)}")
        return
    # Loading rich takes longer than all the rest of jailctl.
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for name in ("", "Where", "What", "Why"):
        table.add_column(name, no_wrap=not name, overflow="fold")
    for one in remarks:
        table.add_row(
            Text(one.outcome, _STYLES[one.outcome]),
            Text(place(one.path, one.line).removesuffix(": ")),
            Text(_short(printable(one.what))),
            Text(printable(one.why)),
        )
    Console().print(table)


def _short(text: str) -> str:
    return text if len(text) <= _WIDEST else f"{text[:_WIDEST]}…"


def _summary(proposal: Proposal, *, written: bool) -> Iterator[str]:
    into, files = printable(str(proposal.into)), len(proposal.files)
    done = "written" if written else "to write (nothing is written yet; add --write)"
    yield f"{files or 'no'} file{'' if files == 1 else 's'} {done} in {into}"
    jails = ", ".join(map(printable, proposal.jails)) or "none"
    yield f"jails that {'run' if written else 'would run'} in jaild: {jails}"
    if proposal.lost:
        lost = ", ".join(map(printable, proposal.lost))
        yield f"jails of fail2ban that {'do' if written else 'would'} not: {lost}"
    present = write.in_the_way(proposal.into, proposal.files)
    if present:
        shown = ", ".join(map(printable, present))
        yield f"in the way and different: {shown} (--force replaces them)"
    if written:
        yield "take it into use: jailctl check && jailctl reload"
    yield "two of them would ban: stop fail2ban with systemctl disable --now fail2ban"


def _file_object(proposal: Proposal, file: NewFile) -> dict[str, object]:
    return {
        "path": str(proposal.into / file.path),
        "content": file.content.decode(errors="replace"),
    }


def _remark_object(remark: Remark) -> dict[str, object]:
    return {"path": remark.path, "line": remark.line, "what": remark.what, "why": remark.why}
